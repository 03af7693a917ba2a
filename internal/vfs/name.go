package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// checkName refuses a name that is not a clean path below the root.
func checkName(op, name string) error {
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return nil
}

// knownFlags are those that every FS here understands alike. Not among them:
// os.O_APPEND, which makes positions meaningless, and os.O_SYNC, which hides
// where durability comes from.
const knownFlags = os.O_RDONLY | os.O_WRONLY | os.O_RDWR | os.O_CREATE | os.O_EXCL | os.O_TRUNC

var (
	errFlag = errors.New("flag other than read, write, create, excl and trunc")
	errRoot = errors.New("the root stays")
)

func checkOpen(name string, flag int) error {
	if flag&^knownFlags != 0 {
		return &fs.PathError{Op: "open", Path: name, Err: errFlag}
	}
	return checkName("open", name)
}

// split returns the directory of a name and its last element. The root has
// neither.
func split(name string) (dir, base string) { return path.Dir(name), path.Base(name) }
