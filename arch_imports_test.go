package freshet_test

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// importProblems finds packages without a row in the table, imports without an
// arrow, and imports of the standard library's log, whose name is one of our
// rooms.
func importProblems(tree fs.FS, table map[string][]string) ([]string, error) {
	files, err := goFiles(tree)
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, f := range files {
		row, known := roomOf(f.dir, table)
		if f.dir == "." {
			known = f.test // the root holds no package, only these tests
		}
		if !known {
			problems = append(problems, fmt.Sprintf("%s: no such room: %s (give it a row in arch_test.go, with what it may import)", f.name, f.dir))
			continue
		}
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return nil, fmt.Errorf("%s: import %s: %w", f.name, spec.Path.Value, err)
			}
			if p := importProblem(f, row, imported, table); p != "" {
				problems = append(problems, fmt.Sprintf("%s: %s", f.positions.Position(spec.Pos()), p))
			}
		}
	}
	return problems, nil
}

func importProblem(f goFile, row, imported string, table map[string][]string) string {
	if imported == "log" {
		return "imports the standard library's log (use log/slog)"
	}
	target, ours := strings.CutPrefix(imported, module+"/")
	if !ours || target == f.dir {
		return ""
	}
	allowed := expand(table[row], table)
	if f.test {
		allowed = append(allowed, expand(testsAlso, table)...)
	}
	if slices.Contains(allowed, target) {
		return ""
	}
	if f.test {
		return fmt.Sprintf("a test of %s may not import %s (arch_test.go lists what it may)", f.dir, target)
	}
	return fmt.Sprintf("%s may not import %s (arch_test.go lists what it may)", f.dir, target)
}

// roomOf returns the row of the table for a directory.
func roomOf(dir string, table map[string][]string) (row string, known bool) {
	if _, listed := table[dir]; listed {
		return dir, true
	}
	for row := range table {
		if match, err := path.Match(row, dir); err == nil && match {
			return row, true
		}
	}
	return "", false
}

func expand(row []string, table map[string][]string) []string {
	var all []string
	for _, room := range row {
		if room == doors {
			all = append(all, publicDoors(table)...)
		} else {
			all = append(all, room)
		}
	}
	return all
}

// tableProblems finds arrows to rooms that are not in the table and rooms that
// can reach themselves. It does not look at the tree.
func tableProblems(_ fs.FS, table map[string][]string) ([]string, error) {
	var problems []string
	for _, room := range slices.Sorted(maps.Keys(table)) {
		reached := map[string]bool{}
		next := expand(table[room], table)
		for _, to := range next {
			if _, listed := table[to]; !listed {
				problems = append(problems, fmt.Sprintf("%s may import %s, which is not a room", room, to))
			}
		}
		for len(next) > 0 {
			to := next[0]
			next = next[1:]
			if !reached[to] {
				reached[to] = true
				next = append(next, expand(table[to], table)...)
			}
		}
		if reached[room] {
			problems = append(problems, fmt.Sprintf("%s may import itself through other rooms", room))
		}
	}
	return problems, nil
}

func TestImportProblemsAreFound(t *testing.T) {
	table := map[string][]string{
		"log": {"internal/vfs"}, "internal/vfs": {}, "internal/term": {}, "internal/verify": {},
		"state": {}, "examples/*": {doors, "internal/term"}, "cmd/x": {},
	}
	imports := func(paths ...string) string {
		text := "package p\n"
		for _, p := range paths {
			text += fmt.Sprintf("import %q\n", p)
		}
		return text
	}
	for _, c := range []checkCase{
		{"all is well", tree{
			"arch_test.go":         imports(module + "/log"),
			"log/a.go":             imports("log/slog", module+"/internal/vfs", "github.com/google/uuid"),
			"log/a_test.go":        imports(module+"/log", module+"/state", module+"/internal/verify"),
			"examples/one/main.go": imports(module+"/log", module+"/state", module+"/internal/term"),
		}, nil},
		{"unlisted arrow", tree{"log/a.go": imports(module + "/state")},
			[]string{"log/a.go:2:8: log may not import state (arch_test.go lists what it may)"}},
		{"a public door is no way into internal rooms", tree{"examples/one/main.go": imports(module + "/internal/vfs")},
			[]string{"examples/one/main.go:2:8: examples/one may not import internal/vfs (arch_test.go lists what it may)"}},
		{"a command is not a door", tree{"examples/one/main.go": imports(module + "/cmd/x")},
			[]string{"examples/one/main.go:2:8: examples/one may not import cmd/x (arch_test.go lists what it may)"}},
		{"a test has its limits too", tree{"log/a_test.go": imports(module + "/internal/term")},
			[]string{"log/a_test.go:2:8: a test of log may not import internal/term (arch_test.go lists what it may)"}},
		{"unknown room", tree{"internal/extras/a.go": imports()},
			[]string{"internal/extras/a.go: no such room: internal/extras (give it a row in arch_test.go, with what it may import)"}},
		{"a room below an example is unknown", tree{"examples/one/two/a.go": imports()},
			[]string{"examples/one/two/a.go: no such room: examples/one/two (give it a row in arch_test.go, with what it may import)"}},
		{"package in the root", tree{"freshet.go": imports()},
			[]string{"freshet.go: no such room: . (give it a row in arch_test.go, with what it may import)"}},
		{"standard log", tree{"state/a_test.go": imports("log")},
			[]string{"state/a_test.go:2:8: imports the standard library's log (use log/slog)"}},
	} {
		c.run(t, importProblems, table)
	}
}

func TestTableProblemsAreFound(t *testing.T) {
	checkCase{"arrow to nowhere and a cycle", nil, []string{
		"a may import itself through other rooms",
		"b may import itself through other rooms",
		"c may import d, which is not a room",
	}}.run(t, tableProblems, map[string][]string{"a": {"b"}, "b": {"a"}, "c": {"a", "d"}})
}
