package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// most is how long the tests may take to see a bug, without compiling.
const most = 10 * time.Second

func main() {
	failed, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "seededbugs:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

func run(names []string) (failed bool, err error) {
	root, err := repository()
	if err != nil {
		return true, err
	}
	scratch, err := os.MkdirTemp("", "seededbugs")
	if err != nil {
		return true, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	chosen, err := choose(names)
	if err != nil {
		return true, err
	}
	caught := 0
	for _, b := range chosen {
		began := time.Now()
		by, took, err := b.seed(root, scratch)
		switch {
		case err != nil:
			fmt.Printf("FAILED  %-36s %v\n", b.name, err)
		case by == "":
			fmt.Printf("MISSED  %-36s by go test %s -run '%s' in %.1f s\n", b.name, b.pkg, b.run, took.Seconds())
		default:
			caught++
			fmt.Printf("caught  %-36s in %4.1f s (%.0f s with compiling) by %s\n", b.name, took.Seconds(), time.Since(began).Seconds(), by)
		}
	}
	fmt.Printf("%d/%d\n", caught, len(chosen))
	return caught < len(chosen), nil
}

// choose returns the bugs of these names, or all.
func choose(names []string) ([]bug, error) {
	if len(names) == 0 {
		return bugs, nil
	}
	var chosen []bug
	for _, name := range names {
		i := slices.IndexFunc(bugs, func(b bug) bool { return b.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no such bug: %s (they are in internal/seededbugs/bugs.go)", name)
		}
		chosen = append(chosen, bugs[i])
	}
	return chosen, nil
}

// repository returns the directory of the module.
func repository() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// seed compiles the tests with the bug and runs them. It returns the name of
// the test that failed, "" if none did.
func (b *bug) seed(root, scratch string) (by string, took time.Duration, err error) {
	overlay, err := b.overlay(root, scratch)
	if err != nil {
		return "", 0, err
	}
	binary := filepath.Join(scratch, b.name+".test")
	compile := exec.Command("go", "test", "-c", "-vet=off", "-o", binary, "-overlay", overlay, b.pkg)
	compile.Dir = root
	if out, err := compile.CombinedOutput(); err != nil {
		return "", 0, fmt.Errorf("compile: %w\n%s", err, out)
	}
	defer os.Remove(binary)
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	test := exec.CommandContext(ctx, binary, "-test.run", b.run, "-test.failfast", "-test.count=1")
	test.Dir = filepath.Join(root, filepath.FromSlash(b.pkg))
	test.Env = append(os.Environ(), "FRESHET_SEED=1", "FRESHET_HISTORIES=20000", "FRESHET_KILLS=40")
	began := time.Now()
	out, err := test.CombinedOutput()
	took = time.Since(began)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil, err == nil:
		return "", took, nil
	case !errors.As(err, &exit):
		return "", took, fmt.Errorf("run the tests: %w", err)
	}
	return failure(out), took, nil
}

// overlay writes the file with the bug, and what tells the compiler of it.
func (b *bug) overlay(root, scratch string) (string, error) {
	path := filepath.Join(root, filepath.FromSlash(b.file))
	code, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(code), b.good); n != 1 {
		return "", fmt.Errorf("%s has the lines that the bug replaces %d times, want once (let it follow the code):\n%s", b.file, n, b.good)
	}
	bad := filepath.Join(scratch, b.name+".go")
	if err := os.WriteFile(bad, []byte(strings.Replace(string(code), b.good, b.bad, 1)), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: bad}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(scratch, b.name+".json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}

// failure is the test that failed, or that something panicked.
func failure(out []byte) string {
	for line := range bytes.Lines(out) {
		if name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("--- FAIL: ")); ok {
			name, _, _ = bytes.Cut(name, []byte(" "))
			return string(name)
		}
	}
	return "a panic"
}
