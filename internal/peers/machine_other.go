//go:build !linux

package main

func cpuModel() string { return "" }

func kernel() string { return "" }

func fileSystem(string) string { return "" }
