package log

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

func TestBuffersGiveRoomAndNotMuchMore(t *testing.T) {
	b := &buffers{limit: 1 << 20}
	for range 10_000 {
		if rand.IntN(2) == 0 {
			b.put(make([]byte, rand.IntN(1<<16)))
			continue
		}
		size := 1 + rand.IntN(1<<16)
		if buf := b.get(size); buf != nil && (cap(buf) < size || cap(buf) >= 2*size || len(buf) != 0) {
			t.Fatalf("asked for %d bytes, got %d of %d", size, len(buf), cap(buf))
		}
		if b.mu.bytes < 0 || b.mu.bytes > b.limit {
			t.Fatalf("%d bytes kept, at most %d", b.mu.bytes, b.limit)
		}
	}
}

// TestSeenMemoryIsNotReused keeps records that a consumer returned while batches
// of the same size come and go: what was seen stays what it was.
func TestSeenMemoryIsNotReused(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{stepped: true, TailBytes: 16 << 10, SegmentBytes: 64 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	c := b.NewConsumer()
	defer c.Close()
	if err := c.Assign(TopicPartition{"t", 0}, 0); err != nil {
		t.Fatal(err)
	}
	p := b.NewProducer()
	reused := 0
	kept := map[int][]byte{} // by number of the record
	for i := range 2000 {
		before := b.buffers.mu.bytes
		if err := p.Produce(t.Context(), "t", Record{Value: []byte(value(i))}); err != nil {
			t.Fatal(err)
		}
		if b.buffers.mu.bytes < before {
			reused++
		}
		if i/100%2 == 0 { // and for a hundred records nobody looks
			continue
		}
		fetches, err := c.Fetch(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fetches {
			var r Record
			for f.Records.Next(&r) {
				kept[int(r.Offset)] = r.Value
			}
		}
	}
	if len(kept) < 1500 || reused < 100 {
		t.Fatalf("kept %d records, reused %d buffers: this shows nothing", len(kept), reused)
	}
	for i, got := range kept {
		if string(got) != value(i) {
			t.Fatalf("record %d became %.20q", i, got)
		}
	}
}

func value(i int) string { return strings.Repeat(fmt.Sprintf("%07d ", i), 150) }
