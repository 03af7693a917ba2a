package dsl_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// TestWordcountRuns counts with an App, as a program does: four workers, each a
// goroutine, run the functions of the topology at the same time.
func TestWordcountRuns(t *testing.T) {
	broker, err := log.OpenFS(vfs.NewMem(), log.Config{JournalBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := broker.CreateTopic(Lines.Name(), log.TopicConfig{Partitions: 8}); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]int64)
	producer := broker.NewProducer()
	for _, line := range strings.SplitAfter(strings.Repeat("To be, or not to be,\nthat is the question:\n", 500), "\n") {
		for word := range strings.FieldsSeq(line) {
			want[strings.ToLower(word)]++
		}
		if err := Lines.Produce(t.Context(), producer, processor.Value[string](line)); err != nil {
			t.Fatal(err)
		}
	}

	cluster := processor.OnLog(broker)
	app, err := processor.New(built(t)(Topology()), cluster, processor.Config{Workers: 4})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	if err := app.Drained(t.Context()); err != nil {
		t.Errorf("Drained: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	got := make(map[string]int64)
	for r, err := range Counts.Consume(t.Context(), cluster, processor.StopAtEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.Key] = r.Value
	}
	if !maps.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
}
