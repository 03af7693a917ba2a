package vfs

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// acquire locks the file, opened so that nobody can delete or rename it: then
// its name cannot lead to another file while the lock is held.
func acquire(root *os.Root, name string) ([]*os.File, error) {
	path, err := windows.UTF16PtrFromString(filepath.Join(root.Name(), name))
	if err != nil {
		return nil, err
	}
	const notDelete = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE
	h, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE, notDelete, nil,
		windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(h), name)
	err = lockHandle(h)
	if err == nil {
		err = writeHolder(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return []*os.File{f}, nil
}

// lockHandle locks one byte far behind the process id, which others must be
// able to read: on Windows a locked byte is readable by nobody else.
func lockHandle(h windows.Handle) error {
	const farHigh = 1 << 30 // high word of the position
	at := &windows.Overlapped{OffsetHigh: farHigh}
	err := windows.LockFileEx(h, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}
