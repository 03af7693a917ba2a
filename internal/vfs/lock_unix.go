//go:build unix

package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// acquire locks the directory and then the file. The file alone would not do:
// whoever deletes it, as people do with lock files they think stale, would
// make room for a second owner.
func acquire(root *os.Root, name string) ([]*os.File, error) {
	dir, err := root.OpenFile(filepath.Dir(name), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := flock(dir); err != nil && !cannotLockDirs(err) {
		return nil, errors.Join(err, dir.Close())
	}
	f, err := acquireFile(root, name)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return []*os.File{f, dir}, nil
}

// cannotLockDirs is how file systems that make flock out of record locks, as
// NFS does, refuse a directory. There the lock file is all there is.
func cannotLockDirs(err error) bool {
	return errors.Is(err, unix.EBADF) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EISDIR) ||
		errors.Is(err, unix.EOPNOTSUPP)
}

// acquireFile opens and locks the file until the one it locked is the one
// that has the name: it may be deleted between the two.
func acquireFile(root *os.Root, name string) (*os.File, error) {
	for {
		f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, FilePerm)
		if err != nil {
			return nil, err
		}
		current, err := lockCurrent(root, name, f)
		if err == nil && current {
			err = writeHolder(f)
		}
		if err == nil && current {
			return f, nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
}

// lockCurrent locks f and reports whether name still leads to it.
func lockCurrent(root *os.Root, name string, f *os.File) (bool, error) {
	if err := flock(f); err != nil {
		return false, err
	}
	ours, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := root.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(ours, named), err
}

func flock(f *os.File) error {
	err := control(f, "flock", func(fd uintptr) error { return unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
