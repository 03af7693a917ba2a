package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// An OpKind is a kind of operation on an [FS] or a [File].
type OpKind int

// The operations that Fail asks about.
const (
	OpOpen        OpKind = iota // OpenFile without os.O_CREATE
	OpCreate                    // OpenFile with os.O_CREATE, also of a file that exists
	OpRead                      // File.ReadAt
	OpSize                      // File.Size
	OpWrite                     // File.WriteAt
	OpTruncate                  // File.Truncate
	OpPreallocate               // File.Preallocate
	OpSync                      // File.Sync
	OpClose                     // File.Close; the file is closed whatever is returned
	OpRename
	OpRemove
	OpMkdir
	OpReadDir
	OpStat
	OpSyncDir
	OpLock
	opKinds
)

var opNames = [opKinds]string{"open", "create", "read", "size", "write", "truncate", "preallocate", "sync",
	"close", "rename", "remove", "mkdir", "readdir", "stat", "syncdir", "lock"}

func (k OpKind) String() string {
	if k < 0 || k >= opKinds {
		return fmt.Sprintf("OpKind(%d)", int(k))
	}
	return opNames[k]
}

// Mutates reports whether the operation can change what is on disk.
func (k OpKind) Mutates() bool {
	switch k {
	case OpOpen, OpRead, OpSize, OpClose, OpReadDir, OpStat:
		return false
	}
	return true
}

// An Op is one operation, about to happen.
type Op struct {
	Kind    OpKind
	Name    string
	NewName string // of Rename
	Pos     int64  // of Read and Write
	Bytes   int64  // of Read and Write; the size for Truncate and Preallocate
}

// String returns the line that [Trace] tells.
func (o Op) String() string {
	switch o.Kind {
	case OpRename:
		return fmt.Sprintf("rename %s %s", o.Name, o.NewName)
	case OpRead, OpWrite:
		return fmt.Sprintf("%s %s %d at %d", o.Kind, o.Name, o.Bytes, o.Pos)
	case OpTruncate, OpPreallocate:
		return fmt.Sprintf("%s %s %d", o.Kind, o.Name, o.Bytes)
	}
	return o.Kind.String() + " " + o.Name
}

// ErrSkip as the error of an injected fault leaves the operation out and
// reports success, as a program does that forgot it. Only operations that
// return nothing but an error can be left out; others fail with it.
var ErrSkip = errors.New("left out")

// A ShortWrite as the error of an injected fault lets the first Bytes bytes of
// a write through before it fails with Err.
type ShortWrite struct {
	Bytes int
	Err   error
}

func (e *ShortWrite) Error() string {
	return fmt.Sprintf("short write of %d bytes: %v", e.Bytes, e.Err)
}
func (e *ShortWrite) Unwrap() error { return e.Err }

// A LostSync as the error of an injected fault makes a Sync fail with Err as
// Linux does: readers still see the bytes, but a later Sync, which succeeds,
// does not write them. With a nil Err the Sync reports success, as a drive
// does that lies. Only a [Mem] below can do it; elsewhere Sync just returns.
type LostSync struct{ Err error }

func (e *LostSync) Error() string { return fmt.Sprintf("sync lost what it was to write: %v", e.Err) }
func (e *LostSync) Unwrap() error { return e.Err }

// Fail returns fsys with faults. inject is called before every operation, by
// the goroutine that does it; when it returns an error the operation does not
// happen and returns that error, unless it is [ErrSkip], a [*ShortWrite] or a
// [*LostSync].
func Fail(fsys FS, inject func(Op) error) FS { return &failFS{fsys: fsys, inject: inject} }

type failFS struct {
	fsys   FS
	inject func(Op) error
}

// do asks about an operation that returns nothing but an error, and does it.
func (f *failFS) do(op Op, call func() error) error {
	err := f.inject(op)
	switch {
	case err == nil:
		return call()
	case errors.Is(err, ErrSkip):
		return nil
	}
	return err
}

func (f *failFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	kind := OpOpen
	if flag&os.O_CREATE != 0 {
		kind = OpCreate
	}
	if err := f.inject(Op{Kind: kind, Name: name}); err != nil {
		return nil, err
	}
	file, err := f.fsys.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &failFile{fs: f, file: file, name: name}, nil
}

func (f *failFS) Rename(oldname, newname string) error {
	return f.do(Op{Kind: OpRename, Name: oldname, NewName: newname}, func() error { return f.fsys.Rename(oldname, newname) })
}

func (f *failFS) Remove(name string) error {
	return f.do(Op{Kind: OpRemove, Name: name}, func() error { return f.fsys.Remove(name) })
}

func (f *failFS) MkdirAll(name string, perm fs.FileMode) error {
	return f.do(Op{Kind: OpMkdir, Name: name}, func() error { return f.fsys.MkdirAll(name, perm) })
}

func (f *failFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.inject(Op{Kind: OpReadDir, Name: name}); err != nil {
		return nil, err
	}
	return f.fsys.ReadDir(name)
}

func (f *failFS) Stat(name string) (fs.FileInfo, error) {
	if err := f.inject(Op{Kind: OpStat, Name: name}); err != nil {
		return nil, err
	}
	return f.fsys.Stat(name)
}

func (f *failFS) SyncDir(name string) error {
	return f.do(Op{Kind: OpSyncDir, Name: name}, func() error { return f.fsys.SyncDir(name) })
}

func (f *failFS) Lock(name string) (io.Closer, error) {
	if err := f.inject(Op{Kind: OpLock, Name: name}); err != nil {
		return nil, err
	}
	return f.fsys.Lock(name)
}

type failFile struct {
	fs   *failFS
	file File
	name string
}

func (f *failFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.fs.inject(Op{Kind: OpRead, Name: f.name, Pos: off, Bytes: int64(len(b))}); err != nil {
		return 0, err
	}
	return f.file.ReadAt(b, off)
}

func (f *failFile) WriteAt(b []byte, off int64) (int, error) {
	err := f.fs.inject(Op{Kind: OpWrite, Name: f.name, Pos: off, Bytes: int64(len(b))})
	if err == nil {
		return f.file.WriteAt(b, off)
	}
	var short *ShortWrite
	if !errors.As(err, &short) {
		return 0, err
	}
	n, writeErr := f.file.WriteAt(b[:min(short.Bytes, len(b))], off)
	return n, errors.Join(err, writeErr)
}

func (f *failFile) Size() (int64, error) {
	if err := f.fs.inject(Op{Kind: OpSize, Name: f.name}); err != nil {
		return 0, err
	}
	return f.file.Size()
}

func (f *failFile) Truncate(size int64) error {
	return f.fs.do(Op{Kind: OpTruncate, Name: f.name, Bytes: size}, func() error { return f.file.Truncate(size) })
}

func (f *failFile) Preallocate(size int64) error {
	return f.fs.do(Op{Kind: OpPreallocate, Name: f.name, Bytes: size}, func() error { return f.file.Preallocate(size) })
}

func (f *failFile) Sync() error {
	err := f.fs.do(Op{Kind: OpSync, Name: f.name}, f.file.Sync)
	var lost *LostSync
	if !errors.As(err, &lost) {
		return err
	}
	f.loseUnsynced()
	if lost.Err == nil {
		return nil
	}
	return err
}

func (f *failFile) Close() error {
	err := f.fs.inject(Op{Kind: OpClose, Name: f.name})
	if errors.Is(err, ErrSkip) {
		err = nil
	}
	return errors.Join(err, f.file.Close())
}

// A loser can forget, as a failing fsync does, what it was to write.
type loser interface{ loseUnsynced() }

func (f *failFile) loseUnsynced() {
	if l, ok := f.file.(loser); ok {
		l.loseUnsynced()
	}
}

// Map passes on what a file can do. Writing to memory is no operation.
func (f *failFile) Map(off int64, n int) (b []byte, unmap func() error, err error) {
	return Map(f.file, off, n)
}
