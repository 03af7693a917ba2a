package processor_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/google/go-cmp/cmp"
)

// Two topics, each of many small batches, are read in the order of time
// although one of them is far behind the other and hardly anything is fetched
// at once.
func TestRecordsOfSeveralTopicsAreProcessedInTheOrderOfTime(t *testing.T) {
	const each = 200
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	a := processor.NewTopic[string, string]("a").WithPartitions(1)
	b := processor.NewTopic[string, string]("b").WithPartitions(1)
	var want []int64
	for topic, first := range map[processor.Topic[string, string]]int64{a: 1000, b: 1150} {
		if _, err := broker.CreateTopic(topic.Name(), log.TopicConfig{Partitions: 1}); err != nil {
			t.Fatal(err)
		}
		for i := range int64(each) {
			r := processor.Record[string, string]{Key: "k", Value: fmt.Sprint(i), TimestampMillis: first + i}
			if err := topic.Produce(t.Context(), broker.NewProducer(), r); err != nil {
				t.Fatal(err)
			}
			want = append(want, r.TimestampMillis)
		}
	}
	slices.Sort(want)

	var got []int64
	builder := processor.NewTopology("ordered")
	both := processor.Merge(processor.Source(builder, "a", a), processor.Source(builder, "b", b))
	processor.Process(builder, "note", both, processor.Func(
		func(ctx *processor.Context[string, string], r *processor.Record[string, string]) error {
			got = append(got, r.TimestampMillis)
			if ctx.StreamTimeMillis() != r.TimestampMillis {
				t.Errorf("stream time %d at a record of %d", ctx.StreamTimeMillis(), r.TimestampMillis)
			}
			return nil
		}))
	topology, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	app, err := processor.NewStepper(t.Context(), topology, processor.OnLog(broker), processor.Config{FetchBytes: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, app, epoch)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timestamps (-want +got):\n%s", diff)
	}
	if err := app.Close(t.Context(), epoch); err != nil {
		t.Error(err)
	}
}

// What a commit holds becomes visible when it is due, all of it at once: the
// outputs, and how far the input was read.
func TestNothingIsVisibleBeforeTheCommit(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	var texts []string
	for i := range 5000 { // more than one slice
		texts = append(texts, fmt.Sprint("w", i))
	}
	produceLines(t, broker, texts...)
	b := processor.NewTopology("copy")
	processor.Sink(b, "out", processor.Process(b, "copy", processor.Source(b, "lines", lines), copier),
		processor.NewTopic[string, string]("copies").WithPartitions(1))
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	app, err := processor.NewStepper(t.Context(), topology, processor.OnLog(broker), processor.Config{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	visible := func() log.Offset {
		_, end, err := broker.Offsets(log.TopicPartition{Topic: "copies"})
		if err != nil {
			t.Fatal(err)
		}
		return end
	}
	read := func() (sum log.Offset) {
		for partition := range int32(2) {
			o, _ := broker.Committed("copy", log.TopicPartition{Topic: "lines", Partition: partition})
			sum += o.Offset
		}
		return sum
	}
	step := func() {
		if _, err := app.Step(t.Context(), epoch); err != nil {
			t.Fatal(err)
		}
		if visible() != read() {
			t.Fatalf("%d records are visible and %d are read", visible(), read())
		}
	}
	for visible() == 0 { // the first commit is due at once: nothing was ever committed
		step()
	}
	if first := visible(); first != 1000 {
		t.Errorf("%d records in the first commit, want those of the first slice", first)
	}
	step()
	if visible() != 1000 {
		t.Errorf("%d records visible before the interval has passed, want 1000", visible())
	}
	settle(t, app, epoch)
	if visible() != 5000 || read() != 5000 {
		t.Errorf("%d records visible and %d read in the end, want 5000", visible(), read())
	}
	if err := app.Kill(); err != nil {
		t.Error(err)
	}
}
