//go:build !linux

package vfs

import "os"

// syncData is fsync, and on macOS F_FULLFSYNC: there fsync stops at the
// drive's own cache.
func syncData(f *os.File) error { return f.Sync() }

func preallocate(*os.File, int64) error { return nil }
