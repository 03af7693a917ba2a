package freshet_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeShowsTheQuickstart compares the program in the README with the one
// that is built and tested.
func TestReadmeShowsTheQuickstart(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("examples/quickstart/main.go")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(string(readme))
	if m == nil {
		t.Fatal("README.md shows no Go program")
	}
	_, want, _ := strings.Cut(string(program), "package main\n\n")
	if m[1] != want {
		t.Errorf("README.md shows another program than examples/quickstart; it is to show\n%s", want)
	}
}

// TestReadmeNamesTheTestCommand: continuous integration runs it on a line of
// its own.
func TestReadmeNamesTheTestCommand(t *testing.T) {
	for _, name := range []string{"README.md", ".ci/run"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?m)^\s*go test \./\.\.\.$`).Match(text) {
			t.Errorf("%s has no line \"go test ./...\"", name)
		}
	}
}
