package leveldb

import (
	"errors"
	"io"
	"os"

	"github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/freshet/freshet/internal/vfs"
)

func (s *files) Open(fd storage.FileDesc) (storage.Reader, error) {
	f, err := s.fsys.OpenFile(fd.String(), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &reader{io.NewSectionReader(f, 0, size), f}, nil
}

// A reader reads a file as long as it was when it was opened.
type reader struct {
	*io.SectionReader
	file vfs.File
}

func (r *reader) Close() error { return r.file.Close() }

func (s *files) Create(fd storage.FileDesc) (storage.Writer, error) {
	if err := s.failure(); err != nil {
		return nil, err
	}
	f, err := s.fsys.OpenFile(fd.String(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, vfs.FilePerm)
	if err != nil {
		return nil, s.fail(err)
	}
	if err := s.fsys.SyncDir("."); err != nil {
		return nil, s.fail(errors.Join(err, f.Close()))
	}
	return &writer{files: s, file: f, journal: fd.Type == storage.TypeJournal}, nil
}

// A writer appends to a new file. One goroutine has it.
type writer struct {
	files   *files
	file    vfs.File
	end     int64
	journal bool
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.files.failure(); err != nil {
		return 0, err
	}
	n, err := w.file.WriteAt(p, w.end)
	w.end += int64(n)
	return n, w.files.fail(err)
}

func (w *writer) Sync() error {
	if err := w.files.failure(); err != nil {
		return err
	}
	return w.files.fail(w.file.Sync())
}

func (w *writer) Close() error {
	var err error
	if w.journal {
		err = w.Sync()
	}
	return errors.Join(err, w.files.fail(w.file.Close()))
}
