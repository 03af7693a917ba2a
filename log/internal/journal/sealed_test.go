package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestSyncNowCoversSealedFiles: without it the next record says that records
// of an older file are durable which are not, and a power cut that takes them
// looks like corruption.
func TestSyncNowCoversSealedFiles(t *testing.T) {
	for seed := range uint64(20) {
		m := vfs.NewMem()
		j, rec := newJournal(t, m, 512, SyncNever)
		for i := 0; len(rec.rolled) < 3; i++ {
			if err := j.Commit(NewEntry(fmt.Sprint("commit ", i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.SyncNow(); err != nil {
			t.Fatal(err)
		}
		durable := len(rec.published)
		if err := j.Commit(NewEntry("after")); err != nil {
			t.Fatal(err)
		}
		got, _, err := replayed(m.Crash(rand.New(rand.NewPCG(seed, 0))), Boot{2})
		if err != nil || len(got) < durable {
			t.Errorf("seed %d: %d commits, %v; want %d", seed, len(got), err, durable)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReaderThatWaitsReadsLittle: it looks fifty times a second, at a file that
// has nothing but zeros there.
func TestReaderThatWaitsReadsLittle(t *testing.T) {
	var read int64
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == vfs.OpRead {
			read += op.Bytes
		}
		return nil
	})
	j, _ := newJournal(t, fsys, 4<<20, SyncNever)
	r, err := OpenReader(fsys, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if parts, err := r.Next(); parts != nil || err != nil {
			t.Fatalf("%d parts, %v; want none yet", len(parts), err)
		}
		if i == 0 {
			read = 0 // the first look cannot know
		}
	}
	if read > 10*recordHeaderBytes {
		t.Errorf("read %d bytes to see nothing", read)
	}
	if err := j.Commit(NewEntry("now")); err != nil {
		t.Fatal(err)
	}
	if parts, err := r.Next(); len(parts) == 0 || err != nil {
		t.Errorf("%d parts, %v; want the commit", len(parts), err)
	}
	if err := errors.Join(r.Close(), j.Close()); err != nil {
		t.Fatal(err)
	}
}
