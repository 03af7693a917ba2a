package freshet_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// walk calls visit for each regular file of this module: not for testdata, other
// modules, or hidden directories except the two that hold continuous
// integration.
func walk(tree fs.FS, visit func(name string) error) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name != "." {
			return nil // gone since its directory was read: an editor's or a test's file
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(tree, name)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return visit(name)
	})
}

func enter(tree fs.FS, dir string) error {
	base := path.Base(dir)
	switch {
	case dir == "." || base == ".ci" || base == ".github":
		return nil
	case base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_"):
		return fs.SkipDir
	}
	if _, err := fs.Stat(tree, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// A goFile is a source file up to its imports, with comments.
type goFile struct {
	name, dir string
	test      bool
	positions *token.FileSet
	syntax    *ast.File
}

func goFiles(tree fs.FS) ([]goFile, error) {
	var files []goFile
	err := walk(tree, func(name string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		positions := token.NewFileSet()
		syntax, err := parser.ParseFile(positions, name, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		files = append(files, goFile{
			name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			positions: positions, syntax: syntax,
		})
		return nil
	})
	return files, err
}

// A tree is a repository in memory: name → content.
type tree map[string]string

func (t tree) fs() fs.FS {
	files := fstest.MapFS{}
	for name, text := range t {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// A checkCase is a small repository and every line a check must say about it.
type checkCase struct {
	name string
	tree tree
	want []string
}

func (c checkCase) run(t *testing.T, check check, table map[string][]string) {
	t.Run(c.name, func(t *testing.T) {
		got, err := check(c.tree.fs(), table)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
	})
}

func TestWalkStaysInThisModule(t *testing.T) {
	files := tree{
		"a.go": "", ".ci/run": "", "room/b.go": "",
		"room/testdata/c.go": "", ".freshet/d.go": "", "_old/e.go": "",
		"internal/peers/go.mod": "", "internal/peers/f.go": "",
	}
	var got []string
	err := walk(files.fs(), func(name string) error {
		got = append(got, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".ci/run", "a.go", "room/b.go"}, got); diff != "" {
		t.Errorf("visited (-want +got):\n%s", diff)
	}
}
