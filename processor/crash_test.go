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
	"github.com/google/go-cmp/cmp"
)

// histories is how many seeded lives TestCountsSurviveCrashes goes through.
const histories = 60

// A life of the application: lines arrive, it steps, it is killed or stopped
// at any moment, the machine's memory of the log too. In the end the counts
// are those of one undisturbed pass.
func TestCountsSurviveCrashes(t *testing.T) {
	for seed := range uint64(histories) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			liveAndCrash(t, newRand(seed))
		})
	}
}

type life struct {
	mem    *vfs.Mem
	engine state.Engine
	broker *log.Broker
	app    *processor.Stepper
	now    time.Time
	rng    *rand.Rand
	logger *slog.Logger
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func liveAndCrash(t *testing.T, rng *rand.Rand) {
	l := &life{mem: vfs.NewMem(), engine: state.Memory(), now: epoch, rng: rng}
	l.start(t)
	want := make(map[string]int64)
	for range 40 {
		switch rng.IntN(8) {
		case 0, 1:
			word := fmt.Sprintf("w%d", rng.IntN(5))
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
			l.now = l.now.Add(time.Duration(rng.IntN(1500)) * time.Millisecond)
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
	var err error
	l.app, err = processor.NewStepper(t.Context(), wordcount(t), processor.OnLog(l.broker), processor.Config{Engine: l.engine, Logger: l.logger}, l.rng.Uint64())
	if err != nil {
		t.Fatal(err)
	}
}

// crash ends everything as kill -9 or a power cut does. The log has
// acknowledged nothing that a power cut takes, and the databases stay: they
// hold what was committed, perhaps less than all of it.
func (l *life) crash(t *testing.T) {
	t.Helper()
	if err := l.app.Kill(); err != nil {
		t.Fatal(err)
	}
	old := l.broker
	if l.rng.IntN(2) == 0 {
		l.mem = l.mem.KillProcess()
	} else {
		l.mem = l.mem.Crash(l.rng)
	}
	if err := old.Close(); err != nil { // on the file system of the dead process
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
