package processor

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/freshet/freshet/state"
)

// Defaults of a [Config].
const (
	DefaultCommitInterval = 100 * time.Millisecond
	DefaultBufferBytes    = 16 << 20  // 16 MiB
	DefaultFetchBytes     = 1 << 20   // 1 MiB
	DefaultCacheBytes     = 256 << 20 // 256 MiB
	DefaultDrainInterval  = time.Second
)

// A Config says how an App works. The zero value works.
type Config struct {
	// Workers is the number of goroutines that share the tasks. More than
	// there are tasks are not started. Default GOMAXPROCS.
	Workers int

	// CommitInterval is how long a worker goes on without a commit while
	// there is input; when input runs dry it commits at once. Default 100 ms.
	CommitInterval time.Duration

	// BufferBytes is the size of appended records at which a worker commits
	// early. The outputs of one record may carry a commit past it. Default
	// 16 MiB.
	BufferBytes int64

	// FetchBytes is about how much a worker reads at once. A partition keeps
	// at most two such reads in memory. Default 1 MiB.
	FetchBytes int

	// CacheBytes bounds the memory of all stores of the App together, above
	// which they give up what their databases hold too. Where databases are so
	// slow that changes take twice as much, input waits for them. Default 256 MiB.
	CacheBytes int64

	// DrainInterval is how often committed changes of stores are written to
	// their databases. What was not is replayed from the changelog after a
	// crash. Default 1 s.
	DrainInterval time.Duration

	// ForwardEveryUpdate makes tables forward every update instead of the
	// last one a key and commit.
	ForwardEveryUpdate bool

	// AcceptChanges runs a topology that differs from the one that ran before
	// in what it left behind; see [Topology.Contract]. The old data is then
	// read as the new topology says.
	AcceptChanges bool

	// Engine holds the databases of stores. Default: LevelDB in the directory
	// of the log, below state/<application>.
	Engine state.Engine

	// Logger gets one line a change of state. Default: none.
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	err := errors.Join(
		positive("Workers", &c.Workers, runtime.GOMAXPROCS(0)),
		positive("CommitInterval", &c.CommitInterval, DefaultCommitInterval),
		positive("BufferBytes", &c.BufferBytes, DefaultBufferBytes),
		positive("FetchBytes", &c.FetchBytes, DefaultFetchBytes),
		positive("CacheBytes", &c.CacheBytes, DefaultCacheBytes),
		positive("DrainInterval", &c.DrainInterval, DefaultDrainInterval),
	)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err != nil {
		return c, fmt.Errorf("processor config: %w", err)
	}
	return c, nil
}

func positive[T int | int64 | time.Duration](name string, v *T, byDefault T) error {
	if *v < 0 {
		return fmt.Errorf("%s is %v, want more than 0 (or 0 for the default, %v)", name, *v, byDefault)
	}
	if *v == 0 {
		*v = byDefault
	}
	return nil
}
