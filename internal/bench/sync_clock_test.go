package bench

import (
	"io/fs"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A slowFS takes long enough to sync for the clock to move.
type slowFS struct{ vfs.FS }

func (s slowFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := s.FS.OpenFile(name, flag, perm)
	return slowFile{f}, err
}

func (s slowFS) SyncDir(name string) error {
	waitForTick()
	return s.FS.SyncDir(name)
}

type slowFile struct{ vfs.File }

func (f slowFile) Sync() error {
	waitForTick()
	return f.File.Sync()
}

func waitForTick() {
	for began := time.Now().UnixNano(); time.Now().UnixNano() == began; {
	}
}

func TestSyncClockCountsFromItsStart(t *testing.T) {
	clock := &syncClock{FS: slowFS{vfs.NewMem()}}
	f, err := create(clock, "f")
	if err != nil {
		t.Fatal(err)
	}
	sync := func() time.Duration {
		t.Helper()
		before := clock.total()
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := clock.SyncDir("."); err != nil {
			t.Fatal(err)
		}
		return clock.total() - before
	}
	if got := sync(); got != 0 {
		t.Errorf("want nothing counted before the start, got %v", got)
	}
	clock.start()
	if got := sync(); got <= 0 {
		t.Errorf("want what syncing took, got %v", got)
	}
}
