package bench

import (
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A syncClock is a file system that adds up the time spent in syncing since it
// was started.
type syncClock struct {
	vfs.FS
	from  atomic.Int64 // nanoseconds since the epoch; 0 before start
	spent atomic.Int64
}

// start begins to count. A sync that is under way counts from here on.
func (c *syncClock) start() { c.from.Store(time.Now().UnixNano()) }

func (c *syncClock) total() time.Duration { return time.Duration(c.spent.Load()) }

// timed runs a sync.
func (c *syncClock) timed(sync func() error) error {
	began := time.Now().UnixNano()
	err := sync()
	if from := c.from.Load(); from != 0 {
		c.spent.Add(time.Now().UnixNano() - max(began, from))
	}
	return err
}

func (c *syncClock) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &clockedFile{f, c}, nil
}

func (c *syncClock) SyncDir(name string) error {
	return c.timed(func() error { return c.FS.SyncDir(name) })
}

type clockedFile struct {
	vfs.File
	clock *syncClock
}

func (f *clockedFile) Sync() error { return f.clock.timed(f.File.Sync) }

// Map passes on what vfs.Mapper asks of the file.
func (f *clockedFile) Map(off int64, n int) ([]byte, func() error, error) {
	return vfs.Map(f.File, off, n)
}
