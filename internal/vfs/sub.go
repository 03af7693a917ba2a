package vfs

import (
	"io"
	"io/fs"
	"path"
)

// Sub returns the FS whose root is dir, a directory of fsys. It neither
// creates dir nor asks whether it exists. Errors name files as fsys does.
func Sub(fsys FS, dir string) FS { return &sub{fsys: fsys, dir: dir} }

// Path returns name as the FS knows it that fsys, made by Sub, is a part of: what
// an error about the file calls it.
func Path(fsys FS, name string) string {
	if s, ok := fsys.(*sub); ok {
		return Path(s.fsys, path.Join(s.dir, name))
	}
	return name
}

type sub struct {
	fsys FS
	dir  string
}

// full returns the name that fsys knows. It checks first: joining would turn
// "a/../b" into a name that is valid.
func (s *sub) full(op, name string) (string, error) {
	if err := checkName(op, s.dir); err != nil {
		return "", err
	}
	if err := checkName(op, name); err != nil {
		return "", err
	}
	return path.Join(s.dir, name), nil
}

func (s *sub) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	full, err := s.full("open", name)
	if err != nil {
		return nil, err
	}
	return s.fsys.OpenFile(full, flag, perm)
}

func (s *sub) Rename(oldname, newname string) error {
	from, err := s.full("rename", oldname)
	if err != nil {
		return err
	}
	to, err := s.full("rename", newname)
	if err != nil {
		return err
	}
	return s.fsys.Rename(from, to)
}

func (s *sub) Remove(name string) error {
	full, err := s.full("remove", name)
	if err != nil {
		return err
	}
	if name == "." {
		return &fs.PathError{Op: "remove", Path: name, Err: errRoot}
	}
	return s.fsys.Remove(full)
}

func (s *sub) MkdirAll(name string, perm fs.FileMode) error {
	full, err := s.full("mkdir", name)
	if err != nil {
		return err
	}
	return s.fsys.MkdirAll(full, perm)
}

func (s *sub) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := s.full("readdir", name)
	if err != nil {
		return nil, err
	}
	return s.fsys.ReadDir(full)
}

func (s *sub) Stat(name string) (fs.FileInfo, error) {
	full, err := s.full("stat", name)
	if err != nil {
		return nil, err
	}
	return s.fsys.Stat(full)
}

func (s *sub) SyncDir(name string) error {
	full, err := s.full("syncdir", name)
	if err != nil {
		return err
	}
	return s.fsys.SyncDir(full)
}

func (s *sub) Lock(name string) (io.Closer, error) {
	full, err := s.full("lock", name)
	if err != nil {
		return nil, err
	}
	return s.fsys.Lock(full)
}
