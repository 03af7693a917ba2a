//go:build unix

package vfs

import (
	"errors"
	"os"
	"syscall"
)

func syncDir(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
