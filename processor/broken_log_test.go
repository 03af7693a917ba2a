package processor_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/google/go-cmp/cmp"
)

// enoughWrites is more than the App of the test makes.
const enoughWrites = 100

// A disk that fails at any write of the App stops it with an error that says
// so, and what was counted until then is counted once when it runs again.
func TestABrokenDiskStopsTheAppAndLosesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		cause error
		want  error
	}{
		{"input/output error", syscall.EIO, log.ErrPoisoned},
		{"disk full", syscall.ENOSPC, log.ErrNoSpace},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer noLeaks(t)
			commits := 0 // that failed
			for writes := range int64(enoughWrites) {
				err := runOnBrokenDisk(t, writes, c.cause, c.want)
				if err == nil {
					break
				}
				if strings.Contains(err.Error(), ": commit: ") {
					commits++
				}
				if errors.Is(err, processor.ErrCommitUnknown) && !errors.Is(err, log.ErrPoisoned) {
					t.Errorf("after %d writes: nothing unknown about %v", writes, err)
				}
			}
			if commits < 2 {
				t.Errorf("%d commits failed, want those of both subtopologies", commits)
			}
		})
	}
}

// runOnBrokenDisk returns the error of the App, nil if it had no need of the
// writes that fail.
func runOnBrokenDisk(t *testing.T, writes int64, cause, want error) (failure error) {
	t.Helper()
	var left atomic.Int64
	left.Store(enoughWrites)
	mem := vfs.NewMem()
	broker := openLog(t, vfs.Fail(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && left.Add(-1) < 0 {
			return cause
		}
		return nil
	}))
	produceLines(t, broker, "a b", "b")
	left.Store(writes)
	config := memory()
	app := start(t, wordcount(t), processor.OnLog(broker), config)
	if app.Drained(t.Context()) == nil {
		app.stop()
	}
	if failure = <-app.ended; failure != nil && !errors.Is(failure, want) {
		t.Errorf("after %d writes: got %v, want %v", writes, failure, want)
	}
	after := mem.KillProcess()
	left.Store(enoughWrites)
	if err := broker.Close(); err != nil && !errors.Is(err, log.ErrPoisoned) {
		t.Error(err)
	}

	broker = openLog(t, after)
	app = start(t, wordcount(t), processor.OnLog(broker), config)
	app.drained(t)
	app.end(t)
	if diff := cmp.Diff(map[string]int64{"a": 1, "b": 2}, readCounts(t, broker)); diff != "" {
		t.Errorf("after %d writes: counts (-want +got):\n%s", writes, diff)
	}
	if err := broker.Close(); err != nil {
		t.Error(err)
	}
	return failure
}
