package journal

import "errors"

var (
	// ErrVersion: a file was written in another version of the format.
	ErrVersion = errors.New("unknown format version")
	// ErrPoisoned: an earlier write or sync failed.
	ErrPoisoned = errors.New("log is poisoned by a failed write (open it again to recover)")
	// ErrNoSpace: the disk is full, and what was to be written is not there.
	ErrNoSpace = errors.New("no space left on the disk of the log")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("log is closed")
)
