package processor_test

import (
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// A repartition topic has as many partitions as what is read together with it,
// and else as its writer has tasks; a changelog as many as the store has tasks.
func TestTopicsOfTheAppHaveThePartitionsOfItsTasks(t *testing.T) {
	topic := processor.NewTopic[string, string]
	b := processor.NewTopology("app")
	wide := processor.Source(b, "wide", topic("wide").WithPartitions(5))
	beside := processor.Source(b, "beside", topic("beside").WithPartitions(3))
	store := processor.Store(b, "both", processor.StoreConfig[string, string]{})
	processor.Process(b, "left", beside, copier, store)
	processor.Process(b, "right", processor.Repartition(b, "joined", wide, processor.Serdes[string, string]{}), copier, store)
	processor.Process(b, "alone", processor.Repartition(b, "alone", wide, processor.Serdes[string, string]{}), copier)
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	app, err := processor.NewStepper(t.Context(), topology, processor.OnLog(broker), memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(app.Tasks()), 5+3+5; got != want {
		t.Errorf("%d tasks, want %d: %v", got, want, app.Tasks())
	}
	for name, want := range map[string]struct {
		partitions int
		cleanup    string
	}{
		"wide":                   {5, log.CleanupDelete},
		"beside":                 {3, log.CleanupDelete},
		"app-joined-repartition": {3, log.CleanupDelete},
		"app-alone-repartition":  {5, log.CleanupDelete},
		"app-both-changelog":     {3, log.CleanupCompact},
	} {
		d, err := broker.Topic(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(d.Partitions) != want.partitions || d.Config.CleanupPolicy != want.cleanup {
			t.Errorf("topic %s has %d partitions, %s; want %d, %s", name, len(d.Partitions), d.Config.CleanupPolicy, want.partitions, want.cleanup)
		}
	}
	if err := app.Close(t.Context(), epoch); err != nil {
		t.Error(err)
	}
}

// Every worker has something to do, and how many there are changes nothing in
// what comes out.
func TestAnyNumberOfWorkersCountsTheSame(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 100} {
		broker := openLog(t, vfs.NewMem())
		produceLines(t, broker, "a b c d e", "a b c d", "a b c", "a b", "a")
		config := memory()
		config.Workers = workers
		app := start(t, wordcount(t), processor.OnLog(broker), config)
		app.drained(t)
		app.end(t)
		got := readCounts(t, broker)
		for word, want := range map[string]int64{"a": 5, "b": 4, "c": 3, "d": 2, "e": 1} {
			if got[word] != want {
				t.Errorf("%d workers: %d of %s, want %d", workers, got[word], word, want)
			}
		}
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}
}
