package leveldb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

// A crash is what was left at one moment of a script.
type crash struct {
	mem          *vfs.Mem
	op           vfs.Op
	acknowledged int64
	closed       bool // nothing was open
}

// crashes runs a script, twice opening and closing, and calls leave at every
// operation that changes the disk.
func crashes(t *testing.T, s script, leave func(*vfs.Mem) *vfs.Mem) []crash {
	t.Helper()
	mem := vfs.NewMem()
	var acknowledged atomic.Int64
	var closed atomic.Bool
	var mu sync.Mutex
	var left []crash
	e := newEngine(vfs.Fail(mem, func(op vfs.Op) error {
		if op.Kind.Mutates() {
			mu.Lock()
			defer mu.Unlock()
			c := crash{op: op, acknowledged: acknowledged.Load(), closed: closed.Load()}
			c.mem = leave(mem)
			left = append(left, c)
		}
		return nil
	}), "boot")
	half := len(s.steps) / 2
	for _, part := range [][2]int{{0, half}, {half, len(s.steps)}} {
		if err := s.run(e, part[0], part[1], &acknowledged); err != nil {
			t.Fatal(err)
		}
	}
	closed.Store(true)
	return append(left, crash{mem: leave(mem), acknowledged: acknowledged.Load(), closed: true})
}

func TestKillAtEveryOperationLosesNothing(t *testing.T) {
	s := newScript(1, 100)
	for _, c := range crashes(t, s, (*vfs.Mem).KillProcess) {
		if s.verify(t, c.mem, "boot", c.acknowledged) && c.acknowledged > 0 {
			t.Errorf("killed before %s with %d applied: corrupt", c.op, c.acknowledged)
		}
	}
}

func TestPowerCutAtEveryOperationIsNoticed(t *testing.T) {
	const seeds = 4
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 0))
		s := newScript(seed, 150)
		trusted := 0
		for _, c := range crashes(t, s, func(m *vfs.Mem) *vfs.Mem { return m.Crash(rng) }) {
			corrupt := s.verify(t, c.mem, "next boot", 0)
			if !corrupt {
				trusted++
			}
			if corrupt && c.closed {
				t.Errorf("seed %d: power cut after Close: corrupt", seed)
			}
		}
		if trusted == 0 {
			t.Errorf("seed %d: nothing survived a power cut, not even what was closed", seed)
		}
	}
}

// An Apply larger than a batch is written in several; its position is in the
// last.
func TestKillInALargeApplyLeavesThePositionBehind(t *testing.T) {
	const keys = 3000
	mem := vfs.NewMem()
	var left []*vfs.Mem
	e := newEngine(vfs.Fail(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && len(op.Name) > 4 && op.Name[len(op.Name)-4:] == ".log" {
			left = append(left, mem.KillProcess())
		}
		return nil
	}), "boot")
	e.options.WriteBuffer = writeBufferBytes // so that only Apply writes
	db, err := e.Open(task)
	if err != nil {
		t.Fatal(err)
	}
	writes := []state.Write{state.PositionWrite(store, state.Position{Offset: keys})}
	for i := range keys {
		writes = append(writes, state.Write{Key: fmt.Appendf(nil, "%s\x00%06d", store, i), Value: make([]byte, 1000)})
	}
	if err := db.Apply(writes); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	partial := 0
	for i := 0; i < len(left); i += 1 + len(left)/50 {
		db, err := newEngine(left[i], "boot").Open(task)
		if err != nil {
			t.Fatal(err)
		}
		position, got, err := content(db)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if position != 0 {
			t.Fatalf("killed before write %d of %d: position %d with %d of %d keys", i, len(left), position, len(got), keys)
		}
		if len(got) > 0 {
			partial++
		}
	}
	if partial == 0 {
		t.Error("no kill came between two batches")
	}
}

// What the page cache holds after a failed sync is anybody's guess, and the
// process may die before it can remove the database.
func TestABrokenDiskIsRememberedWithoutClose(t *testing.T) {
	s := newScript(6, 2)
	mem := vfs.NewMem()
	var fault error
	e := newEngine(vfs.Fail(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			return fault
		}
		return nil
	}), "boot")
	db, err := e.Open(task)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Apply(s.steps[0]); err != nil {
		t.Fatal(err)
	}
	fault = syscall.EIO
	if err := db.Apply(s.steps[1]); !errors.Is(err, state.ErrCorrupt) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("Apply to a broken disk: %v, want ErrCorrupt and EIO", err)
	}
	if !s.verify(t, mem.KillProcess(), "boot", 0) {
		t.Error("the database is trusted again")
	}
	if err := db.Close(); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("Close: %v, want ErrCorrupt", err)
	}
}

// A killed process leaves a prefix of what it was writing.
func TestTornJournalIsCut(t *testing.T) {
	s := newScript(2, 20)
	mem := vfs.NewMem()
	db, err := newEngine(mem, "boot").Open(task)
	if err != nil {
		t.Fatal(err)
	}
	for _, writes := range s.steps {
		if err := db.Apply(writes); err != nil {
			t.Fatal(err)
		}
	}
	left := mem.KillProcess()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	name := task + "/" + newestJournal(t, left)
	whole, err := vfs.ReadFile(left, name)
	if err != nil {
		t.Fatal(err)
	}
	if len(whole) == 0 {
		t.Fatal("the newest journal is empty; change the script")
	}
	last := int64(-1)
	for n := range len(whole) + 1 {
		m := left.KillProcess()
		if err := truncate(m, name, int64(n)); err != nil {
			t.Fatal(err)
		}
		if s.verify(t, m, "boot", max(last, 0)) {
			t.Fatalf("journal of %d bytes cut to %d: corrupt", len(whole), n)
		}
	}
}

func newestJournal(t *testing.T, mem *vfs.Mem) string {
	t.Helper()
	entries, err := mem.ReadDir(task)
	if err != nil {
		t.Fatal(err)
	}
	newest := ""
	for _, e := range entries {
		if len(e.Name()) > 4 && e.Name()[len(e.Name())-4:] == ".log" {
			newest = e.Name() // sorted
		}
	}
	return newest
}

// Every file, after a kill and after a Close, with one bit wrong.
func TestBitFlipsAreNoticed(t *testing.T) {
	const flipsPerFile = 100
	s := newScript(3, 120)
	all := crashes(t, s, (*vfs.Mem).KillProcess)
	noticed, harmless := 0, 0
	for i, c := range []crash{all[len(all)*3/4], all[len(all)-1]} {
		rng := rand.New(rand.NewPCG(uint64(i), 0))
		entries, err := c.mem.ReadDir(task)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			for range flipsPerFile {
				m := c.mem.KillProcess()
				flip(t, m, task+"/"+entry.Name(), rng)
				if s.verify(t, m, "boot", 0) {
					noticed++
				} else {
					harmless++
				}
			}
		}
	}
	t.Logf("%d bit flips: %d corrupt, %d harmless", noticed+harmless, noticed, harmless)
	if noticed == 0 {
		t.Error("no bit flip was noticed")
	}
}

func flip(t *testing.T, mem *vfs.Mem, name string, rng *rand.Rand) {
	t.Helper()
	b, err := vfs.ReadFile(mem, name)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return
	}
	b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
	if err := vfs.WriteFileAtomic(mem, name, b); err != nil {
		t.Fatal(err)
	}
}

func TestAfterAnErrorNothingIsWritten(t *testing.T) {
	s := newScript(5, 3)
	mem := vfs.NewMem()
	var fault error
	e := newEngine(vfs.Fail(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			return fault
		}
		return nil
	}), "boot")
	db, err := e.Open(task)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Apply(s.steps[0]); err != nil {
		t.Fatal(err)
	}
	fault = syscall.ENOSPC
	if err := db.Apply(s.steps[1]); !vfs.IsNoSpace(err) || errors.Is(err, state.ErrCorrupt) {
		t.Fatalf("Apply on a full disk: %v, want ENOSPC and not ErrCorrupt", err)
	}
	fault = nil
	if err := db.Apply(s.steps[2]); !vfs.IsNoSpace(err) {
		t.Errorf("Apply after a failed one: %v, want the first error", err)
	}
	if err := db.Close(); !vfs.IsNoSpace(err) {
		t.Errorf("Close after a failed Apply: %v, want the first error", err)
	}
	if s.verify(t, mem, "boot", 1) {
		t.Error("a full disk made the database corrupt")
	}
}
