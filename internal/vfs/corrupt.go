package vfs

import (
	"errors"
	"fmt"
)

// ErrCorrupt is wrapped by every error that means the bytes on disk are wrong.
var ErrCorrupt = errors.New("corrupt")

// A CorruptError says where a file stopped making sense.
type CorruptError struct {
	Path string
	Pos  int64 // of the first bad byte in Path
	Err  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: corrupt at byte %d: %v", e.Path, e.Pos, e.Err)
}

// Unwrap makes the error match ErrCorrupt and its cause.
func (e *CorruptError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }
