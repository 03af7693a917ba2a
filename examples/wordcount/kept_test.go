package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestKeptDirectoryGoesOn(t *testing.T) {
	path := textFiles(t, []byte("to be or not\nto be\n"))[0]
	dir := filepath.Join(t.TempDir(), "kept data")
	args := []string{"--format", "tsv", "--data-dir", dir, path}
	first := wordcountOf(t, nil, append(args, "--partitions", "3")...).done(t)
	want := "be\t2\nto\t2\nnot\t1\nor\t1\n"
	if first.stdout != want {
		t.Errorf("first run: want %q, got %q", want, first.stdout)
	}
	if next := "go run ./cmd/freshet topic list --data-dir '" + dir + "'"; runtime.GOOS != "windows" && !strings.Contains(first.stderr, next) {
		t.Errorf("want %q in what it says:\n%s", next, first.stderr)
	}

	again := wordcountOf(t, nil, args...).done(t)
	if again.stdout != want {
		t.Errorf("second run: want %q, got %q", want, again.stdout)
	}
	if !strings.Contains(again.stderr, dir+" goes on: ") || !strings.Contains(again.stderr, "0 words of 0 lines") {
		t.Errorf("want what was restored and that nothing was new:\n%s", again.stderr)
	}

	appendTo(t, path, "that\nis")
	grown := wordcountOf(t, nil, args...).done(t)
	if want := "be\t2\nto\t2\nis\t1\nnot\t1\nor\t1\nthat\t1\n"; grown.stdout != want {
		t.Errorf("grown by lines: want %q, got %q", want, grown.stdout)
	}
}

// A run that is refused prints one line, and the directory is as it was.
func TestRefusals(t *testing.T) {
	path := textFiles(t, []byte("a\nb b\n"))[0]
	data := filepath.Join(t.TempDir(), "data")
	kept := []string{"--format", "tsv", "--data-dir", data}
	want := wordcountOf(t, nil, append(kept, path)...).done(t).stdout

	dir := t.TempDir()
	in := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		text string // of path
		args []string
		code int
		want []string
	}{
		{"missing file", "a\nb b\n", []string{filepath.Join(dir, "gone")}, exitFailed, []string{"gone: no such file"}},
		{"directory", "a\nb b\n", []string{dir}, exitFailed, []string{dir, "directory"}},
		{"long line", "a\nb b\n", []string{in("long", "c\n"+strings.Repeat("x", 101)+"\n"), "--max-line", "100"}, exitFailed,
			[]string{"long, line 2", "100 bytes", "--max-line"}},
		{"truncated", "a\n", []string{path}, exitFailed, []string{path, "truncated", "2 bytes"}},
		{"replaced", "a\nc c\nd\n", []string{path}, exitFailed, []string{path, "replaced"}},
		{"other partitions", "a\nb b\n", []string{path, "--partitions", "5"}, exitFailed, []string{"--partitions 5", "made with 4"}},
		{"unknown flag", "a\nb b\n", []string{path, "--fromat", "tsv"}, exitUsage, []string{"--fromat"}},
		{"unknown format", "a\nb b\n", []string{path, "--format", "csv"}, exitUsage, []string{"csv", "tsv"}},
		{"no partitions", "a\nb b\n", []string{path, "--partitions", "0"}, exitUsage, []string{"--partitions 0"}},
		{"unknown durability", "a\nb b\n", []string{path, "--durability", "maybe"}, exitUsage, []string{"maybe"}},
		{"files and standard input", "a\nb b\n", []string{path, "-"}, exitUsage, []string{"standard input"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := wordcountOf(t, nil, append(kept, c.args...)...)
			if r.code != c.code || r.stdout != "" {
				t.Errorf("want exit %d and nothing on stdout, got %d and %q", c.code, r.code, r.stdout)
			}
			var said []string
			for line := range strings.Lines(r.stderr) {
				if strings.HasPrefix(line, "wordcount: ") {
					said = append(said, line)
				}
			}
			if len(said) != 1 {
				t.Fatalf("want one line, got:\n%s", r.stderr)
			}
			for _, part := range c.want {
				if !strings.Contains(said[0], part) {
					t.Errorf("want %q in %q", part, said[0])
				}
			}
		})
	}
	if err := os.WriteFile(path, original, 0o600); err != nil {
		t.Fatal(err)
	}
	// The line before the long one was taken; nothing else has changed.
	if got := wordcountOf(t, nil, append(kept, path)...).done(t).stdout; got != "b\t2\na\t1\nc\t1\n" {
		t.Errorf("want %q and a c, got %q", want, got)
	}
}

func TestDamagedAndForeignDirectoriesAreRefused(t *testing.T) {
	path := textFiles(t, []byte("a\nb b\n"))[0]
	for _, c := range []struct {
		name   string
		damage func(checkpoint []byte) []byte
		say    string
	}{
		{"damaged", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "CHECKPOINT"},
		{"cut", func(b []byte) []byte { return b[:len(b)/2] }, "freshet log verify --data-dir"},
		{"of another version", func(b []byte) []byte { b[11]++; return b }, "it has version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			wordcountOf(t, nil, "--data-dir", data, path).done(t)
			file := filepath.Join(data, "CHECKPOINT")
			good, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bad := c.damage(append([]byte(nil), good...))
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			r := wordcountOf(t, nil, "--data-dir", data, path)
			if r.code != exitFailed || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, c.say) {
				t.Errorf("want one line with %q and exit 1, got %d and\n%s", c.say, r.code, r.stderr)
			}
			if left, err := os.ReadFile(file); err != nil || string(left) != string(bad) {
				t.Errorf("the damaged file was changed, %v", err)
			}
		})
	}
}

func TestDataDirectoryThatCannotBe(t *testing.T) {
	path := textFiles(t, []byte("a\n"))[0]
	r := wordcountOf(t, nil, "--data-dir", filepath.Join(path, "below"), path)
	if r.code != exitFailed || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, path) {
		t.Errorf("want one line that names the path and exit 1, got %d and\n%s", r.code, r.stderr)
	}
}

func TestTemporaryDirectoryIsRemoved(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary) // Windows
	good := filepath.Join(t.TempDir(), "good")
	if err := os.WriteFile(good, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{good, filepath.Join(good, "gone")} {
		wordcountOf(t, nil, path)
		left, err := filepath.Glob(filepath.Join(temporary, "wordcount-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", path, left, err)
		}
	}
}

// A word may be as long as the line it is, and longer in lower case.
func TestLongWordIsCounted(t *testing.T) {
	for name, word := range map[string]string{
		"of a default topic's limit": strings.Repeat("x", 1<<20),
		"that grows in lower case":   strings.Repeat("\xff", 1<<20) + strings.Repeat("Ⱥ", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte("a " + word + " a")
			got := wordcountOf(t, nil, "--format", "tsv", "--durability", "os", textFiles(t, text)[0]).done(t).stdout
			if want := independentCount(text); got != want {
				t.Errorf("counts differ, want %d bytes, got %d", len(want), len(got))
			}
		})
	}
}
