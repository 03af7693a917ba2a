package batch

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestSettersMatchKmsg shows that what a Builder is told of a producer is where
// franz-go reads it, and that stamping a finished batch comes to the same.
func TestSettersMatchKmsg(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := genRecords.Draw(t, "records")
		id, epoch, sequence := rapid.Int64().Draw(t, "id"), rapid.Int16().Draw(t, "epoch"), rapid.Int32().Draw(t, "sequence")
		transactional, control := rapid.Bool().Draw(t, "transactional"), rapid.Bool().Draw(t, "control")
		appendTime, millis := rapid.Bool().Draw(t, "append time"), rapid.Int64().Draw(t, "millis")
		want := encodeKmsg(records, func(kb *kmsg.RecordBatch) {
			kb.ProducerID, kb.ProducerEpoch, kb.FirstSequence = id, epoch, sequence
			if transactional {
				kb.Attributes |= 1 << 4
			}
			if control {
				kb.Attributes |= 1 << 5
			}
			if appendTime {
				kb.Attributes |= 1 << 3
				kb.MaxTimestamp = millis
			}
		})
		Stamp(want, 0, -1)

		var set, plain Builder
		for i, r := range records {
			if i == len(records)/2 { // at any time
				set.SetProducer(id, epoch, sequence)
				set.SetTransactional(!transactional)
				set.SetTransactional(transactional)
				set.SetControl(control)
				if appendTime {
					set.SetLogAppendTime(millis)
				}
			}
			set.Append(r.Millis, r.Key, r.Value, r.Headers)
			plain.Append(r.Millis, r.Key, r.Value, r.Headers)
		}
		plain.SetControl(control)
		if got := set.Finish(); !bytes.Equal(want, got) {
			t.Fatalf("setters: want\n%x\ngot\n%x", want, got)
		}
		got := plain.Finish()
		StampProducer(got, 1, 2, 3, !transactional)
		StampProducer(got, id, epoch, sequence, transactional)
		if appendTime {
			StampLogAppendTime(got, millis)
		}
		if !bytes.Equal(want, got) {
			t.Fatalf("stamps: want\n%x\ngot\n%x", want, got)
		}
	})
}

// TestSettersAreForOneBatch shows that the next batch of a Builder has no
// producer again.
func TestSettersAreForOneBatch(t *testing.T) {
	var b Builder
	for _, forget := range []func(){func() { b.Finish() }, func() { b.Reset(0) }, func() { b.ResetBuffer(nil) }} {
		b.SetProducer(7, 1, 5)
		b.SetTransactional(true)
		b.SetLogAppendTime(99)
		b.Append(1, nil, nil, nil)
		forget()
		b.Append(1, nil, nil, nil)
		h, err := ParseHeader(b.Finish())
		if err != nil || h.ProducerID != -1 || h.ProducerEpoch != -1 || h.BaseSequence != -1 || h.Attributes != 0 || h.MaxTimestampMillis != 1 {
			t.Errorf("got %+v, %v, want no producer and no attributes", h, err)
		}
	}
}

// TestStampsKeepCompressedBatchesSound stamps what it cannot look into.
func TestStampsKeepCompressedBatchesSound(t *testing.T) {
	plain := smallBatch()
	b, err := Compress(nil, plain, Zstd)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [][]byte{plain, b} {
		Stamp(x, 1000, 4)
		StampProducer(x, 7, 1, 5, true)
		StampMaxTimestamp(x, 11)
		StampLogAppendTime(x, 12)
		SetLastOffsetDelta(x, 41)
	}
	if err := Verify(b); err != nil {
		t.Fatal(err)
	}
	h, err := ParseHeader(b)
	if err != nil || h.LastOffset() != 1041 || h.MaxTimestampMillis != 12 || h.Codec() != Zstd {
		t.Errorf("got %+v, %v", h, err)
	}
	if got, err := Decompress(nil, b, plenty); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%v, (-want +got):\n%s", err, cmp.Diff(plain, got))
	}
}
