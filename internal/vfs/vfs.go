// Package vfs is the file system that the log and the stores write through.
//
//	Dir    the operating system, rooted in one directory
//	Mem    memory, which can lose power
//	Sub    one directory of another FS
//	Fail   another FS, each operation of which can be made to fail
//	Trace  another FS, each change to which is told
//
// A [Window] writes small pieces of a file of Dir through memory.
//
// Names are slash-separated and relative to the root, in the form that
// [fs.ValidPath] accepts: "." is the root, and a name with "..", an empty
// element or a leading slash is refused with [fs.ErrInvalid].
//
// Any goroutine may call an [FS] and a [File].
//
// After a crash of the process everything that was written is there. After a
// crash of the machine, or a power cut, only what was synced is:
//
//	bytes and size of a file       after File.Sync
//	its name: create, rename,      after SyncDir of the directory
//	remove, and of a directory     that holds the name
//	too
//
// What was not synced may survive or not, each sector and each name apart.
// So a file replaces another safely in one order only: write, Sync, Rename,
// SyncDir, as [WriteFileAtomic] does.
//
// Rules: fsync(2), rename(2), and "All File Systems Are Not Created Equal"
// (Pillai et al., OSDI 2014).
package vfs

import (
	"io"
	"io/fs"
)

// Permissions that the package's own functions create with: what is stored
// belongs to the user who stored it.
const (
	FilePerm fs.FileMode = 0o600
	DirPerm  fs.FileMode = 0o700
)

// An FS is a tree of files that can be made durable.
type FS interface {
	// OpenFile opens a file, never a directory. flag is one of os.O_RDONLY,
	// os.O_WRONLY and os.O_RDWR, with any of os.O_CREATE, os.O_EXCL and
	// os.O_TRUNC; other flags are refused. perm is that of a file created.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)

	// Rename gives a file or a directory another name. A file that has that
	// name is replaced: at every moment, also after a crash, the name leads to
	// the old file or to the new one. Between two directories, sync the one
	// renamed into first: until then the name may be found in neither.
	Rename(oldname, newname string) error

	// Remove removes a file or an empty directory. A file that is open stays
	// readable until it is closed, except on Windows, where Remove may refuse.
	Remove(name string) error

	// MkdirAll creates a directory and those above it. None of the new names
	// is durable before SyncDir of the directory that holds it.
	MkdirAll(name string, perm fs.FileMode) error

	// ReadDir returns the entries of a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)

	Stat(name string) (fs.FileInfo, error)

	// SyncDir makes the entries of a directory durable, not what is in the
	// files and directories that they lead to. On Windows, where the file
	// system journals names by itself, it does nothing.
	SyncDir(name string) error

	// Lock takes the lock of the directory that holds name until the result is
	// closed or the process dies, and writes the process id into the file,
	// which it creates and which stays. A directory has one lock, so that
	// deleting the file while it is locked gives nobody a second one; use one
	// name a directory. While anybody has it, this process included, Lock
	// returns a *LockedError at once.
	Lock(name string) (io.Closer, error)
}

// A File is an open file. Calls at different positions may overlap.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer

	// Size returns the number of bytes in the file.
	Size() (int64, error)

	// Truncate cuts the file, or fills it up with zeros.
	Truncate(size int64) error

	// Sync makes the bytes and the size durable (fdatasync on Linux), not the
	// name. After an error nobody knows what is on the disk, and a second Sync
	// that succeeds means nothing: do not retry.
	Sync() error

	// Preallocate grows the file to size with zeros and reserves the space, so
	// that writing there does not run out of it. A larger file is left as it
	// is. Where the system cannot reserve, it does nothing.
	Preallocate(size int64) error
}
