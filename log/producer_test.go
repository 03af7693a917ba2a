package log

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// TestProducersCompress stores what every producer and topic want, through a
// kill and an opening.
func TestProducersCompress(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, Config{})
	compressible := value(7)
	for _, own := range append([]string{CompressionProducer}, "none", "gzip", "snappy", "lz4", "zstd") {
		if _, err := b.CreateTopic("t-"+own, TopicConfig{Compression: own}); err != nil {
			t.Fatal(err)
		}
		for _, codec := range codecs {
			p, err := b.NewProducerWith(ProducerConfig{Compression: codec.String()})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Produce(t.Context(), "t-"+own, Record{Value: []byte(compressible)}, Record{Value: []byte("short")}); err != nil {
				t.Fatal(err)
			}
			if err := p.ProduceAsync(t.Context(), "t-"+own, Record{Value: []byte("-")}, nil); err != nil {
				t.Fatal(err)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, b := range []*Broker{b, open(t, mem.KillProcess(), Config{})} {
		for _, own := range append([]string{CompressionProducer}, "none", "gzip", "snappy", "lz4", "zstd") {
			var want []string
			for range codecs {
				want = append(want, compressible, "short", "-")
			}
			tp := TopicPartition{"t-" + own, 0}
			if got := readAll(t, b, tp); !slices.Equal(got, want) {
				t.Errorf("topic with compression.type %s: %d records, want %d", own, len(got), len(want))
			}
			var stored []batch.Codec
			for i, h := range headersOf(t, b, tp) {
				if i%2 == 0 { // the others have nothing to gain
					stored = append(stored, h.Codec())
				} else if h.Codec() != batch.None {
					t.Errorf("a batch of one byte is stored with %v", h.Codec())
				}
			}
			if own == CompressionProducer && !slices.Equal(stored, codecs) {
				t.Errorf("producers of %v made batches of %v", codecs, stored)
			}
			if own != CompressionProducer && slices.ContainsFunc(stored, func(c batch.Codec) bool { return c.String() != own }) {
				t.Errorf("compression.type %s: batches of %v", own, stored)
			}
		}
	}
}

// headersOf returns the headers of the batches of a partition.
func headersOf(t *testing.T, b *Broker, tp TopicPartition) (hs []batch.Header) {
	t.Helper()
	c := consume(t, b, tp, 0)
	for {
		fetches, err := c.FetchBatches(1 << 20)
		if err == nil {
			err = fetches[0].Err
		}
		if err != nil {
			t.Fatal(err)
		}
		if fetches[0].Bytes == 0 {
			return hs
		}
		for bytes := slices.Concat(fetches[0].Batches...); len(bytes) > 0; {
			h, err := batch.ParseHeader(bytes)
			if err != nil {
				t.Fatal(err)
			}
			hs = append(hs, h)
			bytes = bytes[h.SizeBytes():]
		}
	}
}

func TestCompactedTopicsWantKeys(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{CleanupPolicy: CleanupCompact}); err != nil {
		t.Fatal(err)
	}
	p := b.NewProducer()
	if err := p.Produce(t.Context(), "t", Record{Key: []byte{}}, Record{Value: []byte("v")}); !errors.Is(err, ErrInvalidRecord) {
		t.Fatalf("%v, want ErrInvalidRecord", err)
	}
	if err := p.TryProduceAsync("t", Record{Value: []byte("v")}, nil); !errors.Is(err, ErrInvalidRecord) {
		t.Fatalf("%v, want ErrInvalidRecord", err)
	}
	if err := p.Produce(t.Context(), "t", Record{Key: []byte{}, Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, b, TopicPartition{"t", 0}); !slices.Equal(got, []string{"v"}) {
		t.Fatal(got)
	}
}

func TestLogAppendTimeIsStamped(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{TimestampType: LogAppendTime}); err != nil {
		t.Fatal(err)
	}
	if err := b.NewProducer().Produce(t.Context(), "t", Record{TimestampMillis: 1}, Record{TimestampMillis: 2}); err != nil {
		t.Fatal(err)
	}
	rs := recordsOf(t, b, TopicPartition{"t", 0})
	if len(rs) != 2 || rs[0].TimestampMillis < 1e12 || rs[0].TimestampMillis != rs[1].TimestampMillis {
		t.Fatalf("%+v", rs)
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{MaxMessageBytes: 1000}); err != nil {
		t.Fatal(err)
	}
	p := b.NewProducer()
	for _, hs := range [][]Header{{{"k", make([]byte, 1001)}}, make([]Header, 1000)} {
		if err := p.Produce(t.Context(), "t", Record{Headers: hs}); !errors.Is(err, ErrRecordTooLarge) {
			t.Fatalf("%d headers: %v, want ErrRecordTooLarge", len(hs), err)
		}
	}
}

func TestPartitionerDecides(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	p, err := b.NewProducerWith(ProducerConfig{Partitioner: func(topic string, r *Record, n int32) int32 {
		if topic != "t" || n != 3 {
			t.Errorf("asked for %s of %d partitions", topic, n)
		}
		return int32(r.Value[0]) - '0'
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Produce(t.Context(), "t", Record{Value: []byte("2")}, Record{Value: []byte("0")}, Record{Key: []byte("k"), Value: []byte("/")}); err != nil {
		t.Fatal(err)
	}
	if err := p.TryProduceAsync("t", Record{Value: []byte("1")}, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.TryProduceAsync("t", Record{Value: []byte("3")}, nil); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("%v, want ErrUnknownTopic", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"0"}, {"1"}, {"2"}}
	byKey := Partition([]byte("k"), 3)
	want[byKey] = append(want[byKey], "/")
	for i := range want {
		got := readAll(t, b, TopicPartition{"t", int32(i)})
		slices.Sort(got)
		slices.Sort(want[i])
		if !slices.Equal(got, want[i]) {
			t.Errorf("partition %d has %v, want %v", i, got, want[i])
		}
	}
}

// TestIdempotentProducersLeaveNoHole numbers records by many goroutines, on a
// disk that is full now and then, and has the rules for clients check what came
// of it.
func TestIdempotentProducersLeaveNoHole(t *testing.T) {
	var full sync.Map
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if _, is := full.Load("full"); is && op.Kind == vfs.OpWrite {
			return syscall.ENOSPC
		}
		return nil
	})
	b := open(t, fsys, Config{})
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	p, err := b.NewProducerWith(ProducerConfig{Idempotent: true, BatchBytes: 300})
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.NewProducerWith(ProducerConfig{Idempotent: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.identity.ID == other.identity.ID {
		t.Fatal("two producers have one id")
	}
	acked, refused := 0, 0
	var mu sync.Mutex
	count := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			acked++
		case errors.Is(err, ErrNoSpace):
			refused++
		default:
			t.Error(err)
		}
	}
	for round := range 20 {
		if round%3 == 1 {
			full.Store("full", true)
		} else {
			full.Delete("full")
		}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 10 {
					r := Record{Key: fmt.Append(nil, i), Value: []byte(value(i)[:100])}
					if g%2 == 0 {
						count(p.Produce(context.Background(), "t", r))
					} else if err := p.ProduceAsync(context.Background(), "t", r, func(r ProduceResult) { count(r.Err) }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	full.Delete("full")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if acked == 0 || refused == 0 {
		t.Fatalf("%d acknowledged and %d refused: this shows nothing", acked, refused)
	}
	stored := 0
	for i := range int32(2) {
		next := int32(0)
		for _, h := range headersOf(t, b, TopicPartition{"t", i}) {
			if h.ProducerID != p.identity.ID || h.ProducerEpoch != p.identity.Epoch || h.BaseSequence != next {
				t.Fatalf("partition %d: batch of producer %d, epoch %d, sequence %d; want %+v, sequence %d", i, h.ProducerID, h.ProducerEpoch, h.BaseSequence, p.identity, next)
			}
			next += h.Count
		}
		stored += int(next)
	}
	if stored != acked {
		t.Fatalf("%d records are stored, %d acknowledged", stored, acked)
	}
}

func TestSequencesGoRound(t *testing.T) {
	if got := nextSequence(math.MaxInt32, 1); got != 0 {
		t.Fatal(got)
	}
	if got := nextSequence(-1, 1); got != 0 {
		t.Fatal(got)
	}
}

func TestProducerConfigReportsAllFaults(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	_, err := b.NewProducerWith(ProducerConfig{Linger: -1, BatchBytes: 2 << 20, BufferBytes: -1, Compression: "brotli"})
	want := `producer config: Linger is -1ns, want 0 or more
Compression is "brotli", want none, gzip, snappy, lz4 or zstd
BatchBytes is 2097152, want 1 to 1048576
BufferBytes is -1, want 1 to 1099511627776`
	if err == nil || err.Error() != want {
		t.Fatalf("%v, want %s", err, want)
	}
}
