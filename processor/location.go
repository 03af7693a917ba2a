package processor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const module = "github.com/freshet/freshet/"

// ownPackages build topologies on behalf of their callers; a mistake is blamed
// on the first caller outside them.
var ownPackages = []string{
	module + "processor.",
	module + "processor/",
	module + "dsl.",
	module + "dsl/",
}

// maxFrames bounds the search for the user's code. The DSL's deepest call is
// far below it.
const maxFrames = 32

// Location returns the file:line of the user's code that is calling, as faults
// name it: relative to the working directory if it is below. A language above
// uses it to say where an earlier call was.
func Location() string {
	var pcs [maxFrames]uintptr
	n := runtime.Callers(2, pcs[:])
	frames := runtime.CallersFrames(pcs[:n])
	for {
		frame, more := frames.Next()
		if !ownFrame(frame) {
			return fmt.Sprintf("%s:%d", shortPath(frame.File), frame.Line)
		}
		if !more {
			return "unknown location"
		}
	}
}

func ownFrame(frame runtime.Frame) bool {
	if strings.HasSuffix(frame.File, "_test.go") {
		return false
	}
	for _, p := range ownPackages {
		if strings.HasPrefix(frame.Function, p) {
			return true
		}
	}
	return false
}

func shortPath(file string) string {
	dir, err := os.Getwd()
	if err != nil {
		return file
	}
	rel, err := filepath.Rel(dir, file)
	if err != nil || strings.HasPrefix(rel, "..") {
		return file
	}
	return filepath.ToSlash(rel)
}
