package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func (f dirFile) Map(off int64, n int, pages Pages) (b []byte, unmap func() error, err error) {
	err = control(f.f, "mmap", func(fd uintptr) error {
		b, err = unix.Mmap(int(fd), off, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	advice := unix.MADV_HUGEPAGE
	if pages == SmallPages {
		advice = unix.MADV_RANDOM // without it reading ahead makes large ones
	}
	_ = unix.Madvise(b, advice) // only that: an older system may know no large pages
	return b, func() error { return os.NewSyscallError("munmap", unix.Munmap(b)) }, nil
}
