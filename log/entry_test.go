package log

import (
	"bytes"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// someEntries has one of each type that is written.
func someEntries() []entry {
	id := uuid.UUID{1, 2, 3}
	at := partitionID{id, 2}
	cfg := defaultTopicConfig()
	cfg.Partitions, cfg.CleanupPolicy, cfg.MaxMessageBytes = 3, CleanupCompact, 1000
	return []entry{
		topicEntry{id, "orders", cfg},
		batchEntry{at, []byte("batch")},
		offsetEntry{"group", at, CommittedOffset{Offset: 42, LeaderEpoch: 3, TimestampMillis: 7, Metadata: "clock"}},
		offsetGoneEntry{"group", at},
		logStartEntry{at, 77},
		topicDeletedEntry{id},
		doomedEntry{at, 1000, 3},
		swapEntry{at: at, first: 0, end: 9, segments: []segment.Meta{{End: 9, Generation: 1}}, cleaned: 9},
		groupEntry{"group", 7, "consumer"},
		groupGoneEntry{"group"},
		producerIDEntry{1000},
		txnEntry{coord.Transaction{ID: "txn", ProducerID: 5, Epoch: 2, LastProducerID: -1, LastEpoch: -1, State: coord.TxnOngoing, Timeout: time.Minute,
			Partitions: []coord.Partition{{Topic: "orders", Index: 1}}, Groups: []string{"group"}, Started: time.UnixMilli(5), Updated: time.UnixMilli(6)}},
		txnGoneEntry{"txn"},
		txnOffsetEntry{5, offsetEntry{"group", at, CommittedOffset{Offset: 42, Metadata: "m"}}},
		producersEntry{at, []coord.Producer{{ID: 5, Epoch: 1, TxnFirstOffset: -1, Kept: 1, Batches: [5]coord.SequenceRange{{LastSequence: 3, Count: 4, LastOffset: 9}}}}},
		abortedEntry{at, []AbortedTxn{{5, 1, 9, 10}}},
		partitionEntry{
			at: at, start: 3, end: 9, cleaned: 4, epochs: []epochStart{{1, 0}, {4, 7}},
			segments: []segment.Meta{{First: 2, End: 9, SizeBytes: 300, Generation: 1, MaxTimestampMillis: 5, Sums: segment.Sums{OffsetEntries: 1, OffsetCRC: 2, TimeEntries: 3, TimeCRC: 4}}},
		},
	}
}

func encodeEntries(es []entry) (b []byte) {
	for _, e := range es {
		b = e.appendTo(b)
	}
	return b
}

// reencode decodes entries and encodes them again.
func reencode(b []byte) (out []byte, err error) {
	err = applyEntries(b, func(e entry) error {
		out = e.appendTo(out)
		return nil
	})
	return out, err
}

func TestEntriesSurviveDecoding(t *testing.T) {
	want := encodeEntries(someEntries())
	got, err := reencode(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n%x, want\n%x", got, want)
	}
	for cut := range len(want) {
		if got, err := reencode(want[:cut]); err == nil && !bytes.Equal(got, want[:cut]) {
			t.Fatalf("cut at %d went unnoticed", cut)
		}
	}
}

// FuzzEntries: whatever is accepted means the same when it is written again
// and read again.
func FuzzEntries(f *testing.F) {
	for _, e := range someEntries() {
		f.Add(e.appendTo(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := reencode(b)
		if err != nil {
			return
		}
		twice, err := reencode(once)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("%x, then %x", once, twice)
		}
	})
}
