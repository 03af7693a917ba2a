package bench

import (
	"context"
	"slices"
	"time"

	"github.com/freshet/freshet/log"
)

// A LogConfig sets up [Log]. The zero value measures everything, most of it in
// the short form.
type LogConfig struct {
	// Sections to measure. Default: all, in the short form.
	Sections []Section

	// Short measures less in all sections but append: fewer sizes, and one
	// round of each.
	Short bool

	// Dir is where temporary directories are made. Default: the system's.
	Dir string

	// Rounds is how often each row is measured. Default 5.
	Rounds int

	// Durabilities to append with. Default: all. Only append measures Interval.
	Durabilities []log.Durability

	// ValueBytes are the sizes of a value, in append and held. Default 100 and
	// 1024.
	ValueBytes []int

	// BatchRecords are the numbers of records that are appended by one commit.
	// Default 1, 10, 100, 1000.
	BatchRecords []int

	// MaxBytes bounds the values that one pass writes. Default 128 MiB.
	MaxBytes int64

	// MinTime is how long the loop by hand takes at least, all passes of a
	// round together; in producers, keys and compression how long each side
	// appends in a round; in partitions five times as long. Default 200 ms.
	MinTime time.Duration

	// Goroutines are the numbers of those that produce. Default 1, 4, 16, 64;
	// short 1, 16.
	Goroutines []int

	// KeyPartitions are the numbers of partitions to choose from by key. Default
	// 1, 8, 64; short 8.
	KeyPartitions []int

	// Partitions are the numbers of partitions to spread commits over. Default 1,
	// 10, 100, 1000; short 1, 100.
	Partitions []int

	// JournalBytes are the sizes of a journal to recover, in bytes of values.
	// Default 16, 64, 256 MiB; short 16, 64 MiB.
	JournalBytes []int64

	// LogBytes are the sizes of the log to recover, in bytes of values. Default
	// 100 MiB and 1 GiB; short 16, 256 MiB.
	LogBytes []int64

	// OpenPartitions are the numbers of partitions to open. Default 1000 and
	// 10,000; short 1000.
	OpenPartitions []int

	// Rates are the commits a second to measure latencies at. Default 1000 and
	// 10,000.
	Rates []int

	// LatencyTime is how long each side commits at a rate in a round. Default
	// 2 s.
	LatencyTime time.Duration

	// HeldBytes is how many bytes of values to append to see what a log takes.
	// Default 512 MiB; a quarter of it when short.
	HeldBytes int64

	// Overload is how long more is offered than the disk takes. Default 10 s.
	// The disk needs room for what it takes in that time.
	Overload time.Duration

	// Progress is told what is measured. Default: nobody.
	Progress func(line string)
}

// Defaults of [LogConfig] and [WordcountConfig].
const (
	DefaultRounds   = 5
	DefaultMaxBytes = 128 << 20 // 128 MiB
	DefaultMinTime  = 200 * time.Millisecond

	DefaultLatencyTime = 2 * time.Second
	DefaultHeldBytes   = 512 << 20 // 512 MiB
	DefaultOverload    = 10 * time.Second
)

func (c LogConfig) withDefaults() LogConfig {
	if len(c.Sections) == 0 {
		c.Sections, c.Short = Sections(), true
	}
	if c.Rounds <= 0 {
		c.Rounds = DefaultRounds
	}
	if len(c.Durabilities) == 0 {
		c.Durabilities = []log.Durability{log.OS, log.Interval, log.Sync}
	}
	if len(c.ValueBytes) == 0 {
		c.ValueBytes = []int{100, 1024}
	}
	if len(c.BatchRecords) == 0 {
		c.BatchRecords = []int{1, 10, 100, 1000}
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.MinTime <= 0 {
		c.MinTime = DefaultMinTime
	}
	if c.LatencyTime <= 0 {
		c.LatencyTime = DefaultLatencyTime
	}
	if c.HeldBytes <= 0 {
		c.HeldBytes = DefaultHeldBytes
	}
	if c.Overload <= 0 {
		c.Overload = DefaultOverload
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c
}

// Log measures the log, section by section.
func Log(ctx context.Context, cfg LogConfig) (*LogReport, error) {
	cfg = cfg.withDefaults()
	if cfg.Short && !slices.Contains(cfg.Sections, SectionAppend) {
		cfg.Rounds = 1
	}
	report := &LogReport{Benchmark: "log", Machine: thisMachine(), Rounds: cfg.Rounds, Short: cfg.Short}
	for _, s := range cfg.Sections {
		if err := cfg.measureSection(ctx, s, report); err != nil {
			return nil, err
		}
	}
	return report, nil
}
