package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"
)

// script uses every operation, in the order of OpKind where it can.
func script(fsys FS) error {
	if err := fsys.MkdirAll("d", DirPerm); err != nil {
		return err
	}
	lock, err := fsys.Lock("d/LOCK")
	if err != nil {
		return err
	}
	if err := lock.Close(); err != nil {
		return err
	}
	f, err := fsys.OpenFile("d/f", os.O_RDWR|os.O_CREATE, FilePerm)
	if err != nil {
		return err
	}
	b := make([]byte, 600)
	_, writeErr := f.WriteAt(b, 5)
	_, readErr := f.ReadAt(b, 5)
	_, sizeErr := f.Size()
	if err := errors.Join(writeErr, readErr, sizeErr, f.Truncate(100), f.Preallocate(4_096), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := errors.Join(fsys.Rename("d/f", "d/g"), fsys.SyncDir("d")); err != nil {
		return err
	}
	_, readDirErr := fsys.ReadDir("d")
	_, statErr := fsys.Stat("d/g")
	if err := errors.Join(readDirErr, statErr); err != nil {
		return err
	}
	if _, err := ReadFile(fsys, "d/g"); err != nil {
		return err
	}
	return fsys.Remove("d/g")
}

func TestFailAsksBeforeEveryOperation(t *testing.T) {
	asked := map[OpKind]int{}
	ops := 0
	check(t, script(Fail(NewMem(), func(op Op) error { asked[op.Kind]++; ops++; return nil })))
	for k := range opKinds {
		if asked[k] == 0 {
			t.Errorf("%s: not asked about", k)
		}
	}
	for k := range ops {
		n := 0
		err := script(Fail(NewMem(), func(Op) error {
			n++
			if n == k+1 {
				return syscall.ENOSPC
			}
			return nil
		}))
		if !IsNoSpace(err) {
			t.Errorf("operation %d of %d fails: want ENOSPC, got %v", k+1, ops, err)
		}
	}
}

func TestFailCutsWriteShort(t *testing.T) {
	m := NewMem()
	fsys := Fail(m, func(op Op) error {
		if op.Kind == OpWrite {
			return fmt.Errorf("injected: %w", &ShortWrite{Bytes: 2, Err: syscall.EDQUOT})
		}
		return nil
	})
	f := create(t, fsys, "f")
	n, err := f.WriteAt([]byte("abc"), 0)
	if n != 2 || !IsNoSpace(err) {
		t.Errorf("want 2 bytes and EDQUOT, got %d, %v", n, err)
	}
	wantFile(t, m, "f", "ab")
}

// After a sync that failed as Linux fails it, one that succeeds saves nothing
// but what was written since.
func TestFailLosesSync(t *testing.T) {
	for _, injected := range []error{syscall.EIO, nil} {
		m := NewMem()
		syncs := 0
		fsys := Trace(Fail(Trace(m, func(string) {}), func(op Op) error {
			if op.Kind != OpSync {
				return nil
			}
			if syncs++; syncs == 2 {
				return &LostSync{Err: injected}
			}
			return nil
		}), func(string) {})
		f := create(t, fsys, "f")
		write(t, f, 0, fill('a', 2*pageBytes))
		check(t, f.Sync())
		check(t, m.SyncDir("."))
		write(t, f, 0, fill('b', 2*pageBytes))
		if err := f.Sync(); !errors.Is(err, injected) {
			t.Errorf("want %v, got %v", injected, err)
		}
		check(t, f.Sync())
		wantFile(t, m, "f", fill('b', 2*pageBytes))
		wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "a")
		write(t, f, pageBytes, fill('c', pageBytes))
		check(t, f.Sync())
		wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "ac")
	}
}

func TestIsNoSpace(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, syscall.EDQUOT, &fs.PathError{Err: syscall.ENOSPC}} {
		if !IsNoSpace(err) {
			t.Errorf("%v: want true", err)
		}
	}
	for _, err := range []error{nil, syscall.EIO, fs.ErrNotExist} {
		if IsNoSpace(err) {
			t.Errorf("%v: want false", err)
		}
	}
}

func TestTraceTellsChanges(t *testing.T) {
	var lines []string
	fsys := Trace(NewMem(), func(line string) { lines = append(lines, line) })
	check(t, script(fsys))
	check(t, WriteFileAtomic(fsys, "d/h", []byte("abc")))
	put(t, fsys, "d/h", "x")
	if err := fsys.Remove("no"); err == nil {
		t.Error("remove of a missing file: no error")
	}
	want := []string{
		"mkdir d",
		"lock d/LOCK",
		"create d/f",
		"write d/f 600 at 5",
		"truncate d/f 100",
		"preallocate d/f 4096",
		"sync d/f",
		"rename d/f d/g",
		"syncdir d",
		"remove d/g",
		"create d/h.tmp",
		"write d/h.tmp 3 at 0",
		"sync d/h.tmp",
		"rename d/h.tmp d/h",
		"syncdir d",
		"truncate d/h 0",
		"write d/h 1 at 0",
		"remove no: remove no: file does not exist",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("want:\n%q\ngot:\n%q", want, lines)
	}
}

// Between two operations the tree, with what of it is durable, changes if and
// only if the kind of the first one says so.
func TestMutates(t *testing.T) {
	m := NewMem()
	changed := map[OpKind]bool{}
	var last Op
	before := m.Describe()
	check(t, script(Fail(m, func(op Op) error {
		after := m.Describe()
		changed[last.Kind] = changed[last.Kind] || after != before
		last, before = op, after
		return nil
	})))
	changed[last.Kind] = changed[last.Kind] || m.Describe() != before
	for k := range opKinds {
		if changed[k] != k.Mutates() {
			t.Errorf("%s: changes something: %t, Mutates: %t", k, changed[k], k.Mutates())
		}
	}
}
