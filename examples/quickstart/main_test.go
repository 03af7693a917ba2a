package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// TestCountsGoOn runs the program twice on one directory, as a reader of the
// README would, producing a line before each run.
func TestCountsGoOn(t *testing.T) {
	dir := t.TempDir()
	for round := 1; round <= 2; round++ {
		produce(t, dir, "to be or not to be")
		ctx, stop := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- run(ctx, dir, w) }()
		lines := bufio.NewScanner(r)
		var got []string
		for len(got) < 6 && lines.Scan() {
			got = append(got, lines.Text())
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		var want []string
		for word, n := range map[string]int{"to": 2, "be": 2, "or": 1, "not": 1} {
			for i := range n {
				want = append(want, fmt.Sprint(word, " ", n*(round-1)+i+1))
			}
		}
		slices.Sort(got) // partitions come in any order
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("run %d printed %q, want %q", round, got, want)
		}
	}
}

func produce(t *testing.T, dir, line string) {
	t.Helper()
	broker, err := log.Open(dir, log.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	if err := Lines.Create(processor.OnLog(broker)); err != nil {
		t.Fatal(err)
	}
	if err := Lines.Produce(t.Context(), broker.NewProducer(), processor.Value[string](line)); err != nil {
		t.Fatal(err)
	}
}
