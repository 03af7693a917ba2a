package bench

import (
	"errors"
	"fmt"
	"os"

	"github.com/freshet/freshet/internal/vfs"
)

// inScratch runs f on a new, empty directory under dir and removes it.
func inScratch(dir string, f func(path string, fsys vfs.FS) error) (err error) {
	path, err := os.MkdirTemp(dir, "freshet-bench-")
	if err != nil {
		return fmt.Errorf("make a directory to measure in: %w (name another with --dir)", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(path)) }()
	fsys, err := vfs.Dir(path)
	if err != nil {
		return err
	}
	return f(path, fsys)
}

// create makes a new file.
func create(fsys vfs.FS, name string) (vfs.File, error) {
	return fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, vfs.FilePerm)
}

// A fileSet remembers what it creates, to close it all.
type fileSet struct {
	fsys vfs.FS
	open []vfs.File
}

func (s *fileSet) create(name string) (vfs.File, error) {
	f, err := create(s.fsys, name)
	if err == nil {
		s.open = append(s.open, f)
	}
	return f, err
}

func (s *fileSet) close() error {
	var errs []error
	for _, f := range s.open {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
