package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A recorder is a Sequencer that only notes what it is told.
type recorder struct {
	published []string
	rolled    []uint64
	undone    int
	lost      int
}

func (r *recorder) Sequence(e *Entry) error {
	s := e.Commit.(string)
	if s == "refuse" {
		return errors.New("refused")
	}
	half := len(s) / 2
	e.Parts = [][][]byte{{[]byte(s[:half]), []byte(s[half:])}}
	if len(s)%3 == 0 { // some commits have two parts
		e.Parts = [][][]byte{{[]byte(s[:half])}, {[]byte(s[half:])}}
	}
	return nil
}

func (r *recorder) Publish(group []*Entry) {
	for _, e := range group {
		r.published = append(r.published, e.Commit.(string))
	}
}
func (r *recorder) Undo(group []*Entry) { r.undone += len(group) }

func (r *recorder) Lost(group []*Entry) { r.lost += len(group) }
func (r *recorder) Rolled(first uint64) { r.rolled = append(r.rolled, first) }

var testBoot = Boot{1}

func newJournal(t testing.TB, fsys vfs.FS, fileBytes int64, mode SyncMode) (*Journal, *recorder) {
	t.Helper()
	r := &recorder{}
	j, err := New(Config{FS: fsys, FileBytes: fileBytes, Sync: mode, Boot: testBoot, Now: time.Now, Sequencer: r}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return j, r
}

func replayed(fsys vfs.FS, boot Boot) ([]string, Tail, error) {
	var got []string
	tail, err := Replay(fsys, 1, boot, func(parts [][]byte) error {
		got = append(got, string(slices.Concat(parts...)))
		return nil
	})
	return got, tail, err
}

func TestReplayReturnsWhatWasCommitted(t *testing.T) {
	fsys := vfs.NewMem()
	j, rec := newJournal(t, fsys, 1000, SyncGroups)
	var want []string
	for i := range 100 {
		s := fmt.Sprintf("commit %d %s", i, make([]byte, i))
		if err := j.Commit(NewEntry(s)); err != nil {
			t.Fatal(err)
		}
		want = append(want, s)
	}
	if err := j.Commit(NewEntry("refuse")); err == nil {
		t.Fatal("a refused entry was committed")
	}
	got, tail, err := replayed(fsys, testBoot)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) || !slices.Equal(rec.published, want) {
		t.Fatalf("replayed %d, published %d, want %d commits", len(got), len(rec.published), len(want))
	}
	if tail.Cut != "" || len(rec.rolled) < 5 {
		t.Fatalf("cut %q, rolled %d times, want no cut and several rolls", tail.Cut, len(rec.rolled))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Commit(NewEntry("late")); !errors.Is(err, ErrClosed) {
		t.Fatalf("commit after close: %v, want ErrClosed", err)
	}
}

func TestManyCommittersShareWrites(t *testing.T) {
	var syncs int
	var mu sync.Mutex
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			mu.Lock()
			syncs++
			mu.Unlock()
		}
		return nil
	})
	j, rec := newJournal(t, fsys, 1<<20, SyncGroups)
	const goroutines, each = 16, 50
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				if err := j.Commit(NewEntry(fmt.Sprintf("%02d-%03d", g, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(rec.published) != goroutines*each {
		t.Fatalf("published %d, want %d", len(rec.published), goroutines*each)
	}
	last := map[string]string{}
	for _, s := range rec.published {
		if s <= last[s[:2]] {
			t.Fatalf("%s came after %s", s, last[s[:2]])
		}
		last[s[:2]] = s
	}
	got, _, err := replayed(fsys, testBoot)
	if err != nil || !slices.Equal(got, rec.published) {
		t.Fatalf("replayed %d commits, %v; want the %d published in their order", len(got), err, len(rec.published))
	}
}

// tear returns a journal of one file, and where each of its records begins.
func tear(t testing.TB) (data []byte, want []string, name string) {
	fsys := vfs.NewMem()
	j, _ := newJournal(t, fsys, 1<<12, SyncNever)
	for i := range 20 {
		s := fmt.Sprintf("commit %d %x", i, rand.Uint64())
		if err := j.Commit(NewEntry(s)); err != nil {
			t.Fatal(err)
		}
		want = append(want, s)
	}
	data, err := vfs.ReadFile(fsys, fileName(1))
	if err != nil {
		t.Fatal(err)
	}
	return data, want, fileName(1)
}

func isPrefix(got, want []string) bool {
	return len(got) <= len(want) && slices.Equal(got, want[:len(got)])
}

func write(t testing.TB, fsys vfs.FS, name string, data []byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
}

func TestTruncationAtEveryByteIsATornTail(t *testing.T) {
	data, want, name := tear(t)
	fsys := vfs.NewMem()
	longest := 0
	for cut := fileHeaderBytes; cut <= len(data); cut++ {
		write(t, fsys, name, data[:cut])
		got, _, err := replayed(fsys, testBoot)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if !isPrefix(got, want) || len(got) < longest {
			t.Fatalf("cut at %d: %d commits that are no growing prefix", cut, len(got))
		}
		longest = len(got)
	}
	if longest != len(want) {
		t.Fatalf("whole file gave %d commits, want %d", longest, len(want))
	}
}

// TestEveryFlippedBitIsNoticed flips every bit: what is replayed is what was
// written, or a prefix that ends where the damage is, or an error.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	data, want, name := tear(t)
	fsys := vfs.NewMem()
	end := len(data)
	for end > 0 && data[end-1] == 0 {
		end--
	}
	refused := 0
	for bit := range end * 8 {
		data[bit/8] ^= 1 << (bit % 8)
		write(t, fsys, name, data)
		data[bit/8] ^= 1 << (bit % 8)
		got, tail, err := replayed(fsys, testBoot)
		switch {
		case errors.Is(err, vfs.ErrCorrupt) || errors.Is(err, ErrVersion):
			refused++
		case err != nil:
			t.Fatalf("bit %d: %v", bit, err)
		case len(got) == len(want):
			t.Fatalf("bit %d: the flip went unnoticed", bit)
		case !isPrefix(got, want) || tail.Cut == "":
			t.Fatalf("bit %d: %d commits, cut %q", bit, len(got), tail.Cut)
		case len(got) < len(want)-1:
			// Same boot, whole records behind: that is no torn tail.
			t.Fatalf("bit %d: cut %d whole commits", bit, len(want)-len(got)-1)
		}
	}
	if refused < end*4 {
		t.Fatalf("%d of %d flips refused", refused, end*8)
	}
}

func TestHoleIsCorruptOnlyIfItWasWholeOnce(t *testing.T) {
	data, want, name := tear(t)
	hole := slices.Clone(data)
	clear(hole[1000:1100])
	fsys := vfs.NewMem()
	write(t, fsys, name, hole)
	if _, _, err := replayed(fsys, testBoot); !errors.Is(err, vfs.ErrCorrupt) {
		t.Fatalf("same boot: %v, want ErrCorrupt", err)
	}
	got, tail, err := replayed(fsys, Boot{2})
	if err != nil || tail.Cut == "" || !isPrefix(got, want) {
		t.Fatalf("other boot, nothing synced: %d commits, cut %q, %v; want a cut", len(got), tail.Cut, err)
	}
}

func TestSyncedHoleIsCorruptAfterReboot(t *testing.T) {
	fsys := vfs.NewMem()
	j, _ := newJournal(t, fsys, 1<<12, SyncGroups)
	for i := range 20 {
		if err := j.Commit(NewEntry(fmt.Sprintf("commit %d", i))); err != nil {
			t.Fatal(err)
		}
	}
	data, err := vfs.ReadFile(fsys, fileName(1))
	if err != nil {
		t.Fatal(err)
	}
	clear(data[600:610])
	write(t, fsys, fileName(1), data)
	if _, _, err := replayed(fsys, Boot{2}); !errors.Is(err, vfs.ErrCorrupt) {
		t.Fatalf("%v, want ErrCorrupt", err)
	}
}

func TestFailedSyncPoisons(t *testing.T) {
	broken := errors.New("input/output error")
	var fail bool
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if fail && op.Kind == vfs.OpSync {
			fail = false // once; the next would succeed
			return broken
		}
		return nil
	})
	j, rec := newJournal(t, fsys, 1<<20, SyncGroups)
	if err := j.Commit(NewEntry("good")); err != nil {
		t.Fatal(err)
	}
	fail = true
	for range 3 {
		if err := j.Commit(NewEntry("bad")); !errors.Is(err, ErrPoisoned) {
			t.Fatalf("%v, want ErrPoisoned", err)
		}
	}
	if !slices.Equal(rec.published, []string{"good"}) || rec.lost != 1 {
		t.Fatalf("published %q, lost %d, want good and 1", rec.published, rec.lost)
	}
}

func TestFullDiskRefusesAndGoesOn(t *testing.T) {
	full := false
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if full && op.Kind == vfs.OpWrite {
			return syscall.ENOSPC
		}
		return nil
	})
	j, rec := newJournal(t, fsys, 1<<20, SyncGroups)
	full = true
	if err := j.Commit(NewEntry("no room")); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v, want ErrNoSpace", err)
	}
	full = false
	if err := j.Commit(NewEntry("room again")); err != nil {
		t.Fatal(err)
	}
	if rec.undone != 1 {
		t.Fatalf("undone %d, want 1", rec.undone)
	}
	got, _, err := replayed(fsys, testBoot)
	if err != nil || !slices.Equal(got, []string{"room again"}) {
		t.Fatalf("replayed %q, %v", got, err)
	}
}

func FuzzReplay(f *testing.F) {
	data, _, name := tear(f)
	f.Add(data[:2000])
	f.Add(data[:fileHeaderBytes])
	f.Fuzz(func(t *testing.T, data []byte) {
		// Make the header pass, so that the records are reached.
		if len(data) >= fileHeaderBytes {
			h := fileHeader{salt: binary.BigEndian.Uint64(data[16:]), first: 1, boot: testBoot}
			copy(data, h.encode())
		}
		fsys := vfs.NewMem()
		write(t, fsys, name, data)
		got, tail, err := replayed(fsys, testBoot)
		if err == nil && tail.Next == 0 {
			t.Fatalf("%d commits, next sequence 0", len(got))
		}
	})
}
