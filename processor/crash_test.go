package processor_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/state"
	"github.com/freshet/freshet/state/leveldb"
	"github.com/google/go-cmp/cmp"
)

// Seeded lives that TestCountsSurviveCrashes goes through.
const (
	memoryHistories  = 60
	leveldbHistories = 20
)

// A life of the application: lines arrive, it steps, it is stopped, killed, or
// loses power at any moment. In the end the counts are those of one
// undisturbed pass.
func TestCountsSurviveCrashes(t *testing.T) {
	for seed := range uint64(memoryHistories) {
		t.Run(fmt.Sprintf("memory seed=%d", seed), func(t *testing.T) {
			liveAndCrash(t, &life{mem: vfs.NewMem(), engine: state.Memory(), now: epoch, rng: newRand(seed)})
		})
	}
	for seed := range uint64(leveldbHistories) {
		t.Run(fmt.Sprintf("leveldb seed=%d", seed), func(t *testing.T) {
			liveAndCrash(t, &life{mem: vfs.NewMem(), now: epoch, rng: newRand(seed)})
		})
	}
}

type life struct {
	mem    *vfs.Mem
	engine state.Engine // nil: LevelDB, in the same file system as the log
	boots  int          // of the machine
	broker *log.Broker
	app    *processor.Stepper
	now    time.Time
	rng    *rand.Rand
	logger *slog.Logger
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func liveAndCrash(t *testing.T, l *life) {
	l.start(t)
	want := make(map[string]int64)
	for range 60 {
		switch l.rng.IntN(8) {
		case 0, 1:
			word := fmt.Sprintf("w%d", l.rng.IntN(5))
			produceLines(t, l.broker, word+" x "+word)
			want[word] += 2
			want["x"]++
		case 2:
			l.crash(t)
		case 3:
			if err := l.app.Close(t.Context(), l.now); err != nil {
				t.Fatal(err)
			}
			l.reopen(t)
		default:
			l.now = l.now.Add(time.Duration(l.rng.IntN(1500)) * time.Millisecond)
			if _, err := l.app.Step(t.Context(), l.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle(t, l.app, l.now)
	if diff := cmp.Diff(want, readCounts(t, l.broker)); diff != "" {
		t.Errorf("output topic (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, l.stores(t)); diff != "" {
		t.Errorf("stores (-want +got):\n%s", diff)
	}
	l.end(t)
}

func (l *life) end(t *testing.T) {
	t.Helper()
	if err := l.app.Close(t.Context(), l.now); err != nil {
		t.Error(err)
	}
	if err := l.broker.Close(); err != nil {
		t.Error(err)
	}
}

func (l *life) start(t *testing.T) {
	t.Helper()
	l.broker = openLog(t, l.mem)
	engine := l.engine
	if engine == nil {
		boot := fmt.Sprint("boot ", l.boots)
		engine = leveldb.Engine(vfs.Sub(l.mem, "state"), leveldb.Options{BootID: func() string { return boot }})
	}
	// In every other life stores keep nothing that their databases hold too.
	config := processor.Config{Engine: engine, Logger: l.logger, CacheBytes: l.rng.Int64N(2)}
	var err error
	l.app, err = processor.NewStepper(t.Context(), wordcount(t), processor.OnLog(l.broker), config, l.rng.Uint64())
	if err != nil {
		t.Fatal(err)
	}
}

// crash ends everything as kill -9 or a power cut does, on what is left of the
// files; the dead process goes on with its own, which nobody reads any more.
func (l *life) crash(t *testing.T) {
	t.Helper()
	app, broker := l.app, l.broker
	if l.rng.IntN(2) == 0 {
		l.mem = l.mem.KillProcess()
	} else {
		l.mem = l.mem.Crash(l.rng)
		l.boots++
	}
	if err := app.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	l.start(t)
}

func (l *life) reopen(t *testing.T) {
	t.Helper()
	if err := l.broker.Close(); err != nil {
		t.Fatal(err)
	}
	l.start(t)
}

func (l *life) stores(t *testing.T) map[string]int64 {
	t.Helper()
	got := make(map[string]int64)
	for partition := range int32(2) {
		store, err := processor.StoreAt[string, int64](l.app, "counts", partition)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.All(func(word string, n, _ int64) bool {
			got[word] = n
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	return got
}
