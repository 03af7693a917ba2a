package processor

import (
	"fmt"
	"testing"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor/internal/task"
	"github.com/freshet/freshet/state"
)

// A discard takes records and keeps none.
type discard struct{ n, bytes int }

func (d *discard) Append(_ int32, r *log.Record) error {
	d.n++
	d.bytes += len(r.Key) + len(r.Value)
	return nil
}

// wire makes one task of the first subtopology and returns what takes its
// records.
func wire(t testing.TB, topology *Topology, stores map[string]any, to Appender) func(*log.Record) error {
	t.Helper()
	w := &wiring{
		env:        &env{nodes: topology.nodes, clock: task.NewStreamTime(), stores: stores},
		appender:   func(string) (Appender, error) { return to, nil },
		partitions: func(string) int32 { return 4 },
	}
	takes, err := w.sourcesOf(topology.subtopologies[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range w.inOrder() {
		if err := o.init(); err != nil {
			t.Fatal(err)
		}
	}
	return takes[0]
}

// addOne forwards each value plus one.
type addOne struct {
	ctx *Context[string, int64]
	out Record[string, int64]
}

func (a *addOne) Init(ctx *Context[string, int64]) error { a.ctx = ctx; return nil }
func (a *addOne) Close() error                           { return nil }
func (a *addOne) Process(r *Record[string, int64]) error {
	a.out = *r
	a.out.Value++
	return a.ctx.Forward(&a.out)
}

func newAddOne() Processor[string, int64, string, int64] { return &addOne{} }

// chain is a source, five processors and a sink.
func chain(t testing.TB) *Topology {
	b := NewTopology("chain")
	topic := NewTopic[string, int64]("numbers")
	n := Source(b, "in", topic)
	for i := range 5 {
		n = Process(b, fmt.Sprintf("add-%d", i), n, newAddOne)
	}
	Sink(b, "out", n, NewTopic[string, int64]("sums"))
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

// tally counts by key in its store.
type tally struct{ counts *state.Overlay[string, int64] }

func (c *tally) Init(ctx *Context[string, int64]) (err error) {
	c.counts, err = StoreOf[string, int64](ctx, "counts")
	return err
}
func (c *tally) Close() error { return nil }
func (c *tally) Process(r *Record[string, int64]) error {
	e, err := c.counts.Find(r.Key)
	if err != nil {
		return err
	}
	n, _ := e.Value()
	c.counts.Put(e, n+1, r.TimestampMillis)
	return nil
}

func counting(t testing.TB) (*Topology, map[string]any) {
	b := NewTopology("counting")
	store := Store(b, "counts", StoreConfig[string, int64]{})
	Process(b, "count", Source(b, "in", NewTopic[string, int64]("numbers")),
		func() Processor[string, int64, string, int64] { return &tally{} }, store)
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	db, err := state.Memory().Open("0_0")
	if err != nil {
		t.Fatal(err)
	}
	return topology, map[string]any{"counts": store.spec.open(db, 0, false)}
}

// distinctKeys is the vocabulary of the benchmarks.
const distinctKeys = 100_000

func records(n int) []log.Record {
	rs := make([]log.Record, n)
	for i := range rs {
		rs[i] = log.Record{
			Key: fmt.Appendf(nil, "word-%d", i), Value: []byte{0, 0, 0, 0, 0, 0, 0, 1},
			TimestampMillis: int64(i), Offset: log.Offset(i),
		}
	}
	return rs
}

func TestHotPathAllocatesNothing(t *testing.T) {
	counted, stores := counting(t)
	for name, take := range map[string]func(*log.Record) error{
		"source, five processors, sink": wire(t, chain(t), nil, &discard{}),
		"counting store":                wire(t, counted, stores, nil),
	} {
		r := records(1)[0]
		if got := testing.AllocsPerRun(1000, func() {
			if err := take(&r); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%s: %v allocations a record, want 0", name, got)
		}
	}
}

func BenchmarkChain(b *testing.B) {
	benchmarkTake(b, wire(b, chain(b), nil, &discard{}))
}

func BenchmarkCountingStore(b *testing.B) {
	topology, stores := counting(b)
	benchmarkTake(b, wire(b, topology, stores, nil))
}

func benchmarkTake(b *testing.B, take func(*log.Record) error) {
	rs := records(distinctKeys)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := take(&rs[i]); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(rs) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
