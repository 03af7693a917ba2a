package freshet_test

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
)

// commentProblems finds packages that do not have exactly one package comment,
// and comments that were meant to be one but that a blank line detaches, so that
// go doc does not show them.
func commentProblems(tree fs.FS, _ map[string][]string) ([]string, error) {
	files, err := goFiles(tree)
	if err != nil {
		return nil, err
	}
	documented := map[string][]string{} // directory → files with a package comment
	var problems []string
	for _, f := range files {
		if f.test {
			continue
		}
		with := documented[f.dir]
		if f.syntax.Doc != nil {
			with = append(with, f.name)
			problems = append(problems, firstWordsProblem(f)...)
		}
		documented[f.dir] = with
		problems = append(problems, detachedProblems(f)...)
	}
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		switch in := documented[dir]; len(in) {
		case 0:
			problems = append(problems, fmt.Sprintf("%s: no package comment", dir))
		case 1:
		default:
			problems = append(problems, fmt.Sprintf("%s: %d package comments, in %s", dir, len(in), strings.Join(in, ", ")))
		}
	}
	return problems, nil
}

// firstWordsProblem checks the form that go doc expects. A command's comment
// begins as its author likes.
func firstWordsProblem(f goFile) []string {
	name := f.syntax.Name.Name
	if name == "main" || strings.HasPrefix(f.syntax.Doc.Text(), "Package "+name+" ") {
		return nil
	}
	return []string{fmt.Sprintf("%s: package comment does not begin with %q", f.name, "Package "+name)}
}

func detachedProblems(f goFile) []string {
	var problems []string
	for _, group := range f.syntax.Comments {
		if group == f.syntax.Doc || group.Pos() > f.syntax.Package {
			continue
		}
		text := group.Text() // without directives such as go:build
		if strings.HasPrefix(text, "Package "+f.syntax.Name.Name+" ") || strings.HasPrefix(text, "Command ") {
			problems = append(problems, fmt.Sprintf("%s: a blank line detaches the package comment from its package",
				f.positions.Position(group.Pos())))
		}
	}
	return problems
}

func TestCommentProblemsAreFound(t *testing.T) {
	for _, c := range []checkCase{
		{"all is well", tree{
			"log/doc.go":    "// Package log is one.\npackage log\n",
			"log/linux.go":  "//go:build linux\n\n// What this file is about.\n\npackage log\n",
			"log/x_test.go": "// Package log is tested.\npackage log\n",
			"cmd/x/main.go": "// X does things.\npackage main\n",
		}, nil},
		{"none", tree{"log/a.go": "package log\n\n// Package log is late.\n"},
			[]string{"log: no package comment"}},
		{"two", tree{"log/a.go": "// Package log is a.\npackage log\n", "log/b.go": "// Package log is b.\npackage log\n"},
			[]string{"log: 2 package comments, in log/a.go, log/b.go"}},
		{"detached", tree{"log/a.go": "// Package log is lost.\n\npackage log\n"},
			[]string{"log/a.go:1:1: a blank line detaches the package comment from its package", "log: no package comment"}},
		{"detached beside a good one", tree{"log/a.go": "// Package log is a.\npackage log\n",
			"log/b.go": "//go:build linux\n\n/*\nPackage log is lost.\n*/\n\npackage log\n"},
			[]string{"log/b.go:3:1: a blank line detaches the package comment from its package"}},
		{"detached command", tree{"cmd/x/main.go": "// Command x is lost.\n\npackage main\n"},
			[]string{"cmd/x/main.go:1:1: a blank line detaches the package comment from its package", "cmd/x: no package comment"}},
		{"other words", tree{"log/a.go": "// This package logs.\npackage log\n"},
			[]string{`log/a.go: package comment does not begin with "Package log"`}},
	} {
		c.run(t, commentProblems, nil)
	}
}
