package main

import (
	"errors"
	"syscall"
)

// errNoData is ERROR_NO_DATA, which package syscall does not name: the pipe is
// being closed.
const errNoData = syscall.Errno(232)

// isClosedPipe reports whether err says that nobody reads stdout any more.
func isClosedPipe(err error) bool {
	return errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, errNoData)
}
