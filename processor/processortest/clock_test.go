package processortest_test

import (
	"testing"
	"time"

	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/processor/processortest"
)

// TestAdvanceWritesStores shows that what is due by the clock happens: after
// the drain interval the databases hold the stores, and a crash leaves nothing
// to restore.
func TestAdvanceWritesStores(t *testing.T) {
	engines(t, func(t *testing.T, config processortest.Config) {
		d := processortest.New(t, sum(t), config)
		pipe := func(key string) {
			processortest.Pipe(d, orders, processor.KV(key, int64(1)))
			d.Run()
		}
		pipe("a") // the first write does not wait
		pipe("b")
		d.Crash()
		equal(t, "restored records", 1, d.Metrics().Total(-1).RestoredRecords)
		pipe("c")
		pipe("d")
		d.Advance(processor.DefaultDrainInterval)
		d.Crash()
		equal(t, "restored records after the interval", 0, d.Metrics().Total(-1).RestoredRecords)
	})
}

func TestClock(t *testing.T) {
	start := time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC)
	config := inMemory()
	config.Start = start
	d := processortest.New(t, sum(t), config)
	d.Advance(time.Minute)
	d.Crash()
	equal(t, "now", start.Add(time.Minute), d.Now())
	processortest.Pipe(d, orders, processor.KV("a", int64(1)))
	equal(t, "time of a record", start.Add(time.Minute).UnixMilli(), processortest.Read(d, orders)[0].TimestampMillis)
}

func TestPartitions(t *testing.T) {
	wide := processor.NewTopic[string, int64]("wide").WithPartitions(5)
	b := processor.NewTopology("app")
	processor.Sink(b, "wide-sink", processor.Source(b, "orders-source", orders), wide)
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config processortest.Config
		want   int // tasks
	}{{processortest.Config{}, processor.DefaultPartitions}, {processortest.Config{Partitions: 7}, 7}} {
		d := processortest.New(t, topology, c.config)
		equal(t, "tasks", c.want, len(d.Metrics().Tasks))
		for i := range 5 {
			processortest.Pipe(d, orders, processor.KV("a", int64(i)))
		}
		d.Run()
		equal(t, "records", 5, len(processortest.Read(d, wide)))
	}
}
