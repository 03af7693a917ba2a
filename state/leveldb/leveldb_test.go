package leveldb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
	"github.com/freshet/freshet/state/statetest"
)

const task = "0_0"

// smallBuffer makes journals and tables change hands every few writes.
const smallBuffer = 2 << 10

// newEngine returns an engine with small buffers, in the boot named.
func newEngine(fsys vfs.FS, boot string) *engine {
	e := Engine(fsys, Options{BootID: func() string { return boot }}).(*engine)
	e.options.WriteBuffer = smallBuffer
	e.options.CompactionTableSize = smallBuffer
	return e
}

func TestEngine(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		statetest.TestEngine(t, func(*testing.T) state.Engine { return newEngine(vfs.NewMem(), "boot") })
	})
	t.Run("disk", func(t *testing.T) {
		statetest.TestEngine(t, func(t *testing.T) state.Engine {
			fsys, err := vfs.Dir(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			return Engine(fsys, Options{})
		})
	})
}

// A pc is a machine that is killed or loses its power.
type pc struct {
	mem   *vfs.Mem
	boots int
}

func (p *pc) Engine() state.Engine { return newEngine(p.mem, fmt.Sprint("boot", p.boots)) }

func (p *pc) Crash(rng *rand.Rand) {
	if rng.IntN(2) == 0 {
		p.mem = p.mem.KillProcess()
		return
	}
	p.mem = p.mem.Crash(rng)
	p.boots++
}

func TestStore(t *testing.T) {
	statetest.TestStore(t, 40, func(*testing.T) statetest.Machine { return &pc{mem: vfs.NewMem()} })
}

func TestOpenRefusesWhatMayHaveHoles(t *testing.T) {
	for _, test := range []struct {
		name        string
		close       bool
		before, now string
		corrupt     bool
	}{
		{"closed, same boot", true, "a", "a", false},
		{"closed, another boot", true, "a", "b", false},
		{"closed, boots unknown", true, "", "", false},
		{"killed, same boot", false, "a", "a", false},
		{"killed, another boot", false, "a", "b", true},
		{"killed, boot unknown then", false, "", "a", true},
		{"killed, boot unknown now", false, "a", "", true},
		{"killed, boots unknown", false, "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			mem := vfs.NewMem()
			db, err := newEngine(mem, test.before).Open(task)
			if err != nil {
				t.Fatal(err)
			}
			killed := mem.KillProcess()
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if !test.close {
				mem = killed
			}
			e := newEngine(mem, test.now)
			db, err = e.Open(task)
			if errors.Is(err, state.ErrCorrupt) != test.corrupt {
				t.Fatalf("Open: %v, want corrupt %t", err, test.corrupt)
			}
			if err != nil {
				if err := e.Remove(task); err != nil {
					t.Fatal(err)
				}
				if db, err = e.Open(task); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenTwiceIsLockedNotCorrupt(t *testing.T) {
	e := newEngine(vfs.NewMem(), "boot")
	db, err := e.Open(task)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Open(task)
	if !errors.Is(err, vfs.ErrLocked) || errors.Is(err, state.ErrCorrupt) {
		t.Errorf("second Open: %v, want ErrLocked and not ErrCorrupt", err)
	}
	if err := e.Remove(task); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("Remove of an open task: %v, want ErrLocked", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestTaskNames(t *testing.T) {
	e := newEngine(vfs.NewMem(), "boot")
	for _, name := range []string{"", ".", "..", "a/b", "/a", "a/"} {
		if _, err := e.Open(name); !errors.Is(err, errTask) {
			t.Errorf("Open(%q): %v, want %v", name, err, errTask)
		}
		if err := e.Remove(name); !errors.Is(err, errTask) {
			t.Errorf("Remove(%q): %v, want %v", name, err, errTask)
		}
	}
}

func TestNamesMatchWhole(t *testing.T) {
	for name, want := range map[string]bool{
		"000001.log": true, "1234567.ldb": true, "MANIFEST-000003": true, "000009.tmp": true,
		"1.log": false, "0000001.log": false, "000001.log.tmp": false, "-00001.log": false, "+00001.ldb": false,
		"000001.sst": false, "MANIFEST-3": false, "MANIFEST-000003.tmp": false, "000003": false, "CURRENT": false, "": false,
	} {
		if fd, got := parseName(name); got != want {
			t.Errorf("parseName(%q) = %s, %t, want %t", name, fd, got, want)
		}
	}
}
