package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// ReadFile returns all bytes of a file.
func ReadFile(fsys FS, name string) (data []byte, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data = make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil // the file ended at size, or was cut while we read
	}
	return data[:n], err
}

// WriteFileAtomic makes data the durable content of name. After a crash at any
// moment name holds what it held before or all of data; name.tmp may be left
// behind, and the next WriteFileAtomic of name overwrites it.
//
// One goroutine at a time may write a name. After an error in the last step,
// syncing the directory, name may lead to either content.
func WriteFileAtomic(fsys FS, name string, data []byte) error {
	tmp := name + ".tmp"
	if err := writeSynced(fsys, tmp, data); err != nil {
		return errors.Join(fmt.Errorf("replace %s: %w", name, err), removeIfThere(fsys, tmp))
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return errors.Join(fmt.Errorf("replace %s: %w", name, err), removeIfThere(fsys, tmp))
	}
	if err := fsys.SyncDir(path.Dir(name)); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	return nil
}

func writeSynced(fsys FS, name string, data []byte) error {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, FilePerm)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func removeIfThere(fsys FS, name string) error {
	err := fsys.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// RemoveAll removes name and everything below it; the root is emptied, not
// removed. A name that does not exist is no error. Nothing is durable before
// SyncDir of the directory that holds name.
func RemoveAll(fsys FS, name string) error {
	if err := checkName("remove", name); err != nil {
		return err
	}
	if name == "." {
		return removeTree(fsys, name, true)
	}
	// The entry, and not Stat, says what it is: Stat follows symbolic links.
	dir, base := split(name)
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == base {
			return removeTree(fsys, name, e.IsDir())
		}
	}
	return nil
}

func removeTree(fsys FS, name string, isDir bool) error {
	if isDir {
		entries, err := fsys.ReadDir(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := removeTree(fsys, path.Join(name, e.Name()), e.IsDir()); err != nil {
				return err
			}
		}
	}
	if name == "." {
		return nil
	}
	return removeIfThere(fsys, name)
}
