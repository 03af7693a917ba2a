package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func (f dirFile) Map(off int64, n int) (b []byte, unmap func() error, err error) {
	err = control(f.f, "mmap", func(fd uintptr) error {
		b, err = unix.Mmap(int(fd), off, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	// Without it reading ahead makes large pages, each of which takes a while when
	// it is touched first, and is written as a whole. Only advice.
	_ = unix.Madvise(b, unix.MADV_RANDOM)
	return b, func() error { return os.NewSyscallError("munmap", unix.Munmap(b)) }, nil
}
