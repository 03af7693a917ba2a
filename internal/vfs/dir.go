package vfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Dir returns the FS whose root is a directory of the operating system. It
// creates the directory, and those above it, durably, if it is missing. No
// name leads out of it, not through symbolic links either (see [os.Root]).
func Dir(path string) (FS, error) {
	if path == "" {
		return nil, errors.New("open directory: its name is empty (give one)")
	}
	if err := makeDirDurably(path); err != nil {
		return nil, fmt.Errorf("open directory %s: %w", path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", path, err)
	}
	return &dir{root: root}, nil
}

// Existing is Dir for a directory that must be there: fs.ErrNotExist if it is
// not, and nothing is created.
func Existing(path string) (FS, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", path, err)
	}
	return &dir{root: root}, nil
}

// makeDirDurably creates path and syncs each directory that got a new entry,
// from the top, so that a crash leaves a prefix of the path.
func makeDirDurably(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		if !info.IsDir() {
			return syscall.ENOTDIR
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent == path {
		return err
	}
	if err := makeDirDurably(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, DirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(root, "."), root.Close())
}

// A dir is closed by the garbage collector, with its root.
type dir struct{ root *os.Root }

// local turns a name into one for the operating system. It refuses what means
// something else there: on Windows backslashes, drive letters and devices.
func local(op, name string) (string, error) {
	l, err := filepath.Localize(name)
	if err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return l, nil
}

func (d *dir) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := checkOpen(name, flag); err != nil {
		return nil, err
	}
	name, err := local("open", name)
	if err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return dirFile{f}, nil
}

func (d *dir) Rename(oldname, newname string) error {
	from, err := local("rename", oldname)
	if err != nil {
		return err
	}
	to, err := local("rename", newname)
	if err != nil {
		return err
	}
	return d.root.Rename(from, to)
}

func (d *dir) Remove(name string) error {
	name, err := local("remove", name)
	if err != nil {
		return err
	}
	if name == "." {
		return &fs.PathError{Op: "remove", Path: name, Err: errRoot}
	}
	return d.root.Remove(name)
}

func (d *dir) MkdirAll(name string, perm fs.FileMode) error {
	name, err := local("mkdir", name)
	if err != nil {
		return err
	}
	return d.root.MkdirAll(name, perm)
}

func (d *dir) ReadDir(name string) ([]fs.DirEntry, error) {
	name, err := local("readdir", name)
	if err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

func (d *dir) Stat(name string) (fs.FileInfo, error) {
	name, err := local("stat", name)
	if err != nil {
		return nil, err
	}
	return d.root.Stat(name)
}

func (d *dir) SyncDir(name string) error {
	name, err := local("syncdir", name)
	if err != nil {
		return err
	}
	return syncDir(d.root, name)
}

func (d *dir) Lock(name string) (io.Closer, error) {
	name, err := local("lock", name)
	if err != nil {
		return nil, err
	}
	return lockFile(d.root, name)
}

// A dirFile is an os.File less what the contract leaves out.
type dirFile struct{ f *os.File }

func (f dirFile) ReadAt(b []byte, off int64) (int, error)  { return f.f.ReadAt(b, off) }
func (f dirFile) WriteAt(b []byte, off int64) (int, error) { return f.f.WriteAt(b, off) }
func (f dirFile) Close() error                             { return f.f.Close() }
func (f dirFile) Truncate(size int64) error                { return f.f.Truncate(size) }
func (f dirFile) Sync() error                              { return syncData(f.f) }

func (f dirFile) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f dirFile) Preallocate(size int64) error {
	if size < 0 {
		return &fs.PathError{Op: "preallocate", Path: f.f.Name(), Err: fs.ErrInvalid}
	}
	if size == 0 {
		return nil
	}
	return preallocate(f.f, size)
}

// control runs a system call on an open file, again when a signal breaks it
// off, and names the file in its error. Unlike os.File.Fd it leaves the file
// as it is, and open until the call is over.
func control(f *os.File, op string, call func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if callErr = call(fd); !errors.Is(callErr, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil { // only of a closed file, and os does not say so with ErrClosed
		return &fs.PathError{Op: op, Path: f.Name(), Err: fs.ErrClosed}
	}
	if callErr != nil {
		return &fs.PathError{Op: op, Path: f.Name(), Err: callErr}
	}
	return nil
}
