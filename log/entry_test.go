package log

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
)

// A reencoder appends what it is given in the form that it was read from.
type reencoder struct{ out []byte }

func (r *reencoder) applyTopic(id uuid.UUID, name string, cfg TopicConfig) error {
	r.out = appendTopicEntry(r.out, id, name, cfg)
	return nil
}

func (r *reencoder) applyBatch(id uuid.UUID, partition int32, batch []byte) error {
	r.out = append(appendBatchHeader(r.out, id, partition, len(batch)), batch...)
	return nil
}

func (r *reencoder) applyOffset(group string, id uuid.UUID, partition int32, o CommittedOffset) error {
	r.out = appendOffsetEntry(r.out, group, id, partition, o)
	return nil
}

func (r *reencoder) applyPartition(p partitionEntry) error {
	r.out = appendPartitionEntry(r.out, p)
	return nil
}

func someEntries() []byte {
	id := uuid.UUID{1, 2, 3}
	b := appendTopicEntry(nil, id, "orders", TopicConfig{Partitions: 3, CleanupPolicy: CleanupCompact, MaxMessageBytes: 1000})
	b = append(appendBatchHeader(b, id, 2, 5), "batch"...)
	b = appendOffsetEntry(b, "group", id, 1, CommittedOffset{Offset: 42, Metadata: "clock"})
	return appendPartitionEntry(b, partitionEntry{
		topic: id, partition: 1, start: 3, end: 9, epochs: []epochStart{{1, 0}, {4, 7}}, segments: []segmentEntry{{0, 9, 300}},
	})
}

func TestEntriesSurviveDecoding(t *testing.T) {
	want := someEntries()
	var r reencoder
	if err := applyEntries(want, &r); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.out, want) {
		t.Fatalf("got\n%x, want\n%x", r.out, want)
	}
	for cut := range len(want) {
		r.out = nil
		if err := applyEntries(want[:cut], &r); err == nil && !bytes.Equal(r.out, want[:cut]) {
			t.Fatalf("cut at %d went unnoticed", cut)
		}
	}
}

// FuzzEntries: whatever is accepted means the same when it is written again
// and read again.
func FuzzEntries(f *testing.F) {
	f.Add(someEntries())
	f.Fuzz(func(t *testing.T, b []byte) {
		var once, twice reencoder
		if applyEntries(b, &once) != nil {
			return
		}
		if err := applyEntries(once.out, &twice); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once.out, twice.out) {
			t.Fatalf("%x, then %x", once.out, twice.out)
		}
	})
}
