//go:build !windows

package main

import (
	"errors"
	"syscall"
)

// isClosedPipe reports whether err says that nobody reads stdout any more.
func isClosedPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
