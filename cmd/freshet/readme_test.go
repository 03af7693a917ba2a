package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeCommandsRun runs the commands of the README one behind the other.
func TestReadmeCommandsRun(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)## Commands\n.*?```\n(.*?)```").FindStringSubmatch(string(readme))
	if m == nil {
		t.Fatal("README.md has no commands")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("orders.txt", []byte("ann:3 apples\nbob:1 pear\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for line := range strings.Lines(m[1]) {
		line, _, _ = strings.Cut(line, "#")
		args := strings.Fields(line)
		if len(args) == 0 {
			continue
		}
		if args[0] != "freshet" {
			t.Fatalf("README.md: %q is not a command of freshet", line)
		}
		var out, errs bytes.Buffer
		if code := run(t.Context(), args[1:], streams{strings.NewReader(""), &out, &errs}); code != exitOK {
			t.Errorf("%s: exit code %d: %s", line, code, &errs)
		}
		ran++
	}
	if ran < 8 {
		t.Errorf("README.md has %d commands, want those that a stranger needs first", ran)
	}
}
