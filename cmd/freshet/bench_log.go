package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/bench"
	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

const benchLogHelp = `Log measures what it is told to, or everything: append in full and the rest in
its short form, with fewer sizes and one round, which takes some minutes.

  append       values of 100 B and 1 KiB in batches of 1, 10, 100 and 1000, in each
               durability mode, and reading them back. The loop by hand encodes and
               checksums the same batches and writes each to one file with one system
               call, followed by fdatasync in the mode sync; it reads 1 MiB at a time,
               verifies every checksum and decodes every record.
  producers    goroutines with a producer each, or one for all, that produce 1 or 100
               records and wait, or do not wait (linger 5 ms). By hand: one file under
               a lock.
  keys         records with keys, and the partitions that they choose
  compression  codecs on values of JSON; the same code compresses by hand
  partitions   commits of 1000 records spread over many partitions. By hand: the same
               batches with one system call.
  recovery     opening after a kill, by size of the journal and of the log
  open         opening many partitions
  latency      commits of one record from four goroutines at a fixed rate, each
               counted from when it was meant to begin. By hand: one file under a lock.
  held         disk, files and memory while appending and afterwards; then ten times
               what the disk takes, from 64 producers that do not wait, and everything
               that was acknowledged read back. It needs room on the disk for what
               that takes in 10 seconds.

Freshet's time ends when everything is in its segments too; the column
"acknowledged" leaves out what happens after the last acknowledgement. The mode
interval syncs in the background on both sides; os and interval end unsynced.
All but append measure os and sync, recovery and compression os, overload sync.
Files and memory are 0 where the system does not tell them.

Output with --output json, one object:
  benchmark            "log"
  machine              go, os, arch, threads
  rounds               number of interleaved rounds; all figures are their medians
  short                true if all but rows were measured in the short form
  rows[]               operation ("append", "read"), durability (appends only),
                       value_bytes, batch_records,
                       records (by each side in each round)
    freshet, by_hand   records_per_second, megabytes_per_second (10^6 bytes of values),
                       acknowledged_records_per_second,
                       cpu_seconds_per_million_records, allocs_per_record, alloc_bytes_per_record
    ratio              median, min, max of the rounds: freshet's speed over that by hand
    acknowledged_ratio the same until the last acknowledgement
    cpu_ratio          CPU time by hand over freshet's
  producers[], keys[], compression[], partitions[]
                       have freshet, by_hand, ratio and acknowledged_ratio as rows have
  producers[]          durability, goroutines, shared_producer, call ("produce",
                       "produce_async", which has no by_hand), call_records,
                       records_per_group (of one write of the journal),
                       records_per_sync and syncs_per_second (sync only)
  keys[]               durability, partitions
  compression[]        codec, disk_bytes_per_value_byte, by_hand_disk_bytes_per_value_byte
  partitions[]         durability, partitions, open_files (at the end),
                       resident_bytes (of the process, the most)
  recovery[]           journal_bytes, log_bytes (of values), commits (replayed),
                       open_seconds, clean_open_seconds (after a close)
  open[]               partitions, open_seconds, close_seconds, create_seconds,
                       open_files, files_on_disk, heap_bytes (that the open log keeps)
  latency[]            durability, commits_per_second (meant)
    freshet, by_hand   commits, commits_per_second (reached), missed (not begun in twice
                       the time), p50_us, p99_us, p999_us, max_us
  held[]               durability, value_bytes, bytes (of all values),
                       disk_bytes_per_value_byte_most (while appending),
                       disk_bytes_per_value_byte_after (closing), open_files,
                       resident_bytes_before, resident_bytes_most, resident_bytes_after
  overload             seconds, producers, value_bytes, disk_megabytes_per_second,
                       offered_megabytes_per_second, acknowledged_megabytes_per_second,
                       offered_records, refused_records, acknowledged_records,
                       lost_records, buffer_bytes (that the configuration allows),
                       resident_bytes_before, resident_bytes_most`

// benchLogFlags are the flags of bench log. Sizes that are not given are for
// each form of a section to say.
type benchLogFlags struct {
	benchFlags
	cfg                bench.LogConfig
	journalMiB, logMiB []int
	heldMiB            int
	numbers            map[string]*[]int // by flag
}

func (f *benchLogFlags) add(cmd *cobra.Command) {
	f.benchFlags.add(cmd, []string{"os", "interval", "sync"})
	f.numbers = map[string]*[]int{}
	flags := cmd.Flags()
	numbers := func(into *[]int, name string, standard []int, usage string) {
		flags.IntSliceVar(into, name, standard, usage)
		f.numbers[name] = into
	}
	numbers(&f.cfg.ValueBytes, "value-bytes", []int{100, 1024}, "append, held: `sizes` of a value")
	numbers(&f.cfg.BatchRecords, "batch", []int{1, 10, 100, 1000}, "append: `numbers` of records in a batch")
	numbers(&f.cfg.Goroutines, "goroutines", nil, "producers: `numbers` of goroutines (default 1,4,16,64)")
	numbers(&f.cfg.KeyPartitions, "key-partitions", nil, "keys: `numbers` of partitions (default 1,8,64)")
	numbers(&f.cfg.Partitions, "partitions", nil, "partitions: `numbers` of them (default 1,10,100,1000)")
	numbers(&f.journalMiB, "journal-mib", nil, "recovery: `sizes` of the journal (default 16,64,256)")
	numbers(&f.logMiB, "log-mib", nil, "recovery: `sizes` of the log (default 100,1024)")
	numbers(&f.cfg.OpenPartitions, "open-partitions", nil, "open: `numbers` of partitions (default 1000,10000)")
	numbers(&f.cfg.Rates, "rate", []int{1000, 10_000}, "latency: `numbers` of commits a second")
	flags.DurationVar(&f.cfg.LatencyTime, "latency-time", bench.DefaultLatencyTime, "latency: how long at a rate, each round and side")
	flags.IntVar(&f.heldMiB, "held-mib", bench.DefaultHeldBytes>>20, "held: `size` of all values")
	flags.DurationVar(&f.cfg.Overload, "overload", bench.DefaultOverload, "held: how long to offer more than the disk takes")
	flags.BoolVar(&f.cfg.Short, "short", false, "measure sections that are named in their short form too")
}

// config checks the flags.
func (f *benchLogFlags) config(sections []string) (cfg bench.LogConfig, err error) {
	cfg = f.cfg
	cfg.Dir, cfg.Rounds = f.dir, f.rounds
	if cfg.Durabilities, err = f.durabilities(); err != nil {
		return cfg, err
	}
	for name, numbers := range f.numbers {
		for _, n := range *numbers {
			if n < 1 {
				return cfg, usageError(fmt.Errorf("--%s takes numbers from 1 on, not %d", name, n))
			}
		}
	}
	if f.heldMiB < 1 || cfg.LatencyTime <= 0 || cfg.Overload <= 0 {
		return cfg, usageError(errors.New("--held-mib, --latency-time and --overload want more than 0"))
	}
	for _, section := range sections {
		cfg.Sections = append(cfg.Sections, bench.Section(section))
		if section != string(bench.SectionAppend) && !slices.ContainsFunc(cfg.Durabilities, isMeasuredEverywhere) {
			return cfg, usageError(fmt.Errorf("--durability: %s is measured with os and sync", section))
		}
	}
	cfg.JournalBytes, cfg.LogBytes, cfg.HeldBytes = mebibytes(f.journalMiB), mebibytes(f.logMiB), int64(f.heldMiB)<<20
	return cfg, nil
}

func isMeasuredEverywhere(d log.Durability) bool { return d != log.Interval }

func mebibytes(numbers []int) (sizes []int64) {
	for _, n := range numbers {
		sizes = append(sizes, int64(n)<<20)
	}
	return sizes
}

func newBenchLogCommand(s streams) *cobra.Command {
	var sections []string
	for _, section := range bench.Sections() {
		sections = append(sections, string(section))
	}
	cmd := &cobra.Command{
		Use:       "log [SECTION…]",
		Short:     "Measure the log, against a bare loop on one file where that can be compared",
		Long:      benchLogHelp,
		ValidArgs: sections,
		Args:      arguments(cobra.OnlyValidArgs),
	}
	var flags benchLogFlags
	flags.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, sections []string) error {
		cfg, err := flags.config(sections)
		if err != nil {
			return err
		}
		return flags.run(cmd.Context(), s, func(ctx context.Context, progress func(string)) (benchReport, error) {
			cfg.Progress = progress
			return bench.Log(ctx, cfg)
		})
	}
	return cmd
}
