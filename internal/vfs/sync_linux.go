package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData leaves out the metadata that reading back does not need, such as
// the time of the last change; the size is not left out.
func syncData(f *os.File) error {
	return control(f, "fdatasync", func(fd uintptr) error { return unix.Fdatasync(int(fd)) })
}

func preallocate(f *os.File, size int64) error {
	const growing = 0 // the mode that changes the size and no bytes
	err := control(f, "fallocate", func(fd uintptr) error { return unix.Fallocate(int(fd), growing, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil // this file system cannot reserve
	}
	return err
}
