package main

import (
	"os"
	"path/filepath"
	"strings"
)

// cpuModel returns the name of the processor, or "".
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kernel returns the release of the kernel, or "".
func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// fileSystem returns the type of the file system that dir is on, or "".
func fileSystem(dir string) string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return fileSystemOf(dir, string(text))
}

// fileSystemOf finds the last mount among the innermost ones that hold dir.
//
// Format: proc(5), /proc/pid/mountinfo.
func fileSystemOf(dir, mounts string) string {
	const mountPoint = 4
	found, at := "", ""
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		before, after, ok := strings.Cut(line, " - ")
		kind := strings.Fields(after)
		if !ok || len(strings.Fields(before)) <= mountPoint || len(kind) == 0 {
			continue
		}
		point := fields[mountPoint]
		inside := point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
		if inside && len(point) >= len(at) {
			found, at = kind[0], point
		}
	}
	return found
}
