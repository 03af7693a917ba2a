package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
)

// Trace returns fsys and tells line of each operation that changes it, or
// makes a change durable, when it is over:
//
//	mkdir topics
//	create topics/a.tmp
//	preallocate topics/a.tmp 4096
//	write topics/a.tmp 512 at 0
//	truncate topics/a.tmp 512
//	sync topics/a.tmp
//	rename topics/a.tmp topics/a
//	remove topics/b
//	syncdir topics
//	lock LOCK
//
// Opening is told as create when the file was not there, as truncate when
// os.O_TRUNC emptied it, else not at all. An operation that failed has its
// error behind a colon. line is called by one goroutine at a time.
func Trace(fsys FS, line func(string)) FS {
	var mu sync.Mutex
	tell := func(op Op, err error) error {
		s := op.String()
		if err != nil {
			s += ": " + err.Error()
		}
		mu.Lock()
		defer mu.Unlock()
		line(s)
		return err
	}
	return &traceFS{FS: fsys, tell: tell}
}

// A traceFS passes on what changes nothing.
type traceFS struct {
	FS
	tell func(Op, error) error // returns the error
}

func (t *traceFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	_, statErr := t.FS.Stat(name)
	f, err := t.FS.OpenFile(name, flag, perm)
	switch missing := errors.Is(statErr, fs.ErrNotExist); {
	case missing && flag&os.O_CREATE != 0:
		err = t.tell(Op{Kind: OpCreate, Name: name}, err)
	case !missing && flag&os.O_TRUNC != 0:
		err = t.tell(Op{Kind: OpTruncate, Name: name}, err)
	}
	if err != nil {
		return nil, err
	}
	return &traceFile{File: f, fs: t, name: name}, nil
}

func (t *traceFS) Rename(oldname, newname string) error {
	return t.tell(Op{Kind: OpRename, Name: oldname, NewName: newname}, t.FS.Rename(oldname, newname))
}

func (t *traceFS) Remove(name string) error {
	return t.tell(Op{Kind: OpRemove, Name: name}, t.FS.Remove(name))
}

func (t *traceFS) MkdirAll(name string, perm fs.FileMode) error {
	return t.tell(Op{Kind: OpMkdir, Name: name}, t.FS.MkdirAll(name, perm))
}

func (t *traceFS) SyncDir(name string) error {
	return t.tell(Op{Kind: OpSyncDir, Name: name}, t.FS.SyncDir(name))
}

func (t *traceFS) Lock(name string) (io.Closer, error) {
	lock, err := t.FS.Lock(name)
	return lock, t.tell(Op{Kind: OpLock, Name: name}, err)
}

type traceFile struct {
	File
	fs   *traceFS
	name string
}

func (f *traceFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	return n, f.fs.tell(Op{Kind: OpWrite, Name: f.name, Pos: off, Bytes: int64(len(b))}, err)
}

func (f *traceFile) Truncate(size int64) error {
	return f.fs.tell(Op{Kind: OpTruncate, Name: f.name, Bytes: size}, f.File.Truncate(size))
}

func (f *traceFile) Preallocate(size int64) error {
	return f.fs.tell(Op{Kind: OpPreallocate, Name: f.name, Bytes: size}, f.File.Preallocate(size))
}

func (f *traceFile) Sync() error {
	return f.fs.tell(Op{Kind: OpSync, Name: f.name}, f.File.Sync())
}

func (f *traceFile) loseUnsynced() {
	if l, ok := f.File.(loser); ok {
		l.loseUnsynced()
	}
}
