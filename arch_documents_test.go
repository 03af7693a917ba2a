package freshet_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	inlineLink    = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)`) // [text](target "title")
	referenceLink = regexp.MustCompile(`^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?`)       // [text]: target
	codeSpan      = regexp.MustCompile("`[^`]*`")
	heading       = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	scheme        = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
)

// linkProblems finds relative links in Markdown files whose file or heading does
// not exist. Code is not searched. A target that begins with a slash starts at
// the root of the repository, as forges show it.
func linkProblems(tree fs.FS, _ map[string][]string) ([]string, error) {
	var problems []string
	err := walk(tree, func(name string) error {
		if path.Ext(name) != ".md" {
			return nil
		}
		return proseLines(tree, name, func(number int, line string) {
			for _, target := range linkTargets(line) {
				if why := deadLink(tree, name, target); why != "" {
					problems = append(problems, fmt.Sprintf("%s:%d: link to %s: %s", name, number, target, why))
				}
			}
		})
	})
	return problems, err
}

// proseLines calls each for the lines of a document that are not in a fenced
// code block.
func proseLines(tree fs.FS, name string, each func(number int, line string)) error {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	fence := ""
	for i, line := range strings.Split(string(text), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case fence != "":
			if strings.HasPrefix(trimmed, fence) {
				fence = ""
			}
		case strings.HasPrefix(trimmed, "```"):
			fence = "```"
		case strings.HasPrefix(trimmed, "~~~"):
			fence = "~~~"
		default:
			each(i+1, line)
		}
	}
	return nil
}

func linkTargets(line string) []string {
	line = codeSpan.ReplaceAllString(line, "code")
	var targets []string
	for _, match := range inlineLink.FindAllStringSubmatch(line, -1) {
		targets = append(targets, match[1])
	}
	if match := referenceLink.FindStringSubmatch(line); match != nil {
		targets = append(targets, match[1])
	}
	return targets
}

// deadLink says why a link leads nowhere, or nothing.
func deadLink(tree fs.FS, from, target string) string {
	if scheme.MatchString(target) || strings.HasPrefix(target, "//") {
		return ""
	}
	file, fragment, _ := strings.Cut(target, "#")
	file, err := url.PathUnescape(file)
	if err != nil {
		return err.Error()
	}
	switch {
	case file == "":
		file = from
	case strings.HasPrefix(file, "/"):
		file = path.Clean(file[1:])
	default:
		file = path.Join(path.Dir(from), file)
	}
	if _, err := fs.Stat(tree, file); err != nil {
		return "no such file in the repository"
	}
	if fragment == "" || path.Ext(file) != ".md" {
		return ""
	}
	found := false
	err = proseLines(tree, file, func(_ int, line string) {
		if match := heading.FindStringSubmatch(line); match != nil && anchor(match[1]) == fragment {
			found = true
		}
	})
	if err != nil {
		return err.Error()
	}
	if !found {
		return "no such heading in " + file
	}
	return ""
}

// anchor is the fragment that GitHub gives to a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

var leftover = regexp.MustCompile(`\b(TODO|FIXME)\b`)

// leftoverProblems finds marks of unfinished work in text files outside tests.
func leftoverProblems(tree fs.FS, _ map[string][]string) ([]string, error) {
	var problems []string
	err := walk(tree, func(name string) error {
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 { // a zero byte: a binary somebody built here
			return err
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if mark := leftover.Find(line); mark != nil {
				problems = append(problems, fmt.Sprintf("%s:%d: %s (do it, or open an issue)", name, i+1, mark))
			}
		}
		return nil
	})
	return problems, err
}

func TestLinkProblemsAreFound(t *testing.T) {
	for _, c := range []checkCase{
		{"all is well", tree{
			"README.md": "[a](docs/a.md) [b](docs/a.md#what-it-isnt) ![c](</docs/c.png>) [d](https://x.org/y.md \"t\")\n" +
				"`[code](gone.md)` [here](#top) [mail](mailto:a@b.c)\n```\n[code](gone.md)\n```\n# Top\n[ref]: docs\n",
			"docs/a.md":  "## What it isn't\n[up](../README.md)\n",
			"docs/c.png": "",
		}, nil},
		{"missing file", tree{"docs/a.md": "\nsee [b](b.md) and [c](a.md)\n"},
			[]string{"docs/a.md:2: link to b.md: no such file in the repository"}},
		{"missing file in a reference", tree{"a.md": "[b]: b.md\n"},
			[]string{"a.md:1: link to b.md: no such file in the repository"}},
		{"outside the repository", tree{"a.md": "[b](../b.md)\n"},
			[]string{"a.md:1: link to ../b.md: no such file in the repository"}},
		{"missing heading", tree{"a.md": "# One\n[b](#two)\n```\n# two\n```\n"},
			[]string{"a.md:2: link to #two: no such heading in a.md"}},
	} {
		c.run(t, linkProblems, nil)
	}
}

func TestLeftoversAreFound(t *testing.T) {
	for _, c := range []checkCase{
		{"all is well", tree{"log/a_test.go": "// TODO\n", "a.md": "TODOS are for others\n", "binary": "\x00TODO\n",
			"log/testdata/a.txt": "TODO\n"}, nil},
		{"in code, documents and scripts", tree{"log/a.go": "package log\n\n// TODO: later\n", "a.md": "FIXME\n", ".ci/run": "# TODO\n"},
			[]string{".ci/run:1: TODO (do it, or open an issue)", "a.md:1: FIXME (do it, or open an issue)",
				"log/a.go:3: TODO (do it, or open an issue)"}},
	} {
		c.run(t, leftoverProblems, nil)
	}
}
