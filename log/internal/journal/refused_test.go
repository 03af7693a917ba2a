package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/freshet/freshet/internal/vfs"
)

// commitTogether makes one group of the commits: they queue up in order while
// the journal is busy.
func commitTogether(j *Journal, commits ...string) []error {
	busy, goOn := make(chan struct{}), make(chan struct{})
	held := make(chan error)
	go func() {
		held <- j.Exclusive(func() error {
			close(busy)
			<-goOn
			return nil
		})
	}()
	<-busy
	results := make([]chan error, len(commits))
	for i, c := range commits {
		results[i] = make(chan error, 1)
		go func() { results[i] <- j.Commit(NewEntry(c)) }()
		for j.queued() <= i {
			runtime.Gosched()
		}
	}
	close(goOn)
	errs := []error{<-held}
	for _, r := range results {
		errs = append(errs, <-r)
	}
	return errs[1:]
}

func (j *Journal) queued() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.mu.queue)
}

// TestRefusedGroupLeavesNothing fills the disk behind the first commits of a
// group, which are whole by then. None of them comes back, and what they left
// does not look like records behind a damaged one.
func TestRefusedGroupLeavesNothing(t *testing.T) {
	big := strings.Repeat("x", 3*writeBufBytes)
	for _, mode := range []SyncMode{SyncGroups, SyncTimed, SyncNever} {
		for _, next := range []string{"", "y", "room again, and a longer one than the first was"} {
			full := false
			mem := vfs.NewMem()
			fsys := vfs.Fail(mem, func(op vfs.Op) error {
				if full && op.Kind == vfs.OpWrite && op.Bytes > writeBufBytes {
					return &vfs.ShortWrite{Bytes: 1000, Err: syscall.ENOSPC}
				}
				return nil
			})
			j, rec := newJournal(t, fsys, 4<<20, mode)
			if err := j.Commit(NewEntry("before")); err != nil {
				t.Fatal(err)
			}
			full = true
			for i, err := range commitTogether(j, "first", "second", "third", big) {
				if !errors.Is(err, ErrNoSpace) {
					t.Fatalf("commit %d: %v, want ErrNoSpace", i, err)
				}
			}
			full = false
			want := []string{"before"}
			if next != "" {
				want = append(want, next)
				if err := j.Commit(NewEntry(next)); err != nil {
					t.Fatal(err)
				}
			}
			got, tail, err := replayed(mem.KillProcess(), testBoot)
			if err != nil || !slices.Equal(got, want) || tail.Cut != "" {
				t.Errorf("mode %d, killed: replayed %q, cut %q, %v; want %q", mode, got, tail.Cut, err, want)
			}
			for seed := range uint64(10) {
				got, _, err := replayed(mem.Crash(rand.New(rand.NewPCG(seed, 0))), Boot{2})
				if err != nil || !isPrefix(got, want) || mode == SyncGroups && len(got) < len(want) {
					t.Errorf("mode %d, power cut %d: replayed %q, %v; want %q", mode, seed, got, err, want)
				}
			}
			if err := j.Close(); err != nil || !slices.Equal(rec.published, want) {
				t.Errorf("published %q, want %q; close: %v", rec.published, want, err)
			}
		}
	}
}

// TestGroupThatCannotBeTakenBackPoisons: its commits may come back after a
// crash, so nobody may be told that they are not there.
func TestGroupThatCannotBeTakenBackPoisons(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpTruncate, vfs.OpSync} {
		full := false
		fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
			if full && (op.Kind == vfs.OpWrite || op.Kind == kind) {
				return syscall.ENOSPC
			}
			return nil
		})
		j, _ := newJournal(t, fsys, 4<<20, SyncGroups)
		full = true
		if err := j.Commit(NewEntry("no room")); !errors.Is(err, ErrPoisoned) || errors.Is(err, ErrNoSpace) {
			t.Errorf("%v fails: %v, want ErrPoisoned", kind, err)
		}
	}
}

// TestSyncThatFailedElsewhereIsNotTriedAgain: a system forgets what it could
// not write, and the next sync of the same file succeeds without it. So a
// failure that another goroutine met, and has not yet poisoned the journal for,
// must fail the group that waits behind it.
func TestSyncThatFailedElsewhereIsNotTriedAgain(t *testing.T) {
	broken := false
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if broken && op.Kind == vfs.OpSync {
			broken = false
			return &vfs.LostSync{Err: syscall.EIO}
		}
		return nil
	})
	j, rec := newJournal(t, fsys, 4<<20, SyncGroups)
	broken = true
	if err := j.syncFile(); err == nil {
		t.Fatal("the fault was not met")
	}
	if err := j.Commit(NewEntry("lost")); !errors.Is(err, ErrPoisoned) || len(rec.published) > 0 {
		t.Errorf("%v, published %q; want ErrPoisoned", err, rec.published)
	}
	if err := j.SyncNow(); !errors.Is(err, ErrPoisoned) {
		t.Errorf("later: %v, want ErrPoisoned", err)
	}
}

// TestCloseWaitsForTheLeader: also where the journal was poisoned meanwhile,
// the file stays open until what is being written to it is written.
func TestCloseWaitsForTheLeader(t *testing.T) { synctest.Test(t, testCloseWaitsForTheLeader) }

func testCloseWaitsForTheLeader(t *testing.T) {
	busy, goOn := make(chan struct{}), make(chan struct{})
	slow := false
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if slow && op.Kind == vfs.OpWrite {
			slow = false
			close(busy)
			<-goOn
		}
		return nil
	})
	j, _ := newJournal(t, fsys, 4<<20, SyncGroups)
	slow = true
	committed, closed := make(chan error, 1), make(chan error, 1)
	go func() { committed <- j.Commit(NewEntry("slow")) }()
	<-busy
	elsewhere := errors.New("segment broke")
	if err := j.Poison(elsewhere); !errors.Is(err, ErrPoisoned) {
		t.Fatal(err)
	}
	go func() { closed <- j.Close() }()
	synctest.Wait() // until it has got as far as it can
	select {
	case err := <-closed:
		t.Errorf("closed while it was written to: %v", err)
		closed <- err
	default:
	}
	close(goOn)
	if err := <-committed; err != nil && !errors.Is(err, ErrPoisoned) {
		t.Error(err)
	}
	if err := <-closed; !errors.Is(err, elsewhere) {
		t.Errorf("close: %v, want what poisoned it", err)
	}
	if err := j.Close(); !errors.Is(err, ErrClosed) && !errors.Is(err, ErrPoisoned) {
		t.Errorf("closed again: %v", err)
	}
}

// TestCrashedGroupsLeaveAPrefix crashes the machine at a random operation of a
// journal that writes groups of commits, some of them in parts, some refused
// for want of room. What is left is all that was acknowledged, and a prefix.
func TestCrashedGroupsLeaveAPrefix(t *testing.T) {
	start := rand.Uint64N(1 << 32)
	for seed := start; seed < start+300; seed++ {
		if err := crashGroups(t, rand.New(rand.NewPCG(seed, 0))); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func crashGroups(t *testing.T, rng *rand.Rand) error {
	mem := vfs.NewMem()
	var left *vfs.Mem
	full, power, ops := false, rng.IntN(3) > 0, 6+rng.IntN(60) // beginning takes 5
	fsys := vfs.Fail(mem, func(op vfs.Op) error {
		switch {
		case !op.Kind.Mutates():
			return nil
		case left != nil:
			return syscall.EIO
		}
		if ops--; ops == 0 && power {
			left = mem.Crash(rng)
			return syscall.EIO
		} else if ops == 0 {
			left = mem.KillProcess()
			return syscall.EIO
		}
		if full && op.Kind == vfs.OpWrite && op.Bytes > 300 {
			return &vfs.ShortWrite{Bytes: rng.IntN(int(op.Bytes)), Err: syscall.ENOSPC}
		}
		return nil
	})
	j, rec := newJournal(t, fsys, 2000, SyncGroups)
	var tried []string // and not refused
	acked := 0
	for n := 0; left == nil && n < 200; n++ {
		var group []string
		for range 1 + rng.IntN(5) {
			group = append(group, fmt.Sprintf("%d/%d %s", n, len(group), strings.Repeat("x", rng.IntN(300))))
		}
		full = rng.IntN(4) == 0
		errs := commitTogether(j, group...)
		if !errors.Is(errs[0], ErrNoSpace) {
			tried = append(tried, group...)
		}
		if errs[0] == nil {
			acked = len(tried)
		}
	}
	if !slices.Equal(rec.published, tried[:acked]) {
		return fmt.Errorf("published %d commits, acknowledged %d", len(rec.published), acked)
	}
	if left == nil {
		left = mem.KillProcess()
	}
	boot := testBoot
	if power {
		boot = Boot{2}
	}
	got, _, err := replayed(left, boot)
	if err != nil || !isPrefix(got, tried) || len(got) < acked {
		return fmt.Errorf("replayed %d of %d commits, %d were acknowledged, %w", len(got), len(tried), acked, err)
	}
	return j.closeFiles()
}

// TestEndThatRecoveryFoundStays kills the process between taking a group back
// and syncing that. The next one finds no group; a power cut after it must not
// bring the group back, for by then another file has the numbers behind it.
func TestEndThatRecoveryFoundStays(t *testing.T) {
	mem := vfs.NewMem()
	var left *vfs.Mem
	cut := false
	fsys := vfs.Fail(mem, func(op vfs.Op) error {
		switch {
		case op.Kind == vfs.OpWrite && op.Bytes > writeBufBytes:
			return syscall.ENOSPC
		case op.Kind == vfs.OpTruncate:
			cut = true
		case op.Kind == vfs.OpSync && cut && left == nil:
			left = mem.KillProcess()
		}
		return nil
	})
	j, _ := newJournal(t, fsys, 4<<20, SyncGroups)
	commitTogether(j, "first", "second", strings.Repeat("x", 3*writeBufBytes))
	want, tail, err := replayed(left, testBoot)
	if err == nil {
		err = Settle(left, tail)
	}
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(60) {
		got, _, err := replayed(left.Crash(rand.New(rand.NewPCG(seed, 0))), Boot{2})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("seed %d: replayed %q, %v; want %q", seed, got, err, want)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
