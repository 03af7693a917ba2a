package dsl_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/processor"
)

// drawMistakes makes each kind of mistake once, most of them with operators
// below that must not be blamed for it.
func drawMistakes() *dsl.Builder {
	b := dsl.NewBuilder("my shop")
	lines := dsl.From(b, Lines)

	lines.GroupByKey().Count()
	lines.GroupByKey().Count(dsl.As("counts"))
	dsl.GroupBy(lines, func(k, _ string) string { return k }).Count(dsl.As("counts")).ToStream().Filter(nil)
	lines.GroupByKey().Count(dsl.As("words/all"))

	dsl.From(b, dsl.NewTopic[string, int]("lines")).Filter(func(string, int) bool { return true })
	dsl.From(b, Lines.WithKeySerde(upper{}))
	lines.To(dsl.NewTopic[string, string]("two words"))
	dsl.From(b, dsl.NewTopic[map[string]int, string]("maps")).GroupByKey().Count(dsl.As("of-maps"))
	dsl.MapValues(lines, func(s string) func() { return func() {} }).To(dsl.NewTopic[string, func()]("functions"))
	dsl.KeyBy(lines, func(string, string) any { return nil }).GroupByKey().Count(dsl.As("of-any"))

	lines.Peek(nil).MapValues(strings.TrimSpace).GroupByKey().Count()
	lines.MapValues(nil)
	dsl.Map[string, string, int, int](lines, nil).GroupByKey().Count(dsl.As("of-nil"))

	other := dsl.NewBuilder("other")
	lines.Merge(dsl.From(other, Lines)).GroupByKey().Count(dsl.As("merged"))
	return b
}

type upper struct{}

func (upper) Append(dst []byte, s string) ([]byte, error) {
	return append(dst, strings.ToUpper(s)...), nil
}
func (upper) Decode(b []byte) (string, error) { return strings.ToLower(string(b)), nil }

// TestBuildReportsEveryMistake shows each mistake below the line that made it.
func TestBuildReportsEveryMistake(t *testing.T) {
	topology, err := drawMistakes().Build()
	if err == nil || topology != nil {
		t.Fatalf("Build returned %v, %v; want no topology and an error", topology, err)
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("one mistake only: %v", err)
	}
	source, err := os.ReadFile("mistakes_test.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	var text strings.Builder
	for _, mistake := range joined.Unwrap() {
		var at *processor.BuildError
		if !errors.As(mistake, &at) {
			t.Errorf("a mistake without a line: %v", mistake)
			continue
		}
		_, line, _ := strings.Cut(at.Location, "mistakes_test.go:")
		n, err := strconv.Atoi(line)
		if err != nil {
			t.Errorf("a mistake that is not in this file: %v", mistake)
			continue
		}
		said := place.ReplaceAllStringFunc(at.Err.Error(), func(other string) string {
			n, _ := strconv.Atoi(strings.TrimPrefix(other, "mistakes_test.go:"))
			return "`" + strings.TrimSpace(lines[n-1]) + "`"
		})
		fmt.Fprintf(&text, "%s\n\t%s\n", strings.TrimSpace(lines[n-1]), said)
	}
	golden(t, "mistakes", text.String())
}

// place is how a mistake names another line of this file.
var place = regexp.MustCompile(`mistakes_test\.go:\d+`)

func TestZeroStreamPanics(t *testing.T) {
	for name, use := range map[string]func(){
		"To":         func() { dsl.Stream[string, string]{}.To(Lines) },
		"Filter":     func() { dsl.Stream[string, string]{}.Filter(func(string, string) bool { return true }) },
		"GroupByKey": func() { dsl.Stream[string, string]{}.GroupByKey() },
		"Merge":      func() { dsl.From(dsl.NewBuilder("app"), Lines).Merge(dsl.Stream[string, string]{}) },
		"ToStream":   func() { dsl.Table[string, string]{}.ToStream() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "dsl: a zero Stream or Table") {
					t.Errorf("panic: %s", p)
				}
			}()
			use()
		})
	}
}
