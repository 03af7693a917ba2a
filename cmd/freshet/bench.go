package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"

	"github.com/freshet/freshet/internal/bench"
	"github.com/freshet/freshet/log"
	"github.com/spf13/cobra"
)

// benchFlags are the flags that all benchmarks have.
type benchFlags struct {
	output     outputFlag
	rounds     int
	dir        string
	durability []string
	cpuProfile string
}

func (f *benchFlags) add(cmd *cobra.Command, modes []string) {
	f.output.add(cmd)
	cmd.Flags().IntVar(&f.rounds, "rounds", bench.DefaultRounds, "`number` of times that everything is measured")
	cmd.Flags().StringVar(&f.dir, "dir", os.TempDir(), "`directory` to measure in; what is made there is removed")
	cmd.Flags().StringSliceVar(&f.durability, "durability", modes, "`modes` to measure")
	cmd.Flags().StringVar(&f.cpuProfile, "cpuprofile", "", "write a CPU profile to `FILE`, its samples labelled side=freshet or side=by-hand")
}

// durabilities checks all flags.
func (f *benchFlags) durabilities() ([]log.Durability, error) {
	if f.rounds < 1 {
		return nil, usageError(fmt.Errorf("--rounds is %d, want at least 1", f.rounds))
	}
	var ds []log.Durability
	for _, name := range f.durability {
		d, err := log.ParseDurability(name)
		if err != nil {
			return nil, usageError(fmt.Errorf("--durability: %w", err))
		}
		ds = append(ds, d)
	}
	return ds, nil
}

// A benchReport is what a benchmark gives back.
type benchReport interface {
	WriteJSON(w io.Writer) error
	WriteText(w io.Writer) error
}

// run measures, with a profile if one is wanted, and prints.
func (f *benchFlags) run(ctx context.Context, s streams, measure func(ctx context.Context, progress func(string)) (benchReport, error)) error {
	var report benchReport
	err := profiled(f.cpuProfile, func() (err error) {
		report, err = measure(ctx, func(line string) { fmt.Fprintln(s.err, line) })
		return err
	})
	if err != nil {
		return err
	}
	if f.output.json() {
		return report.WriteJSON(s.out)
	}
	return report.WriteText(s.out)
}

// profiled runs f and writes its CPU profile, unless file is empty.
func profiled(file string, f func() error) (err error) {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write CPU profile: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := pprof.StartCPUProfile(out); err != nil {
		return fmt.Errorf("write CPU profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return f()
}

func newBenchCommand(s streams) *cobra.Command {
	cmd := newGroup("bench", "Measure this machine: Freshet against the same work written by hand")
	cmd.Long = `Measure this machine: Freshet against the same work written by hand. It takes
minutes, on an idle machine; a first impression takes seconds:

  freshet bench log append --rounds 1 --durability os --batch 100
  freshet bench log latency --short
  freshet bench wordcount --rounds 1 --durability os --words 1000000`
	cmd.AddCommand(newBenchLogCommand(s), newBenchWordcountCommand(s))
	return cmd
}

func newBenchWordcountCommand(s streams) *cobra.Command {
	var flags benchFlags
	var cfg bench.WordcountConfig
	cmd := &cobra.Command{
		Use:   "wordcount",
		Short: "Count words with a topology, against the same pipeline straight on files",
		Long: `Wordcount runs the whole of Freshet on generated text, whose words follow Zipf's
law: source topic, split and lower-case, repartition topic, count, changelog
and output topic, LevelDB. It is compared with the same pipeline written by hand:
as many goroutines, the same record batches in plain files, a map in front of
LevelDB, commits every 100 ms (in the mode sync with fdatasync of all files),
LevelDB written once a second. The source is written before the clock starts.

Words a second count from the start until everything is counted and committed.
CPU time and allocations count on until everything is closed. Both results are
compared with the true counts, and a difference is an error.

Output with --output json, one object:
  benchmark            "wordcount"
  machine              go, os, arch, threads
  rounds               number of interleaved rounds; all figures are their medians
  seed, partitions, workers, commit_interval_ms
  result               words, distinct_words, sha256 (of the sorted counts, both sides')
  rows[]               durability ("os", "sync")
    freshet, by_hand   words_per_second, cpu_seconds_per_million_words,
                       allocs_per_word, alloc_bytes_per_word
    ratio              median, min, max of the rounds: freshet's speed over that by hand
    cpu_ratio          CPU time by hand over freshet's`,
		Args: arguments(cobra.NoArgs),
	}
	flags.add(cmd, []string{"os", "sync"})
	cmd.Flags().Int64Var(&cfg.Words, "words", bench.DefaultWords, "`number` of words")
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", 1, "`seed` of the text")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ds, err := flags.durabilities()
		if err != nil {
			return err
		}
		if cfg.Words < 1 {
			return usageError(fmt.Errorf("--words is %d, want at least 1", cfg.Words))
		}
		if slices.Contains(ds, log.Interval) {
			return usageError(errors.New("--durability: wordcount is measured with os and sync"))
		}
		return flags.run(cmd.Context(), s, func(ctx context.Context, progress func(string)) (benchReport, error) {
			cfg.Dir, cfg.Rounds, cfg.Durabilities, cfg.Progress = flags.dir, flags.rounds, ds, progress
			return bench.Wordcount(ctx, cfg)
		})
	}
	return cmd
}
