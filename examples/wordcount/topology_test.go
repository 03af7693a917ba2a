package main

import (
	"flag"
	"os"
	"testing"

	"github.com/freshet/freshet/processor/processortest"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestTopologyIsAsDrawn(t *testing.T) {
	topology, err := Topology()
	if err != nil {
		t.Fatal(err)
	}
	const drawing = "testdata/topology.txt"
	if *update {
		if err := os.WriteFile(drawing, []byte(topology.Describe()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(drawing)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), topology.Describe()); diff != "" {
		t.Errorf("topology (-want +got; -update writes it):\n%s", diff)
	}
}

// The topology alone, on a clock that stands still and through a crash.
func TestTopologyCountsWords(t *testing.T) {
	topology, err := Topology()
	if err != nil {
		t.Fatal(err)
	}
	d := processortest.New(t, topology, processortest.Config{})
	processortest.PipeValues(d, Lines, "To be, or not", "", "  to\tBE ", "\xff")
	d.Run()
	d.Crash()
	processortest.PipeValues(d, Lines, "to be")
	d.Run()
	want := map[string]int64{"to": 3, "be,": 1, "be": 2, "or": 1, "not": 1, "\uFFFD": 1}
	if diff := cmp.Diff(want, processortest.Table(d, Counts)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
