//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// allocatedBytes is the space that a file takes, which is more than its size
// where some was reserved and less where it has holes.
func allocatedBytes(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		const block = 512 // whatever the file system's own is
		return int64(stat.Blocks) * block
	}
	return info.Size()
}
