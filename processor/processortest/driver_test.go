package processortest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/processor/processortest"
	"github.com/freshet/freshet/state"
)

// goleveldb lets one goroutine of a closed database end a second later.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

var (
	orders = processor.NewTopic[string, int64]("orders")
	totals = processor.NewTopic[string, int64]("totals")
)

// sum adds up the values of each key and forwards every total.
func sum(t testing.TB) *processor.Topology {
	b := processor.NewTopology("sums")
	store := processor.Store(b, "sums", processor.StoreConfig[string, int64]{EveryUpdate: true})
	in := processor.Source(b, "orders-source", orders)
	out := processor.Process(b, "sum", in, func() processor.Processor[string, int64, string, int64] {
		return &adder{store: store}
	}, store)
	processor.Sink(b, "totals-sink", out, totals)
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

type adder struct {
	store processor.StoreRef[string, int64]
	sums  *state.Overlay[string, int64]
	ctx   *processor.Context[string, int64]
}

func (a *adder) Init(ctx *processor.Context[string, int64]) (err error) {
	a.ctx = ctx
	a.sums, err = a.store.Of(ctx)
	return err
}

func (a *adder) Process(r *processor.Record[string, int64]) error {
	e, err := a.sums.Find(r.Key)
	if err != nil {
		return err
	}
	n, _ := e.Value()
	a.sums.Put(e, n+r.Value, r.TimestampMillis)
	return a.ctx.Forward(&processor.Record[string, int64]{Key: r.Key, Value: n + r.Value, TimestampMillis: r.TimestampMillis})
}

func (a *adder) Close() error { return nil }

func equal[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// engines are the two places where stores can be.
func engines(t *testing.T, test func(t *testing.T, config processortest.Config)) {
	t.Run("leveldb", func(t *testing.T) { test(t, processortest.Config{Partitions: 3}) })
	t.Run("memory", func(t *testing.T) {
		test(t, processortest.Config{Partitions: 3, Runtime: processor.Config{Engine: state.Memory()}})
	})
}

func TestReadReturnsWhatIsNew(t *testing.T) {
	engines(t, func(t *testing.T, config processortest.Config) {
		d := processortest.New(t, sum(t), config)
		kv := processor.KV[string, int64]
		processortest.Pipe(d, orders, processortest.At(1, kv("a", 1)), processortest.At(2, kv("a", 2)))
		equal(t, "totals before Run", nil, processortest.Read(d, totals))
		d.Run()
		want := []processor.Record[string, int64]{processortest.At(1, kv("a", 1)), processortest.At(2, kv("a", 3))}
		equal(t, "totals", want, processortest.Read(d, totals))
		equal(t, "totals again", nil, processortest.Read(d, totals))
	})
}

func TestStateSurvivesRestartAndCrash(t *testing.T) {
	engines(t, func(t *testing.T, config processortest.Config) {
		d := processortest.New(t, sum(t), config)
		kv := processor.KV[string, int64]
		pipe := func() {
			processortest.Pipe(d, orders, kv("a", 1), kv("b", 10), kv("c", 100))
		}
		pipe()
		d.Run()
		d.Restart()
		pipe()
		d.Advance(time.Second)
		d.Crash()
		pipe()
		d.Run()
		d.Crash()
		want := map[string]int64{"a": 3, "b": 30, "c": 300}
		equal(t, "store", want, processortest.Store[string, int64](d, "sums"))
		equal(t, "totals", want, processortest.Table(d, totals))
	})
}

func TestCrashUndoesWhatIsNotCommitted(t *testing.T) {
	engines(t, func(t *testing.T, config processortest.Config) {
		d := processortest.New(t, sum(t), config)
		d.Run() // what comes at the same time is not due for a commit
		processortest.Pipe(d, orders, processor.KV("a", int64(1)))
		for len(processortest.Store[string, int64](d, "sums")) == 0 {
			d.Step()
		}
		equal(t, "totals before the commit", nil, processortest.Read(d, totals))
		d.Crash()
		equal(t, "store after the crash", map[string]int64{}, processortest.Store[string, int64](d, "sums"))
		d.Run()
		equal(t, "totals", map[string]int64{"a": 1}, processortest.Table(d, totals))
	})
}
