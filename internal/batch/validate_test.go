package batch

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestValidate shows what is said of batches that any producer may send, and
// that it is the same whatever they are compressed with.
func TestValidate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := genRecords.Draw(t, "records")
		b := encodeKmsg(records, nil)
		want := Contents{Batch: b, MinTimestampMillis: records[0].Millis, MaxTimestampMillis: records[0].Millis, NullKey: -1}
		for i := len(records) - 1; i >= 0; i-- {
			want.MinTimestampMillis = min(want.MinTimestampMillis, records[i].Millis)
			want.MaxTimestampMillis = max(want.MaxTimestampMillis, records[i].Millis)
			if records[i].Key == nil {
				want.NullKey = i
			}
		}
		sent, err := Compress(nil, b, Codec(rapid.IntRange(0, 4).Draw(t, "codec")))
		if err != nil {
			t.Fatal(err)
		}
		h, got, err := Validate(sent, len(b), nil)
		if err != nil || int(h.Count) != len(records) || h.SizeBytes() != len(sent) {
			t.Fatalf("got %+v, %v", h, err)
		}
		if got.MinTimestampMillis != want.MinTimestampMillis || got.MaxTimestampMillis != want.MaxTimestampMillis ||
			got.NullKey != want.NullKey || !bytes.Equal(got.Batch, want.Batch) {
			t.Fatalf("got\n%+v, want\n%+v", got, want)
		}
	})
}

// TestValidateRefuses changes one thing in a batch of three records of 7 bytes,
// under a right checksum, plain and compressed.
func TestValidateRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		want   error
		says   string
		change func(*kmsg.RecordBatch)
	}{
		{"nothing", nil, "", func(*kmsg.RecordBatch) {}},
		{"max timestamp missing", nil, "", func(kb *kmsg.RecordBatch) { kb.MaxTimestamp = -1 }},
		{"producer", nil, "", func(kb *kmsg.RecordBatch) { kb.ProducerID, kb.ProducerEpoch, kb.FirstSequence = 0, 0, 0 }},
		{"control", ErrInvalid, "control batch", func(kb *kmsg.RecordBatch) { kb.Attributes |= Control }},
		{"log append time", ErrInvalid, "append time", func(kb *kmsg.RecordBatch) { kb.Attributes |= LogAppendTime }},
		{"delete horizon", ErrInvalid, "horizon", func(kb *kmsg.RecordBatch) { kb.Attributes |= DeleteHorizon }},
		{"transaction of nobody", ErrInvalid, "without a producer", func(kb *kmsg.RecordBatch) { kb.Attributes |= Transactional }},
		{"no sequence", ErrInvalid, "sequence -1", func(kb *kmsg.RecordBatch) { kb.ProducerID, kb.ProducerEpoch = 0, 0 }},
		{"no producer epoch", ErrInvalid, "epoch -1", func(kb *kmsg.RecordBatch) { kb.ProducerID, kb.FirstSequence = 0, 0 }},
		{"last delta too high", ErrInvalid, "last offset delta 3", func(kb *kmsg.RecordBatch) { kb.LastOffsetDelta = 3 }},
		{"one record fewer", ErrCorrupt, "after the last record", func(kb *kmsg.RecordBatch) { kb.NumRecords, kb.LastOffsetDelta = 2, 1 }},
		{"one record more", ErrCorrupt, "does not fit", func(kb *kmsg.RecordBatch) { kb.NumRecords, kb.LastOffsetDelta = 4, 3 }},
		{"bytes behind", ErrCorrupt, "after the last record", func(kb *kmsg.RecordBatch) { kb.Records = append(kb.Records, 0) }},
		{"no records", ErrInvalid, "count 0", func(kb *kmsg.RecordBatch) { kb.Records, kb.NumRecords, kb.LastOffsetDelta = nil, 0, 0 }},
		{"a gap", ErrCorrupt, "its offset", func(kb *kmsg.RecordBatch) { kb.Records[17] = 3 << 1 }},
		{"the same offset twice", ErrCorrupt, "its offset", func(kb *kmsg.RecordBatch) { kb.Records[10] = 0 }},
		{"begins at 1", ErrInvalid, "record 0 has offset delta 1", func(kb *kmsg.RecordBatch) { kb.Records[3] = 1 << 1 }},
		{"header", ErrCorrupt, "header 0 of 1", func(kb *kmsg.RecordBatch) {
			kb.Records = []byte("\x10\x00\x00\x00\x01\x01\x02\x01\x00")
			kb.NumRecords, kb.LastOffsetDelta = 1, 0
		}},
	} {
		for c := None; c <= Zstd; c++ {
			t.Run(test.name+" "+c.String(), func(t *testing.T) {
				plain := encodeKmsg(make([]testRecord, 3), func(kb *kmsg.RecordBatch) {
					test.change(kb)
					kb.Length = int32(HeaderBytes - prefixBytes + len(kb.Records))
				})
				b := plain
				if c != None {
					b = franzCompress(t, plain, c)
				}
				_, got, err := Validate(b, plenty, nil)
				if test.want == nil && (err != nil || !bytes.Equal(got.Batch, plain)) {
					t.Fatalf("got %v and %x, want %x", err, got.Batch, plain)
				}
				if test.want != nil && (!errors.Is(err, test.want) || got.Batch != nil) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				if test.want != nil && !strings.Contains(err.Error(), test.says) {
					t.Fatalf("got %v, want it to say %q", err, test.says)
				}
			})
		}
	}
}
