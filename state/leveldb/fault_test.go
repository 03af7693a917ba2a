//go:build !race

// goleveldb answers a waiting writer through a channel that the writer closes
// when it has heard of an error elsewhere, and recovers from the panic. The race
// detector takes exception to that, on the paths that these tests walk.

package leveldb

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

// Every operation that changes the disk fails once, for good.
func TestFailedWrites(t *testing.T) {
	for _, test := range []struct {
		name    string
		err     error
		corrupt bool
	}{
		{"disk full", syscall.ENOSPC, false},
		{"disk full in the middle of a write", &vfs.ShortWrite{Bytes: 3, Err: syscall.ENOSPC}, false},
		{"broken disk", syscall.EIO, true},
		{"lost sync", &vfs.LostSync{Err: syscall.EIO}, true},
	} {
		t.Run(test.name, func(t *testing.T) { testFailedWrites(t, test.err, test.corrupt) })
	}
}

func testFailedWrites(t *testing.T, fault error, corrupt bool) {
	s := newScript(4, 40)
	for k := 0; ; k++ {
		mem := vfs.NewMem()
		var ops, acknowledged atomic.Int64
		e := newEngine(vfs.Fail(mem, func(op vfs.Op) error {
			if op.Kind.Mutates() && ops.Add(1) == int64(k)+1 {
				return fault
			}
			return nil
		}), "boot")
		err := s.run(e, 0, len(s.steps), &acknowledged)
		if ops.Load() <= int64(k) {
			return // the fault lies beyond the script's end
		}
		if err != nil && errors.Is(err, state.ErrCorrupt) && !corrupt {
			t.Fatalf("operation %d: %v, which is not corrupt", k, err)
		}
		if err == nil {
			// Tolerable only if it made no difference, as removing what is obsolete.
			s.mustHold(t, mem, k, acknowledged.Load())
			continue
		}
		// What is there now, full disk or not, is right or corrupt.
		s.verify(t, mem, "boot", 0)
	}
}

func (s script) mustHold(t *testing.T, mem *vfs.Mem, k int, acknowledged int64) {
	t.Helper()
	if s.verify(t, mem, "boot", acknowledged) {
		t.Fatalf("operation %d failed unnoticed and left the database corrupt", k)
	}
}
