package processor_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/processor"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

// copier forwards what it gets.
func copier() processor.Processor[string, string, string, string] {
	return processor.Func(func(ctx *processor.Context[string, string], r *processor.Record[string, string]) error {
		return ctx.Forward(r)
	})()
}

// joined has two sources that share a store, a third one merged in, and a part
// of its own.
func joined(t testing.TB) *processor.Topology {
	t.Helper()
	b := processor.NewTopology("joined")
	topic := processor.NewTopic[string, string]
	store := processor.Store(b, "seen", processor.StoreConfig[string, string]{})
	scratch := processor.Store(b, "scratch", processor.StoreConfig[int64, []byte]{NoChangelog: true})
	left := processor.Process(b, "left", processor.Source(b, "a", topic("a")), copier, store)
	alone := processor.Source(b, "alone", topic("alone"))
	right := processor.Process(b, "right", processor.Source(b, "b", topic("b")), copier, store, scratch)
	all := processor.Merge(left, right)
	processor.Sink(b, "out", processor.Process(b, "both", all, copier), topic("out"))
	processor.Sink(b, "copy", all, topic("copy"))
	processor.Sink(b, "elsewhere", alone, topic("elsewhere"))
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

func TestDescribe(t *testing.T) {
	golden(t, "describe/wordcount.txt", wordcount(t).Describe())
	golden(t, "describe/joined.txt", joined(t).Describe())
}

func TestContractIsOfWhatARunLeavesBehind(t *testing.T) {
	want := []string{
		"changelog wordcount-counts-changelog of store counts key=string value=int64",
		"repartition wordcount-counts-repartition key=string value=string",
		"source lines key=string value=string partitions=2",
	}
	if diff := cmp.Diff(want, wordcount(t).Contract()); diff != "" {
		t.Errorf("contract (-want +got):\n%s", diff)
	}
	if a, b := wordcount(t).Fingerprint(), wordcount(t).Fingerprint(); a != b {
		t.Errorf("fingerprints of the same topology: %s and %s", a, b)
	}
	if a, b := wordcount(t).Fingerprint(), joined(t).Fingerprint(); a == b {
		t.Errorf("fingerprints of two topologies: both %s", a)
	}
}
