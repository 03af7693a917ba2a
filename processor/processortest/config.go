package processortest

import (
	"time"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// A Config says on what a topology is tested. The zero value works.
type Config struct {
	// Partitions is how many partitions topics have whose Topic does not say.
	// Default [processor.DefaultPartitions].
	Partitions int32

	// Seed draws the order in which tasks get their turns.
	Seed uint64

	// Start is what the clock shows at first. Default [DefaultStart].
	Start time.Time

	// Runtime sets up the runtime. Without an Engine the stores are LevelDB's,
	// on the file system in memory; with [state.Memory] tests are faster.
	Runtime processor.Config

	// Log sets up the log. Its clock is the Driver's, and its JournalBytes are
	// [DefaultJournalBytes] by default.
	Log log.Config
}

// DefaultJournalBytes is small, so that starting after a crash is fast and
// checkpoints happen in tests too.
const DefaultJournalBytes = 1 << 20 // 1 MiB

// DefaultStart is when tests begin that do not say: a year's first second.
var DefaultStart = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func (c Config) withDefaults() Config {
	if c.Partitions == 0 {
		c.Partitions = processor.DefaultPartitions
	}
	if c.Start.IsZero() {
		c.Start = DefaultStart
	}
	if c.Log.JournalBytes == 0 {
		c.Log.JournalBytes = DefaultJournalBytes
	}
	return c
}

// A TB is a test, a benchmark or a property test: a [testing.TB], or a rapid.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}
