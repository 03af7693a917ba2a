package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

func newAsync(t *testing.T, b *Broker, cfg ProducerConfig) *Producer {
	t.Helper()
	p, err := b.NewProducerWith(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestAsyncKeepsOrder has several goroutines produce at once: each one's records
// are in order in their partition, at the offsets that were told, in the order
// that they were told.
func TestAsyncKeepsOrder(t *testing.T) {
	const goroutines, records, partitions = 4, 2000, 3
	for _, cfg := range []ProducerConfig{
		{},
		{BatchBytes: 500, BufferBytes: 4000},
		{Linger: time.Millisecond, Idempotent: true, Compression: "lz4"},
	} {
		b := open(t, vfs.NewMem(), Config{Durability: OS, TailBytes: 64 << 10, SegmentBytes: 32 << 10})
		if _, err := b.CreateTopic("t", TopicConfig{Partitions: partitions}); err != nil {
			t.Fatal(err)
		}
		p := newAsync(t, b, cfg)
		told := make(map[TopicPartition][]string) // by the one goroutine that calls back
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range records {
					v := fmt.Sprintf("%d %d", g, i)
					r := Record{Key: fmt.Append(nil, i%7), Value: []byte(v)}
					if i%3 == 0 {
						r.Key = nil
					}
					err := p.ProduceAsync(context.Background(), "t", r, func(r ProduceResult) {
						if r.Err != nil {
							t.Error(r.Err)
						}
						if n := len(told[r.TopicPartition]); r.Offset != Offset(n) {
							t.Errorf("%s: offset %d, told after %d others", r.TopicPartition, r.Offset, n)
						}
						told[r.TopicPartition] = append(told[r.TopicPartition], v)
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		total := 0
		for i := range int32(partitions) {
			tp := TopicPartition{"t", i}
			got := readAll(t, b, tp)
			if !slices.Equal(got, told[tp]) {
				t.Fatalf("%+v: partition %d has other records than were told", cfg, i)
			}
			total += len(got)
			last := map[string]int{}
			for _, v := range got {
				g, n, _ := strings.Cut(v, " ")
				i, err := strconv.Atoi(n)
				if before, ok := last[g]; err != nil || ok && i <= before {
					t.Fatalf("%+v: record %d of goroutine %s follows %d", cfg, i, g, before)
				}
				last[g] = i
			}
		}
		if total != goroutines*records {
			t.Fatalf("%d records, want %d", total, goroutines*records)
		}
		p.async.mu.Lock()
		if used := p.async.mu.used; used != 0 {
			t.Errorf("%d bytes are counted with nothing on its way", used)
		}
		p.async.mu.Unlock()
	}
}

// TestLinger looks at what is committed when, by a clock of its own.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, vfs.NewMem(), Config{})
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		p, err := b.NewProducerWith(ProducerConfig{Linger: 10 * time.Millisecond, BatchBytes: 1000})
		if err != nil {
			t.Fatal(err)
		}
		give := func(n int) {
			if err := p.ProduceAsync(t.Context(), "t", Record{Value: make([]byte, n)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		want := func(when string, end Offset, batches int) {
			t.Helper()
			synctest.Wait()
			_, got, err := b.Offsets(TopicPartition{"t", 0})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(headersOf(t, b, TopicPartition{"t", 0})); got != end || n != batches {
				t.Fatalf("%s: %d records in %d batches, want %d in %d", when, got, n, end, batches)
			}
		}
		give(100)
		time.Sleep(9 * time.Millisecond)
		give(100)
		want("before the first has lingered", 0, 0)
		time.Sleep(time.Millisecond)
		want("after it has", 2, 1)
		give(600)
		give(600)
		want("a batch is full", 4, 3)
		give(100)
		want("a new one lingers", 4, 3)
		began := time.Now()
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Fatalf("Flush has lingered for %v", took)
		}
		want("flushed", 5, 4)
		give(100)
		time.Sleep(9 * time.Millisecond)
		want("lingers after a flush", 5, 4)
		time.Sleep(time.Millisecond)
		want("has lingered", 6, 5)
		give(100)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		want("closed", 7, 6)
		if err := p.ProduceAsync(t.Context(), "t", Record{}, nil); !errors.Is(err, ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
		if err := p.Produce(t.Context(), "t", Record{}); !errors.Is(err, ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	})
}

// stuck is a file system whose writes to the journal wait.
func stuck() (fsys vfs.FS, hold func(), release func()) {
	var gate atomic.Pointer[chan struct{}]
	fsys = vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if g := gate.Load(); g != nil && op.Kind == vfs.OpWrite {
			<-*g
		}
		return nil
	})
	hold = func() { g := make(chan struct{}); gate.Store(&g) }
	release = func() { close(*gate.Swap(nil)) }
	return fsys, hold, release
}

// TestFullBufferBlocks fills the buffer while a commit does not end: calls wait
// or fail as they were told to, and nothing is lost or counted twice.
func TestFullBufferBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys, hold, release := stuck()
		b := open(t, fsys, Config{})
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		const size = 100
		p, err := b.NewProducerWith(ProducerConfig{BufferBytes: 3 * (size + recordBytes), Linger: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		r := Record{Value: make([]byte, size)}
		settled := 0
		done := func(r ProduceResult) {
			if r.Err != nil {
				t.Error(r.Err)
			}
			settled++
		}
		hold()
		for range 3 {
			if err := p.TryProduceAsync("t", r, done); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.TryProduceAsync("t", r, done); !errors.Is(err, ErrBufferFull) {
			t.Fatalf("%v, want ErrBufferFull", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.ProduceAsync(ctx, "t", r, done); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v, want DeadlineExceeded", err)
		}
		if err := p.ProduceAsync(t.Context(), "t", Record{Value: make([]byte, 1000)}, done); !errors.Is(err, ErrRecordTooLarge) {
			t.Fatalf("%v, want ErrRecordTooLarge", err)
		}
		flush, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Flush(flush); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("flush: %v, want DeadlineExceeded", err)
		}
		var waiting sync.WaitGroup
		for range 5 {
			waiting.Go(func() {
				if err := p.ProduceAsync(context.Background(), "t", r, done); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		release() // nobody flushes: that others wait is enough, whatever lingers
		waiting.Wait()
		if took := time.Since(began); took != 0 {
			t.Fatalf("calls that wait for room waited for %v more", took)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if _, end, err := b.Offsets(TopicPartition{"t", 0}); err != nil || end != 8 || settled != 8 {
			t.Fatalf("%d records, %d told of, want 8 (%v)", end, settled, err)
		}
	})
}

// TestKeylessRecordsStayTogether fills partitions a batch at a time.
func TestKeylessRecordsStayTogether(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	p := newAsync(t, b, ProducerConfig{Linger: time.Hour, BatchBytes: 1000})
	for i := range 90 {
		if err := p.ProduceAsync(t.Context(), "t", Record{Value: make([]byte, 90)}, nil); err != nil {
			t.Fatal(err)
		}
		if i%30 == 29 {
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	records, batches := 0, 0
	for i := range int32(3) {
		hs := headersOf(t, b, TopicPartition{"t", i})
		if len(hs) == 0 {
			t.Errorf("partition %d has nothing", i)
		}
		batches += len(hs)
		for _, h := range hs {
			records += int(h.Count)
		}
	}
	// At most 11 batches are full, and a commit, for one of these or for a flush,
	// has one more.
	if records != 90 || batches < 90/10 || batches > 11+11+3 {
		t.Fatalf("%d records in %d batches", records, batches)
	}
}

// TestDeletedTopicFailsAlone deletes one of two topics whose records share a
// commit.
func TestDeletedTopicFailsAlone(t *testing.T) {
	for _, alone := range []bool{false, true} {
		b := open(t, vfs.NewMem(), Config{})
		for _, name := range []string{"gone", "stays"} {
			if _, err := b.CreateTopic(name, TopicConfig{}); err != nil {
				t.Fatal(err)
			}
		}
		p := newAsync(t, b, ProducerConfig{Linger: time.Hour, Idempotent: alone})
		results := map[string][]ProduceResult{}
		for range 3 {
			for _, name := range []string{"gone", "stays"} {
				if name == "stays" && alone {
					continue
				}
				err := p.ProduceAsync(t.Context(), name, Record{Value: []byte("v")}, func(r ProduceResult) {
					results[r.Topic] = append(results[r.Topic], r)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := b.DeleteTopic("gone"); err != nil {
			t.Fatal(err)
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, r := range results["gone"] {
			if !errors.Is(r.Err, ErrUnknownTopic) || r.Offset != -1 {
				t.Errorf("record %d of the deleted topic: %+v", i, r)
			}
		}
		for i, r := range results["stays"] {
			if r.Err != nil || r.Offset != Offset(i) {
				t.Errorf("record %d of the other: %+v", i, r)
			}
		}
		if len(results["gone"]) != 3 || !alone && len(results["stays"]) != 3 {
			t.Fatalf("told of %v", results)
		}
	}
}

// TestClosedLogAnswersEveryRecord closes the log under a producer.
func TestClosedLogAnswersEveryRecord(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	p, err := b.NewProducerWith(ProducerConfig{Linger: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	if err := p.ProduceAsync(t.Context(), "t", Record{}, func(r ProduceResult) { answer <- r.Err }); err != nil {
		t.Fatal(err)
	}
	if err := p.ProduceAsync(t.Context(), "t", Record{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; !errors.Is(err, ErrClosed) {
		t.Fatalf("%v, want ErrClosed", err)
	}
	if err := p.Flush(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatalf("the record that nobody was called back for: %v, want ErrClosed", err)
	}
	if err := p.ProduceAsync(t.Context(), "t", Record{}, nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("%v, want ErrClosed", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCallbacksMayProduce has each callback produce the next record.
func TestCallbacksMayProduce(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	p := newAsync(t, b, ProducerConfig{BufferBytes: 1000})
	finished := make(chan struct{})
	var next func(ProduceResult)
	n := 0
	next = func(r ProduceResult) {
		if n++; r.Err != nil || n == 50 {
			close(finished)
			return
		}
		if err := p.TryProduceAsync("t", Record{Value: []byte("v")}, next); err != nil {
			t.Error(err)
			close(finished)
		}
	}
	if err := p.TryProduceAsync("t", Record{Value: []byte("v")}, next); err != nil {
		t.Fatal(err)
	}
	<-finished
	if n != 50 {
		t.Fatalf("%d records, want 50", n)
	}
}

// TestProducingAllocatesLittle bounds what a record costs beside its share of a
// commit.
func TestProducingAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := open(t, vfs.NewMem(), Config{Durability: OS})
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: 4}); err != nil {
		t.Fatal(err)
	}
	key, val := []byte("0123456789"), make([]byte, 90)

	builder := b.NewCommitBuilder()
	r := Record{Key: key, Value: val}
	if n := testing.AllocsPerRun(2000, func() {
		if err := builder.Append("t", 0, &r); err != nil {
			t.Fatal(err)
		}
		builder.fill(&Commit{b: b, batches: make([]commitBatch, 0, 1)})
	}); n > 2.1 { // the commit and its list; a small part of a chunk
		t.Errorf("building a commit of one record: %v allocations", n)
	}

	p := newAsync(t, b, ProducerConfig{Linger: time.Hour, BufferBytes: 1 << 30})
	produce := func() {
		if err := p.ProduceAsync(context.Background(), "t", r, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 20_000 { // the lists grow
		produce()
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		produce()
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10_000, produce); n > 0.01 {
		t.Errorf("ProduceAsync: %v allocations a record", n)
	}

	sync := b.NewProducer()
	if n := testing.AllocsPerRun(2000, func() {
		if err := sync.Produce(context.Background(), "t", r); err != nil {
			t.Fatal(err)
		}
	}); n > 4 { // those of the commit
		t.Errorf("Produce of one record: %v allocations", n)
	}
}

// TestSmallBatchesShareMemory builds batches around the size from which they
// have memory of their own: none runs into another.
func TestSmallBatchesShareMemory(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{stepped: true, TailBytes: 16 << 10, SegmentBytes: 8 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	var want []string
	builder := b.NewCommitBuilder()
	for i := range 3000 {
		v := value(i)[:i*37%1200]
		want = append(want, v)
		if err := builder.Append("t", 0, &Record{Value: []byte(v)}); err != nil {
			t.Fatal(err)
		}
		c := builder.Build()
		if n := len(c.batches[0].bytes); n < smallBatchBytes && cap(c.batches[0].bytes) != n {
			t.Fatalf("a batch of %d bytes could grow into the next", n)
		}
		if _, err := b.Commit(c); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, b, TopicPartition{"t", 0}); !slices.Equal(got, want) {
		t.Fatal("other values than were written")
	}
}
