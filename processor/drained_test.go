package processor_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/processor"
)

// A subtopology reads three topics, one of them with fewer partitions than the
// others, so that some of its tasks read only the other two. Of these one is a
// repartition topic, whose end nobody knows before everything upstream is done.
func TestDrainedWaitsForRepartitionTopicsOfTasksThatReadFewerTopics(t *testing.T) {
	defer noLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		few := processor.NewTopic[string, string]("few").WithPartitions(1)
		many := processor.NewTopic[string, string]("many").WithPartitions(4)
		upstream, downstream := make(chan struct{}), make(chan struct{})
		wait := func(gate chan struct{}, from int32) func() processor.Processor[string, string, string, string] {
			return processor.Func(func(ctx *processor.Context[string, string], r *processor.Record[string, string]) error {
				if ctx.Partition() >= from {
					<-gate
				}
				return ctx.Forward(r)
			})
		}
		b := processor.NewTopology("drained")
		first := processor.Process(b, "upstream", processor.Source(b, "lines", lines), wait(upstream, 0))
		all := processor.Merge(processor.Source(b, "few", few), processor.Source(b, "many", many),
			processor.Repartition(b, "again", first, processor.Serdes[string, string]{}))
		processor.Process(b, "downstream", all, wait(downstream, 1)) // not the task that reads all
		topology, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		broker := openLog(t, vfs.NewMem())
		defer broker.Close()
		var texts []string
		for i := range 100 { // to all partitions of the repartition topic
			texts = append(texts, fmt.Sprint("line ", i))
		}
		produceLines(t, broker, texts...)
		app := start(t, topology, processor.OnLog(broker), processor.Config{Workers: 8})
		drained := make(chan error, 1)
		go func() { drained <- app.Drained(t.Context()) }()
		synctest.Wait()
		close(upstream)
		synctest.Wait()
		if len(drained) > 0 {
			t.Error("drained before everything was processed downstream")
		}
		close(downstream)
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if n := app.Metrics().Total(1).Records + app.Metrics().Total(0).Records; n != 2*100 {
			t.Errorf("%d records processed once drained, want 200", n)
		}
		app.end(t)
	})
}
