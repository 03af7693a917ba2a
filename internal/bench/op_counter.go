package bench

import (
	"io/fs"
	"strings"
	"sync/atomic"

	"github.com/freshet/freshet/internal/vfs"
)

// An opCounter is a file system that counts what is written to the journal of
// a log: one write for a group of commits, where the group is not large, and in
// the sync mode one sync.
type opCounter struct {
	vfs.FS
	writes, syncs atomic.Int64
}

func (c *opCounter) reset() {
	c.writes.Store(0)
	c.syncs.Store(0)
}

func (c *opCounter) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil || !strings.HasPrefix(name, "journal/") {
		return f, err
	}
	return &countedFile{f, c}, nil
}

type countedFile struct {
	vfs.File
	counter *opCounter
}

func (f *countedFile) WriteAt(b []byte, pos int64) (int, error) {
	f.counter.writes.Add(1)
	return f.File.WriteAt(b, pos)
}

func (f *countedFile) Sync() error {
	f.counter.syncs.Add(1)
	return f.File.Sync()
}
