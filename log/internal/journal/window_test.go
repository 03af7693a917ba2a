package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestWindowEndsWithTheReservation: a disk that is full takes a group back, and
// the space behind it. What is small goes on to be acknowledged, so it has to be
// in the file, not in memory behind its end.
func TestWindowEndsWithTheReservation(t *testing.T) {
	for _, mode := range []SyncMode{SyncTimed, SyncNever} {
		dir, err := vfs.Dir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		full := false
		fsys := vfs.Fail(dir, func(op vfs.Op) error {
			if full && (op.Kind == vfs.OpPreallocate || op.Kind == vfs.OpWrite && op.Bytes > 1000) {
				return &vfs.ShortWrite{Bytes: 100, Err: syscall.ENOSPC}
			}
			return nil
		})
		j, rec := newJournal(t, fsys, 1<<20, mode)
		commit := func(s string) error { return j.Commit(NewEntry(s)) }
		if err := commit("one"); err != nil {
			t.Fatal(err)
		}
		full = true
		if err := commit(strings.Repeat("x", writeBufBytes)); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("%v, want ErrNoSpace", err)
		}
		if err := errors.Join(commit("two"), commit("three")); err != nil {
			t.Fatal(err)
		}
		full = false
		if err := errors.Join(commit(strings.Repeat("y", 2*windowRecordBytes)), commit("four"), j.Close()); err != nil {
			t.Fatal(err)
		}
		got, _, err := replayed(dir, testBoot)
		if err != nil || !slices.Equal(got, rec.published) || len(got) != 5 {
			t.Errorf("mode %d: %d commits come back, %v; want all %d that were acknowledged", mode, len(got), err, len(rec.published))
		}
	}
}

// TestSyncEndsWhileFilesAreSealed: a journal that is filled faster than it is
// synced becomes durable nevertheless, and no file is closed while it is synced.
func TestSyncEndsWhileFilesAreSealed(t *testing.T) {
	for _, mode := range []SyncMode{SyncGroups, SyncTimed, SyncNever} {
		var sealing func() // called beside each sync of a file, not from inside it
		mem := vfs.NewMem()
		fsys := vfs.Fail(mem, func(op vfs.Op) error {
			if op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, ".journal") {
				if f := sealing; f != nil {
					sealing = nil
					f()
					sealing = f
				}
			}
			return nil
		})
		j, rec := newJournal(t, fsys, 512, mode)
		rolls := func(n int) error {
			for want := len(rec.rolled) + n; len(rec.rolled) < want; {
				if err := j.Commit(NewEntry(fmt.Sprint("commit ", len(rec.published)))); err != nil {
					return err
				}
			}
			return nil
		}
		if err := rolls(2); err != nil {
			t.Fatal(err)
		}
		if mode != SyncGroups { // in which a group waits for the sync that is under way
			files := 0
			sealing = func() {
				if files++; files > 4 {
					t.Error("the sync goes on with files that were sealed since it began")
					sealing = nil
				} else if err := rolls(1); err != nil {
					t.Error(err)
				}
			}
		}
		before := len(rec.published)
		if err := j.SyncNow(); err != nil {
			t.Fatal(err)
		}
		sealing = nil
		got, _, err := replayed(mem.Crash(rand.New(rand.NewPCG(1, uint64(mode)))), Boot{2})
		if err != nil || len(got) < before {
			t.Errorf("mode %d: %d commits after a crash, %v; want %d", mode, len(got), err, before)
		}
		if err := errors.Join(j.SyncNow(), j.SyncNow()); err != nil || j.waiting() > 0 {
			t.Errorf("mode %d: %v, %d sealed files are left open", mode, err, j.waiting())
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSyncBesideRolls: in no mode does a roll close the file that another
// goroutine syncs.
func TestSyncBesideRolls(t *testing.T) {
	for _, mode := range []SyncMode{SyncGroups, SyncTimed, SyncNever} {
		j, rec := newJournal(t, vfs.NewMem(), 128, mode)
		stop := make(chan struct{})
		var others sync.WaitGroup
		for range 2 {
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := j.SyncNow(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for i := range 2_000 {
			if err := j.Commit(NewEntry(fmt.Sprint("commit ", i))); err != nil {
				t.Fatal(err)
			}
			if n := j.waiting(); n > maxSealed+1 {
				t.Fatalf("%d sealed files wait", n)
			}
		}
		close(stop)
		others.Wait()
		if err := j.Close(); err != nil || len(rec.rolled) < 500 {
			t.Errorf("mode %d: %v, %d rolls", mode, err, len(rec.rolled))
		}
	}
}
