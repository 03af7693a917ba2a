package vfs

import (
	"io/fs"
	"os"
	"syscall"
)

// syncDir has nothing to sync: NTFS journals names, and Windows syncs no
// directory that is open for reading only.
func syncDir(root *os.Root, name string) error {
	info, err := root.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "syncdir", Path: name, Err: syscall.ENOTDIR}
	}
	return nil
}
