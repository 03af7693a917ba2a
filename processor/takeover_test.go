package processor_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/google/go-cmp/cmp"
)

// A commit that was being written when the next App of the same name began is
// either seen by that App or refused; otherwise its input would count twice.
func TestACommitBeingWrittenIsSeenByTheAppThatTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		writing, goOn := make(chan struct{}), make(chan struct{})
		broker := openLog(t, vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
			if op.Kind == vfs.OpSync && slow.CompareAndSwap(true, false) {
				close(writing)
				<-goOn
			}
			return nil
		}))
		defer broker.Close()
		first, err := processor.NewStepper(t.Context(), wordcount(t), processor.OnLog(broker), memory(), 0)
		if err != nil {
			t.Fatal(err)
		}
		produceLines(t, broker, "a b", "b")
		slow.Store(true)
		firstEnded := make(chan error, 1)
		go func() {
			for {
				if progress, err := first.Step(t.Context(), epoch); err != nil || !progress {
					firstEnded <- err
					return
				}
			}
		}()
		<-writing

		second := make(chan *processor.Stepper, 1)
		go func() {
			s, err := processor.NewStepper(t.Context(), wordcount(t), processor.OnLog(broker), memory(), 0)
			if err != nil {
				t.Error(err)
			}
			second <- s
		}()
		synctest.Wait() // until it has got as far as it can
		close(goOn)
		s := <-second
		if err := <-firstEnded; !errors.Is(err, log.ErrFenced) {
			t.Errorf("first ended with %v, want that it was fenced", err)
		}
		if err := first.Kill(); err != nil {
			t.Error(err)
		}
		settle(t, s, epoch)
		if diff := cmp.Diff(map[string]int64{"a": 1, "b": 2}, readCounts(t, broker)); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		if err := s.Close(t.Context(), epoch); err != nil {
			t.Error(err)
		}
	})
}

// Databases are one App's. A second one that would need them is refused before
// it has fenced the first, which goes on.
func TestASecondAppThatCanNotHaveTheDatabasesLeavesTheFirstAlone(t *testing.T) {
	defer noLeaks(t)
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "a")
	first := start(t, wordcount(t), processor.OnLog(broker), processor.Config{})
	first.drained(t)
	err := <-start(t, wordcount(t), processor.OnLog(broker), processor.Config{}).ended
	if locked := (*vfs.LockedError)(nil); !errors.As(err, &locked) || !strings.Contains(err.Error(), `application "wordcount" (does it run already?)`) {
		t.Errorf("second App ended with %v, want that it runs already", err)
	}
	produceLines(t, broker, "a")
	first.drained(t)
	first.end(t)
	third := start(t, wordcount(t), processor.OnLog(broker), processor.Config{})
	produceLines(t, broker, "a")
	third.drained(t)
	third.end(t)
	if got := readCounts(t, broker)["a"]; got != 3 {
		t.Errorf("count %d, want 3", got)
	}
}

// An application may bear any name, also one made of another's.
func TestAnApplicationIsNotFencedByOneWhoseNameBeginsItsOwn(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "a")
	build := func(name string) *processor.Topology {
		b := processor.NewTopology(name)
		processor.Process(b, "copy", processor.Source(b, "lines", lines), copier)
		topology, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		return topology
	}
	longer := start(t, build("orders-topology"), processor.OnLog(broker), processor.Config{})
	longer.drained(t)
	start(t, build("orders"), processor.OnLog(broker), processor.Config{}).end(t)
	produceLines(t, broker, "b")
	longer.drained(t)
	longer.end(t)
}
