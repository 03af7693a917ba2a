package processor_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/state"
)

// A keeper keeps the last value of each key and, unlike a table, holds nothing
// back for a Flush.
type keeper struct {
	last *state.Overlay[string, string]
}

func newKeeper() processor.Processor[string, string, string, string] { return &keeper{} }

func (k *keeper) Init(ctx *processor.Context[string, string]) (err error) {
	k.last, err = processor.StoreOf[string, string](ctx, "last")
	return err
}

func (k *keeper) Process(r *processor.Record[string, string]) error {
	e, err := k.last.Find(r.Key)
	if err != nil {
		return err
	}
	k.last.Put(e, r.Value, r.TimestampMillis)
	return nil
}

func (k *keeper) Close() error { return nil }

func keeping(t testing.TB) *processor.Topology {
	t.Helper()
	b := processor.NewTopology("keeping")
	store := processor.Store(b, "last", processor.StoreConfig[string, string]{})
	processor.Process(b, "keep", processor.Source(b, "lines", lines), newKeeper, store)
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

// manyLines are so many that a task needs several slices for them.
func manyLines() (texts []string) {
	for i := range 20_000 {
		texts = append(texts, fmt.Sprint("line ", i))
	}
	return texts
}

func TestAStoreWithoutAFlusherStaysWithinTheCache(t *testing.T) {
	const cacheBytes = 64 << 10
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, manyLines()...)
	config := memory()
	config.CacheBytes = cacheBytes
	app, err := processor.NewStepper(t.Context(), keeping(t), processor.OnLog(broker), config, 0)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, app, epoch)
	settle(t, app, epoch.Add(time.Hour)) // through the drain
	if held := cachedBytes(t, app); held > cacheBytes {
		t.Errorf("idle stores hold %d bytes, want at most %d", held, cacheBytes)
	}
	if err := app.Close(t.Context(), epoch); err != nil {
		t.Error(err)
	}
}

// A cache that is less than a byte a store is small, not the default.
func TestATinyCacheIsTiny(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, manyLines()...)
	config := memory()
	config.CacheBytes = 1
	app, err := processor.NewStepper(t.Context(), keeping(t), processor.OnLog(broker), config, 0)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, app, epoch)
	settle(t, app, epoch.Add(time.Hour))
	if held := cachedBytes(t, app); held > 1000 {
		t.Errorf("idle stores hold %d bytes, want those of an entry or two", held)
	}
	if err := app.Close(t.Context(), epoch); err != nil {
		t.Error(err)
	}
}

func cachedBytes(t *testing.T, app *processor.Stepper) (held int64) {
	t.Helper()
	for partition := range int32(2) {
		store, err := processor.StoreAt[string, string](app, "last", partition)
		if err != nil {
			t.Fatal(err)
		}
		held += store.Bytes()
	}
	return held
}

// A slow engine takes until it is told to for its first Apply.
type slowEngine struct {
	state.Engine
	applying chan struct{}
	goOn     chan struct{}
	once     *atomic.Bool
}

func (e slowEngine) Open(task string) (state.DB, error) {
	db, err := e.Engine.Open(task)
	return slowDB{db, e}, err
}

type slowDB struct {
	state.DB
	engine slowEngine
}

func (d slowDB) Apply(writes []state.Write) error {
	if d.engine.once.CompareAndSwap(false, true) {
		close(d.engine.applying)
		<-d.engine.goOn
	}
	return d.DB.Apply(writes)
}

// While the databases are slow, what they do not have yet must not pile up:
// the input waits.
func TestInputWaitsForSlowDatabases(t *testing.T) {
	defer noLeaks(t)
	const cacheBytes = 256 << 10
	synctest.Test(t, func(t *testing.T) {
		broker := openLog(t, vfs.NewMem())
		defer broker.Close()
		engine := slowEngine{state.Memory(), make(chan struct{}), make(chan struct{}), &atomic.Bool{}}
		texts := manyLines()
		produceLines(t, broker, texts...)
		app := start(t, keeping(t), processor.OnLog(broker), processor.Config{Engine: engine, CacheBytes: cacheBytes, Workers: 1})
		<-engine.applying
		synctest.Wait() // until it has got as far as it can
		total := app.Metrics().Total(-1)
		// Of two stores each may hold twice its half and a slice more, of which a
		// part counts twice: as the store's and as what is sealed.
		if most := int64(6 * cacheBytes); total.BufferedBytes > most || total.Records == int64(len(texts)) {
			t.Errorf("%d records processed, %d bytes buffered, want at most %d", total.Records, total.BufferedBytes, most)
		}
		close(engine.goOn)
		app.drained(t)
		app.end(t)
	})
}

// The outputs of a record may carry a commit past its bound, those of a slice
// of them may not.
func TestRecordsThatExpandAreCommittedOneByOne(t *testing.T) {
	const copies, bufferBytes = 100, 64 << 10
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, manyLines()[:100]...)
	b := processor.NewTopology("expanding")
	large := strings.Repeat("x", bufferBytes/copies)
	expanded := processor.Process(b, "expand", processor.Source(b, "lines", lines), processor.Func(
		func(ctx *processor.Context[string, string], r *processor.Record[string, string]) error {
			out := processor.Record[string, string]{Key: r.Key, Value: large, TimestampMillis: r.TimestampMillis}
			for range copies {
				if err := ctx.Forward(&out); err != nil {
					return err
				}
			}
			return nil
		}))
	processor.Sink(b, "out", expanded, processor.NewTopic[string, string]("expanded").WithPartitions(1))
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	app, err := processor.NewStepper(t.Context(), topology, processor.OnLog(broker), processor.Config{BufferBytes: bufferBytes}, 0)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, app, epoch)
	// While a commit is in flight, the next record fills another.
	if n := app.Metrics().Total(-1).Commits; n < 50 {
		t.Errorf("%d commits of 100 records that fill one each, want at least 50", n)
	}
	if err := app.Close(t.Context(), epoch); err != nil {
		t.Error(err)
	}
}

// slow is a topology that takes a second a record.
func slow(t testing.TB) *processor.Topology {
	return failing(t, func(*processor.Context[string, string], *processor.Record[string, string]) error {
		time.Sleep(time.Second) // of the bubble
		return nil
	})
}

func TestAStopDoesNotWaitForTheRestOfASlice(t *testing.T) {
	defer noLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		broker := openLog(t, vfs.NewMem())
		defer broker.Close()
		produceLines(t, broker, manyLines()...)
		app := start(t, slow(t), processor.OnLog(broker), processor.Config{Workers: 1})
		time.Sleep(1500 * time.Millisecond)
		stopped := time.Now()
		app.end(t)
		if took := time.Since(stopped); took > time.Second {
			t.Errorf("stopped after %v, want the time of a record", took)
		}
		if n := app.Metrics().Total(-1).Records; n != 2 {
			t.Errorf("%d records, want the two that were begun", n)
		}
	})
}

func TestSlowRecordsAreCommittedInTime(t *testing.T) {
	defer noLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		broker := openLog(t, vfs.NewMem())
		defer broker.Close()
		produceLines(t, broker, manyLines()...)
		app := start(t, slow(t), processor.OnLog(broker), processor.Config{Workers: 1})
		time.Sleep(time.Minute + time.Millisecond) // past what finding the pace takes
		began := committedLines(broker)
		time.Sleep(20 * time.Second)
		if n := committedLines(broker) - began; n < 17 {
			t.Errorf("%d records committed in 20 seconds of which each took one", n)
		}
		app.end(t)
	})
}

func committedLines(broker *log.Broker) (n log.Offset) {
	for partition := range int32(2) {
		o, _ := broker.Committed("failing", log.TopicPartition{Topic: "lines", Partition: partition})
		n += o.Offset
	}
	return n
}

func TestPanicWhereAProcessorIsMadeIsAnError(t *testing.T) {
	defer noLeaks(t)
	b := processor.NewTopology("unmade")
	boom := errors.New("boom")
	processor.Process(b, "bad", processor.Source(b, "lines", lines),
		func() processor.Processor[string, string, string, string] { panic(boom) })
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	err = <-start(t, topology, processor.OnLog(broker), processor.Config{}).ended
	if err == nil || !strings.Contains(err.Error(), "panic: boom") || !strings.Contains(err.Error(), "task 0_") {
		t.Errorf("got %v", err)
	}
}
