package segment

import (
	"errors"
	"io/fs"
	"math"
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

func TestNames(t *testing.T) {
	for _, n := range []Name{{0, 0}, {0, 1}, {1000, 3}, {math.MaxInt64, math.MaxUint32}} {
		for k := range kinds {
			if got, ok := parseName(n.file(k)); !ok || got != n {
				t.Errorf("%s is %v, %v, want %v", n.file(k), got, ok, n)
			}
		}
	}
	if got, want := LogName(1000, 0), "00000000000000001000.log"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := LogName(0, 3), "00000000000000000000.3.log"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, s := range []string{
		"", "12.log", "12.log.bak", "00000000000000001000.log.tmp", "00000000000000001000.log.swap",
		"00000000000000001000.swap", "00000000000000001000.0.log", "00000000000000001000.01.log",
		"00000000000000001000.4294967296.log", "09223372036854775808.log", "99999999999999999999.log",
		"00000000000000001000.1.2.log", "00000000000000001000.log ", "00000000000000001000.LOG",
		"x00000000000000001000.log", "-0000000000000001000.log", "00000000000000001000.cleaned",
		"00000000000000001000.log\n",
	} {
		if n, ok := parseName(s); ok {
			t.Errorf("%q is taken for %v", s, n)
		}
	}
}

func FuzzName(f *testing.F) {
	f.Add("00000000000000001000.3.log")
	f.Add("00000000000000001000.timeindex")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := parseName(s)
		if !ok {
			return
		}
		if s != n.file(logFile) && s != n.file(offsetIndexFile) && s != n.file(timeIndexFile) {
			t.Fatalf("%q is %v", s, n)
		}
	})
}

func TestListAndRemove(t *testing.T) {
	fsys := vfs.NewMem()
	for _, name := range []string{
		"00000000000000000009.log", "00000000000000000009.index", "00000000000000000009.2.log", "00000000000000000009.10.log",
		"00000000000000000001.timeindex", "00000000000000000009.log.bak", "12.log", "CHECKPOINT.tmp",
	} {
		replace(t, fsys, name, []byte("x"))
	}
	if err := fsys.MkdirAll("00000000000000000077.log", 0o700); err != nil {
		t.Fatal(err)
	}
	want := []Name{{1, 0}, {9, 0}, {9, 2}, {9, 10}}
	got, err := List(fsys)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v, %v, want %v", got, err, want)
	}
	for range 2 { // what is gone is gone
		if err := Remove(fsys, 9, 0); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := List(fsys); err != nil || !slices.Equal(got, []Name{{1, 0}, {9, 2}, {9, 10}}) {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := fsys.Stat("00000000000000000009.log.bak"); err != nil {
		t.Fatal("a foreign file went")
	}
	if _, err := List(vfs.Sub(fsys, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// TestRemoveMayBeTriedAgain is Windows, where a file that is read stays.
func TestRemoveMayBeTriedAgain(t *testing.T) {
	mem := vfs.NewMem()
	busy := true
	fsys := vfs.Fail(mem, func(op vfs.Op) error {
		if busy && op.Kind == vfs.OpRemove && op.Name == LogName(4, 2) {
			return fs.ErrPermission
		}
		return nil
	})
	s, err := Create(NewFiles(0), fsys, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(); !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("%v, want ErrPermission", err)
	}
	busy = false
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if got, err := List(mem); err != nil || len(got) > 0 {
		t.Fatalf("%v, %v", got, err)
	}
}
