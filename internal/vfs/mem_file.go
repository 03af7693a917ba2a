package vfs

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A memFile is an open file of a [Mem].
type memFile struct {
	m      *Mem
	n      *node
	name   string
	flag   int
	closed bool // under m.mu
}

// checkLocked refuses a call on a closed file, and one that the file was not
// opened for. Each of reading and writing has one flag that excludes it.
func (f *memFile) checkLocked(op string, excluded int) error {
	if f.closed {
		return f.fail(op, fs.ErrClosed)
	}
	if excluded >= 0 && f.flag&(os.O_RDONLY|os.O_WRONLY|os.O_RDWR) == excluded {
		return f.fail(op, syscall.EBADF)
	}
	return nil
}

const anyFlag = -1

func (f *memFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	if err := f.checkLocked("read", os.O_WRONLY); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, f.fail("read", fs.ErrInvalid)
	}
	n := f.n.readAt(b, off)
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// change runs a change to the file under the lock.
func (f *memFile) change(op string, at int64, do func(*node)) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.checkLocked(op, os.O_RDONLY); err != nil {
		return err
	}
	if at < 0 {
		return f.fail(op, fs.ErrInvalid)
	}
	do(f.n)
	return nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.change("write", off, func(n *node) { n.writeAt(b, off) }); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *memFile) Truncate(size int64) error {
	return f.change("truncate", size, func(n *node) { n.truncate(size) })
}

func (f *memFile) Preallocate(size int64) error {
	return f.change("preallocate", size, func(n *node) { n.preallocate(size) })
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.checkLocked("sync", anyFlag); err != nil {
		return err
	}
	f.n.sync()
	return nil
}

func (f *memFile) loseUnsynced() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.loseUnsynced()
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	if err := f.checkLocked("stat", anyFlag); err != nil {
		return 0, err
	}
	return f.n.size, nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.checkLocked("close", anyFlag); err != nil {
		return err
	}
	f.closed = true
	return nil
}
