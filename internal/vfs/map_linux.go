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
	// Only advice: an older system, or one that is set so, uses small pages.
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	return b, func() error { return os.NewSyscallError("munmap", unix.Munmap(b)) }, nil
}
