package journal

import (
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
