package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// errNoSources is what remains to say where there is no Go to count.
var errNoSources = errors.New("the sources of Go's standard library are not here (give files instead: wordcount FILE...)")

// librarySources returns the Go files of the standard library, which come with
// every installation: those below src of GOROOT, without the commands and what
// their tests read.
func librarySources() ([]string, error) {
	root, err := goRoot()
	if err != nil {
		return nil, err
	}
	// Some distributions make src a link, which WalkDir would not follow.
	src, err := filepath.EvalSymlinks(filepath.Join(root, "src"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoSources, err)
	}
	var paths []string
	err = filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || path == filepath.Join(src, "cmd")):
			return fs.SkipDir
		case d.Type().IsRegular() && filepath.Ext(path) == ".go":
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoSources, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: no Go files in %s", errNoSources, src)
	}
	return paths, nil
}

// goRoot asks the runtime, and where the program was built without paths, the
// go command.
func goRoot() (string, error) {
	//lint:ignore SA1019 it knows of the Go that go run used, which need not be on the path
	if root := runtime.GOROOT(); root != "" {
		return root, nil
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		return "", fmt.Errorf("%w: go env GOROOT tells no directory", errNoSources)
	}
	return root, nil
}
