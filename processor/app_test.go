package processor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/state"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// noLeaks fails if a goroutine is left. A closed goleveldb keeps one for up to
// a second, which only waits.
func noLeaks(t *testing.T) {
	t.Helper()
	goleak.VerifyNone(t, goleak.IgnoreAnyFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

// running is an App that Run is at work on.
type running struct {
	*processor.App
	stop  context.CancelFunc
	ended chan error
}

func start(t testing.TB, topology *processor.Topology, where processor.Where, config processor.Config) *running {
	t.Helper()
	app, err := processor.New(topology, where, config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{App: app, stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- app.Run(ctx) }()
	return r
}

func (r *running) drained(t testing.TB) {
	t.Helper()
	if err := r.Drained(t.Context()); err != nil {
		r.stop()
		t.Fatalf("drained: %v; run: %v", err, <-r.ended)
	}
}

// end stops the App, which has to end without an error.
func (r *running) end(t testing.TB) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
}

func memory() processor.Config { return processor.Config{Engine: state.Memory()} }

func TestRunFollowsItsInputAndStopsClean(t *testing.T) {
	defer noLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		broker := openLog(t, vfs.NewMem())
		produceLines(t, broker, "a b", "b")
		app := start(t, wordcount(t), processor.OnLog(broker), memory())
		app.drained(t)
		if diff := cmp.Diff(map[string]int64{"a": 1, "b": 2}, readCounts(t, broker)); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		produceLines(t, broker, "b c")
		app.drained(t)
		if diff := cmp.Diff(map[string]int64{"a": 1, "b": 3, "c": 1}, readCounts(t, broker)); diff != "" {
			t.Errorf("counts after more input (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute) // of the bubble: idle for a while, through drains
		total := app.Metrics().Total(-1)
		if total.Lag != 0 || total.Records != 3+5 || total.BufferedBytes != 0 {
			t.Errorf("metrics of an idle App: %+v", total)
		}
		app.end(t)
		if err := app.Run(t.Context()); !errors.Is(err, processor.ErrStarted) {
			t.Errorf("second Run: %v", err)
		}
		if err := app.Drained(t.Context()); err != nil {
			t.Errorf("Drained after the end, when all is done: %v", err)
		}
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunOnDirectoryGoesOnWhereItWas(t *testing.T) {
	defer noLeaks(t)
	dir := t.TempDir()
	want := make(map[string]int64)
	for round := range 3 {
		broker, err := log.Open(dir, log.Config{})
		if err != nil {
			t.Fatal(err)
		}
		word := fmt.Sprintf("round%d", round)
		produceLines(t, broker, "all "+word, "all")
		want["all"] += 2
		want[word]++
		if err := broker.Close(); err != nil {
			t.Fatal(err)
		}
		app := start(t, wordcount(t), processor.OnDir(dir), processor.Config{})
		app.drained(t)
		app.end(t)
		if n := app.Metrics().Total(1).RestoredRecords; n != 0 {
			t.Errorf("round %d restored %d records after a clean stop, want 0", round, n)
		}
	}
	got := make(map[string]int64)
	for r, err := range counts.Consume(t.Context(), processor.OnDir(dir), processor.StopAtEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.Key] = r.Value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// failing is a topology whose one processor is process.
func failing(t testing.TB, process func(*processor.Context[string, string], *processor.Record[string, string]) error) *processor.Topology {
	t.Helper()
	b := processor.NewTopology("failing")
	first := processor.Process(b, "first", processor.Source(b, "lines", lines), copier)
	processor.Process(b, "second", first, processor.Func(process))
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

func TestErrorOfAProcessorStopsTheAppAndCommitsNothing(t *testing.T) {
	defer noLeaks(t)
	bad := errors.New("bad line")
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "fine")
	app := start(t, failing(t, func(_ *processor.Context[string, string], r *processor.Record[string, string]) error {
		return bad
	}), processor.OnLog(broker), processor.Config{})
	err := <-app.ended
	var at *processor.RecordError
	if !errors.Is(err, bad) || !errors.As(err, &at) || at.Operator != "second" || at.Topic != "lines" {
		t.Errorf("got %v, want where and why", err)
	}
	if err := app.Drained(t.Context()); !errors.Is(err, processor.ErrEnded) {
		t.Errorf("Drained: %v, want ErrEnded", err)
	}
	for partition := range int32(2) {
		if o, ok := broker.Committed("failing", log.TopicPartition{Topic: "lines", Partition: partition}); ok {
			t.Errorf("committed %v", o)
		}
	}
}

func TestErrorThatAProcessorDropsFailsTheRecordAllTheSame(t *testing.T) {
	bad := errors.New("downstream failed")
	b := processor.NewTopology("dropping")
	dropping := processor.Process(b, "dropping", processor.Source(b, "lines", lines),
		processor.Func(func(ctx *processor.Context[string, string], r *processor.Record[string, string]) error {
			_ = ctx.Forward(r) // what a careless processor does
			return nil
		}))
	processor.Process(b, "last", dropping,
		processor.Func(func(*processor.Context[string, string], *processor.Record[string, string]) error { return bad }))
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "x")
	err = <-start(t, topology, processor.OnLog(broker), processor.Config{}).ended
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "operator last") {
		t.Errorf("got %v", err)
	}
}

func TestPanicOfAProcessorIsAnErrorWithItsStack(t *testing.T) {
	defer noLeaks(t)
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "x")
	app := start(t, failing(t, func(*processor.Context[string, string], *processor.Record[string, string]) error {
		panic("boom")
	}), processor.OnLog(broker), processor.Config{})
	err := <-app.ended
	var at *processor.RecordError
	if !errors.As(err, &at) || at.Operator != "second" || !strings.Contains(string(at.Stack), "app_test.go") {
		t.Errorf("got %v", err)
	}
}

func TestASecondAppOfTheSameNameFencesTheFirst(t *testing.T) {
	defer noLeaks(t)
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "a")
	first := start(t, wordcount(t), processor.OnLog(broker), memory())
	first.drained(t)
	second := start(t, wordcount(t), processor.OnLog(broker), memory())
	second.drained(t)
	produceLines(t, broker, "a")
	err := <-first.ended
	if !errors.Is(err, log.ErrFenced) || !strings.Contains(err.Error(), "taken over") {
		t.Errorf("first App ended with %v, want that it was fenced", err)
	}
	second.drained(t)
	second.end(t)
	if got := readCounts(t, broker)["a"]; got != 2 {
		t.Errorf("count %d, want 2", got)
	}
}

func TestStopWhileOthersWaitIsToldToThem(t *testing.T) {
	defer noLeaks(t)
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	app, err := processor.New(wordcount(t), processor.OnLog(broker), memory())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := app.Drained(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Drained of an App that was never run: %v", err)
	}
	if err := app.Run(ctx); err != nil {
		t.Errorf("Run that is stopped at once: %v", err)
	}
}

func TestConfigReportsAllFaults(t *testing.T) {
	_, err := processor.New(nil, nil, processor.Config{Workers: -1, CommitInterval: -time.Second, CacheBytes: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Workers is -1", "CommitInterval is -1s", "CacheBytes is -1", "no topology", "no log"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}
