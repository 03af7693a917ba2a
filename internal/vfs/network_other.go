//go:build !linux

package vfs

func network(string) (string, error) { return "", nil }
