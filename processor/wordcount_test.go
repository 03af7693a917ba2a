package processor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/state"
)

var (
	lines  = processor.NewTopic[string, string]("lines").WithPartitions(2)
	counts = processor.NewTopic[string, int64]("counts").WithPartitions(2)
)

// split makes a record of each word.
func split() processor.Processor[string, string, string, string] {
	return &splitter{}
}

type splitter struct {
	ctx *processor.Context[string, string]
	out processor.Record[string, string]
}

func (s *splitter) Init(ctx *processor.Context[string, string]) error {
	s.ctx = ctx
	return nil
}

func (s *splitter) Process(r *processor.Record[string, string]) error {
	s.out.TimestampMillis = r.TimestampMillis
	for word := range strings.FieldsSeq(r.Value) {
		s.out.Key, s.out.Value = word, word
		if err := s.ctx.Forward(&s.out); err != nil {
			return err
		}
	}
	return nil
}

func (s *splitter) Close() error { return nil }

// A counter counts by key and forwards the counts once a commit.
type counter struct {
	ctx    *processor.Context[string, int64]
	counts *state.Overlay[string, int64]
	out    processor.Record[string, int64]
}

func newCounter() processor.Processor[string, string, string, int64] { return &counter{} }

func (c *counter) Init(ctx *processor.Context[string, int64]) (err error) {
	c.ctx = ctx
	c.counts, err = processor.StoreOf[string, int64](ctx, "counts")
	return err
}

func (c *counter) Process(r *processor.Record[string, string]) error {
	e, err := c.counts.Find(r.Key)
	if err != nil {
		return err
	}
	n, _ := e.Value()
	c.counts.Put(e, n+1, r.TimestampMillis)
	return nil
}

func (c *counter) Flush() error {
	return c.counts.Forward(func(e *state.Entry[int64]) error {
		c.out.Key, c.out.TimestampMillis = string(e.Key()), e.TimestampMillis()
		c.out.Value, _ = e.Value()
		return c.ctx.Forward(&c.out)
	})
}

func (c *counter) Close() error { return nil }

func wordcount(t testing.TB) *processor.Topology {
	t.Helper()
	b := processor.NewTopology("wordcount")
	words := processor.Process(b, "split", processor.Source(b, "lines", lines), split)
	byWord := processor.Repartition(b, "counts", words, processor.Serdes[string, string]{})
	store := processor.Store(b, "counts", processor.StoreConfig[string, int64]{})
	processor.Sink(b, "out", processor.Process(b, "count", byWord, newCounter, store), counts)
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

// openLog opens an embedded log in memory.
func openLog(t testing.TB, fsys vfs.FS) *log.Broker {
	t.Helper()
	broker, err := log.OpenFS(fsys, log.Config{JournalBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return broker
}

func produceLines(t testing.TB, broker *log.Broker, texts ...string) {
	t.Helper()
	var records []processor.Record[string, string]
	for i, text := range texts {
		records = append(records, processor.Record[string, string]{Key: text, Value: text, TimestampMillis: int64(1000 + i)})
	}
	if _, err := broker.Topic("lines"); err != nil {
		if _, err := broker.CreateTopic("lines", log.TopicConfig{Partitions: 2}); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Produce(t.Context(), broker.NewProducer(), records...); err != nil {
		t.Fatal(err)
	}
}

// readCounts returns the last count of each word in the output topic.
func readCounts(t testing.TB, broker *log.Broker) map[string]int64 {
	t.Helper()
	got := make(map[string]int64)
	for r, err := range counts.Consume(t.Context(), processor.OnLog(broker), processor.StopAtEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.Key] = r.Value
	}
	return got
}

// epoch is when the clocks of tests begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// settle steps until there is nothing to do.
func settle(t testing.TB, s *processor.Stepper, now time.Time) {
	t.Helper()
	for {
		progress, err := s.Step(context.Background(), now)
		if err != nil {
			t.Fatal(err)
		}
		if !progress {
			return
		}
	}
}
