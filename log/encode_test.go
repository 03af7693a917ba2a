package log

import (
	"fmt"
	"testing"

	"github.com/freshet/freshet/internal/batch"
)

// testRecord is a record of a batch that a test encodes itself.
type testRecord struct {
	millis     int64
	key, value string
}

// encode makes a batch as a client would.
func encode(t testing.TB, codec batch.Codec, rs ...testRecord) []byte {
	t.Helper()
	var bb batch.Builder
	for _, r := range rs {
		bb.Append(r.millis, []byte(r.key), []byte(r.value), nil)
	}
	b := bb.Finish()
	if codec == batch.None {
		return b
	}
	out, err := batch.Compress(nil, b, codec)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func appendBatch(t testing.TB, b *Broker, tp TopicPartition, bytes []byte) Offset {
	t.Helper()
	results, err := b.AppendBatches([]AppendBatch{{tp, bytes}}, AppendOptions{})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Base
}

// appendProduced appends what the coordinator of transactions would have let
// in: a transactional batch of a producer, or the marker that ends what it
// wrote.
func appendProduced(t testing.TB, b *Broker, tp TopicPartition, bytes []byte) {
	t.Helper()
	p, err := b.partition(tp)
	if err != nil {
		t.Fatal(err)
	}
	h, err := batch.ParseHeader(bytes)
	if err != nil {
		t.Fatal(err)
	}
	c := b.newCommit()
	c.batches = []commitBatch{{p: p, bytes: bytes, count: Offset(h.LastOffsetDelta) + 1, header: &h}}
	if _, err := b.Commit(c); err != nil {
		t.Fatal(err)
	}
}

func marker(commit bool, producer int64) []byte {
	return batch.AppendMarker(nil, batch.Marker{Commit: commit}, producer, 0, 1)
}

// drain fetches until nothing is there.
func drain(t testing.TB, c *Consumer, maxBytes int) (values []string) {
	t.Helper()
	for {
		fetches, err := c.Fetch(maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			return values
		}
		for i := range fetches {
			f := &fetches[i]
			var r Record
			for f.Records.Next(&r) {
				values = append(values, fmt.Sprintf("%d:%s", r.Offset, r.Value))
			}
			if err := f.Records.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// restart closes a broker, so that all is in segments, and opens its log again.
func restart(t testing.TB, b *Broker) *Broker {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, b.fsys, b.cfg)
}

func consume(t testing.TB, b *Broker, tp TopicPartition, from Offset) *Consumer {
	t.Helper()
	c := b.NewConsumer()
	t.Cleanup(c.Close)
	if err := c.Assign(tp, from); err != nil {
		t.Fatal(err)
	}
	return c
}
