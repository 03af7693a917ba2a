package dsl_test

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/processor"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestDescribe holds the drawing of one topology for each way that the
// language has to make another of it.
func TestDescribe(t *testing.T) {
	lower := func(_, s string) string { return strings.ToLower(s) }
	short := func(_, s string) bool { return len(s) < 4 }
	numbers := dsl.NewTopic[string, int]("numbers")
	byNumber := dsl.NewTopic[int, string]("by-number")

	for name, draw := range map[string]func(b *dsl.Builder){
		"count-unchanged-key": func(b *dsl.Builder) {
			lengths := dsl.MapValues(dsl.From(b, Lines).Filter(short), func(s string) int { return len(s) })
			lengths.GroupByKey().Count(dsl.As("counts"))
		},
		"count-after-map": func(b *dsl.Builder) {
			swapped := dsl.Map(dsl.From(b, Lines), func(k, v string) (string, string) { return v, k })
			swapped.MapValues(strings.TrimSpace).GroupByKey().Count(dsl.As("counts")).ToStream().To(Counts)
		},
		"two-counts": func(b *dsl.Builder) {
			byWord := dsl.GroupBy(dsl.From(b, Lines), lower)
			byWord.Count(dsl.As("by-word")).ToStream().To(Counts)
			dsl.From(b, Lines).GroupByKey().Count(dsl.As("by-key")).ToStream().To(Counts)
		},
		"count-of-counts": func(b *dsl.Builder) {
			counts := dsl.From(b, Lines).GroupByKey().Count(dsl.As("counts")).ToStream()
			dsl.GroupBy(counts, func(_ string, n int64) int64 { return n }).Count(dsl.As("frequencies"))
		},
		"merge": func(b *dsl.Builder) {
			texts := dsl.MapValues(dsl.From(b, numbers), strconv.Itoa)
			dsl.From(b, Lines).Merge(texts).GroupByKey().Count(dsl.As("counts"))
		},
		"merge-changed-key": func(b *dsl.Builder) {
			lines := dsl.From(b, Lines)
			lines.Merge(dsl.KeyBy(lines, lower)).GroupByKey().Count(dsl.As("counts"))
		},
		"stateless": func(b *dsl.Builder) {
			lines := dsl.From(b, Lines).FilterNot(short).Peek(func(string, string) {})
			flat := dsl.FlatMap(lines, func(k, v string) []dsl.Pair[int, string] {
				return []dsl.Pair[int, string]{{Key: len(v), Value: k}}
			})
			flat.To(byNumber)
			flat.To(byNumber)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := dsl.NewBuilder("app")
			draw(b)
			golden(t, name, built(t)(b.Build()).Describe())
		})
	}
	t.Run("wordcount", func(t *testing.T) {
		topology := built(t)(Topology())
		golden(t, "wordcount", topology.Describe()+strings.Join(topology.Contract(), "\n")+"\n")
	})
}

func built(t testing.TB) func(*processor.Topology, error) *processor.Topology {
	return func(topology *processor.Topology, err error) *processor.Topology {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return topology
	}
}

// golden compares with a file of testdata, or writes it under -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, diff)
	}
}
