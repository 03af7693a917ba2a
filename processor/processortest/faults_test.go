package processortest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/processor/processortest"
	"github.com/freshet/freshet/state"
)

// A witness is a TB that remembers what ended it.
type witness struct{ said string }

// errEnded is what a witness panics with, as Fatalf does not return.
var errEnded = errors.New("ended")

func (w *witness) Helper()        {}
func (w *witness) Cleanup(func()) {}
func (w *witness) Fatalf(format string, args ...any) {
	w.said = fmt.Sprintf(format, args...)
	panic(errEnded)
}

// fatal returns what use ended its test with.
func fatal(t *testing.T, use func(w processortest.TB)) string {
	t.Helper()
	w := &witness{}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(errEnded) {
				panic(p)
			}
		}()
		use(w)
	}()
	if w.said == "" {
		t.Error("nothing failed")
	}
	return w.said
}

// in memory is the fastest.
func inMemory() processortest.Config {
	return processortest.Config{Partitions: 2, Runtime: processor.Config{Engine: state.Memory()}}
}

var errUser = errors.New("no such user")

// failing fails on every record.
func failing(t testing.TB) *processor.Topology {
	b := processor.NewTopology("failing")
	in := processor.Source(b, "orders-source", orders)
	processor.Process(b, "fail", in, processor.Func(
		func(*processor.Context[string, int64], *processor.Record[string, int64]) error { return errUser }))
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

func TestFaultsEndTheTest(t *testing.T) {
	nowhere := processor.NewTopic[string, int64]("nowhere")
	record := processor.KV("a", int64(1))
	for name, c := range map[string]struct {
		use  func(d *processortest.Driver)
		want string
	}{
		"pipe into an unknown topic": {func(d *processortest.Driver) { processortest.Pipe(d, nowhere, record) }, "nowhere"},
		"read an unknown topic":      {func(d *processortest.Driver) { processortest.Read(d, nowhere) }, "nowhere"},
		"read as another type": {func(d *processortest.Driver) {
			processortest.Pipe(d, orders, record)
			processortest.Read(d, processor.NewTopic[string, bool]("orders"))
		}, "decode value"},
		"a table without keys": {func(d *processortest.Driver) {
			processortest.PipeValues(d, orders, int64(7))
			processortest.Table(d, orders)
		}, "no key"},
		"an unknown store":        {func(d *processortest.Driver) { processortest.Store[string, int64](d, "averages") }, "averages"},
		"a store of another type": {func(d *processortest.Driver) { processortest.Store[string, bool](d, "sums") }, "bool"},
		"advance over a broken log": {func(d *processortest.Driver) {
			processortest.Pipe(d, orders, record)
			d.Close()
			processortest.Pipe(d, orders, record)
		}, "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			said := fatal(t, func(w processortest.TB) {
				d := processortest.New(w, sum(t), inMemory())
				defer d.Close()
				c.use(d)
			})
			if !strings.HasPrefix(said, "processortest: ") || !strings.Contains(said, c.want) {
				t.Errorf("said %q, want it to be about %q", said, c.want)
			}
		})
	}
	t.Run("no topology", func(t *testing.T) {
		said := fatal(t, func(w processortest.TB) { processortest.New(w, nil, inMemory()) })
		if !strings.Contains(said, "no topology") {
			t.Errorf("said %q", said)
		}
	})
}

func TestTryRunReturnsWhatFailed(t *testing.T) {
	d := processortest.New(t, failing(t), inMemory())
	processortest.Pipe(d, orders, processor.KV("a", int64(1)))
	for range 2 { // a crash does not help
		if err := d.TryRun(); !errors.Is(err, errUser) {
			t.Errorf("TryRun: %v, want %v", err, errUser)
		}
		d.Crash()
	}
}

func TestNewWithoutATestPanics(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "no topology") {
			t.Errorf("panic: %s", p)
		}
	}()
	processortest.New(nil, nil, processortest.Config{})
}
