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
	if err := control(chosen, root, scratch); err != nil {
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
	if err := compile(root, binary, b.pkg, "-overlay", overlay); err != nil {
		return "", 0, err
	}
	began := time.Now()
	by, _, err = test(root, binary, b.pkg, b.run)
	return by, time.Since(began), errors.Join(err, os.Remove(binary))
}

// control runs the tests without a bug: one that fails by itself catches nothing.
func control(chosen []bug, root, scratch string) error {
	runs := map[string][]string{}
	for _, b := range chosen {
		runs[b.pkg] = append(runs[b.pkg], b.run)
	}
	for pkg, run := range runs {
		binary := filepath.Join(scratch, "control.test")
		err := compile(root, binary, pkg)
		if err != nil {
			return err
		}
		slices.Sort(run)
		by, out, err := test(root, binary, pkg, strings.Join(slices.Compact(run), "|"))
		if err == nil && by != "" {
			err = fmt.Errorf("%s of %s fails without a bug:\n%s", by, pkg, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func compile(root, binary, pkg string, flags ...string) error {
	args := slices.Concat([]string{"test", "-c", "-vet=off", "-o", binary}, flags, []string{pkg})
	c := exec.Command("go", args...)
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("compile: %w\n%s", err, out)
	}
	return nil
}

// test runs tests, for as long as it has time, and returns which failed and what
// they printed.
func test(root, binary, pkg, run string) (by string, out []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	c := exec.CommandContext(ctx, binary, "-test.run", run, "-test.failfast", "-test.count=1")
	c.Dir = filepath.Join(root, filepath.FromSlash(pkg))
	c.Env = append(os.Environ(), "FRESHET_SEED=1", "FRESHET_HISTORIES=20000", "FRESHET_KILLS=40")
	out, err = c.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil, err == nil:
		return "", out, nil
	case !errors.As(err, &exit):
		return "", out, fmt.Errorf("run the tests: %w", err)
	}
	return failure(out), out, nil
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
