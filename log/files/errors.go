package files

import (
	"errors"
	"fmt"
)

// Errors that callers may match with errors.Is. A Source that returned one of
// them has committed all lines before it and can go on with other files.
var (
	// ErrTruncated: the file is shorter than what was read of it before.
	ErrTruncated = errors.New("file is truncated")
	// ErrReplaced: the file does not begin with what was read of it before.
	ErrReplaced = errors.New("file is replaced")
	// ErrLineGrew: the last line had no newline when it was read, and was
	// continued since.
	ErrLineGrew = errors.New("last line has grown")
	// ErrLineTooLong: a line is longer than [Config.MaxLineBytes].
	ErrLineTooLong = errors.New("line too long")
	// ErrNotAFile: the path leads to a directory, a pipe or a device.
	ErrNotAFile = errors.New("not a regular file")
)

// wayOut ends the errors of files that are not what they were.
const wayOut = "what was read cannot be taken back: put the file back, or give it another name to read it anew"

// A FileError says where in a file its lines could not be taken.
type FileError struct {
	Path   string // absolute, or the name of a reader
	Line   int64  // from 1; 0 where the file as a whole is meant
	Reason string // what was found
	Err    error  // one of the errors above, or of the system
}

// Error returns the path, the line, what is wrong and what was found.
func (e *FileError) Error() string {
	place := e.Path
	if e.Line > 0 {
		place = fmt.Sprintf("%s, line %d", e.Path, e.Line)
	}
	if e.Reason == "" {
		return fmt.Sprintf("%s: %v", place, e.Err)
	}
	return fmt.Sprintf("%s: %v: %s", place, e.Err, e.Reason)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }
