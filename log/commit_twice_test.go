package log

import (
	"errors"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestSecondCommitUndoesNothing: a commit that has happened is tried again just
// when the disk has no room for the next file of the journal. The refusal takes
// nothing back of the first time.
func TestSecondCommitUndoesNothing(t *testing.T) {
	full := false
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if full && op.Kind == vfs.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	})
	b := open(t, fsys, small())
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	builder := b.NewCommitBuilder()
	if err := builder.Append("t", 0, &Record{Value: make([]byte, 8<<10)}); err != nil {
		t.Fatal(err)
	}
	c := builder.Build()
	if _, err := b.Commit(c); err != nil {
		t.Fatal(err)
	}
	full = true
	if _, err := b.Commit(c); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	full = false
	produce(t, b, "t", "next")
	if got := readAll(t, b, TopicPartition{"t", 0}); len(got) != 2 || got[1] != "next" {
		t.Errorf("%d records, want 2", len(got))
	}
}
