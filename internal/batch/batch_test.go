package batch

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestFinishOfNothing(t *testing.T) {
	var b Builder
	if got := b.Finish(); got != nil {
		t.Errorf("got %x, want nil", got)
	}
}

// TestFinishGivesTheBufferUp shows that a Builder never writes again into a
// batch that it returned.
func TestFinishGivesTheBufferUp(t *testing.T) {
	var b Builder
	b.Reset(1 << 10)
	b.Append(1, nil, []byte("first"), nil)
	first := b.Finish()
	kept := bytes.Clone(first)
	b.Append(2, nil, []byte("other"), nil)
	if second := b.Finish(); !bytes.Equal(kept, first) || bytes.Equal(first, second) {
		t.Errorf("the first batch was %x and is %x", kept, first)
	}
}

// TestTimestamps shows which timestamps a batch claims: the first record's and
// the highest.
func TestTimestamps(t *testing.T) {
	var b Builder
	for _, ms := range []int64{500, 900, -1, 700} {
		b.Append(ms, nil, nil, nil)
	}
	h, err := ParseHeader(b.Finish())
	if err != nil || h.BaseTimestampMillis != 500 || h.MaxTimestampMillis != 900 {
		t.Errorf("got %+v, %v, want base 500, max 900", h, err)
	}
}

func TestLogAppendTimeGivesAllTheMaxTimestamp(t *testing.T) {
	b := encodeKmsg([]testRecord{{Millis: 1}, {Millis: 9}}, func(kb *kmsg.RecordBatch) { kb.Attributes = LogAppendTime })
	got, err := readAll(b)
	if err != nil || len(got) != 2 || got[0].TimestampMillis != 9 || got[1].TimestampMillis != 9 {
		t.Errorf("got %+v, %v, want both at 9", got, err)
	}
}

// TestCompactedBatch shows a batch whose last record was compacted away, and one
// of which nothing is left: they keep their last offset.
func TestCompactedBatch(t *testing.T) {
	b := encodeKmsg([]testRecord{{Millis: 1}, {Millis: 9}}, func(kb *kmsg.RecordBatch) { kb.LastOffsetDelta = 41 })
	Stamp(b, 100, 3)
	h, err := ParseHeader(b)
	if err != nil || h.LastOffset() != 141 || h.LeaderEpoch != 3 {
		t.Errorf("got %+v, %v, want last offset 141 of epoch 3", h, err)
	}
	if got, err := readAll(b); err != nil || len(got) != 2 || got[1].Offset != 101 {
		t.Errorf("got %+v, %v, want offsets 100 and 101", got, err)
	}
	b = encodeKmsg([]testRecord{{Millis: 1}}, func(kb *kmsg.RecordBatch) {
		kb.Records, kb.NumRecords, kb.Length = nil, 0, HeaderBytes-prefixBytes
	})
	if got, err := readAll(b); err != nil || got != nil {
		t.Errorf("got %+v, %v, want nothing", got, err)
	}
}

func TestCompressedBatchIsNamed(t *testing.T) {
	for codec, name := range map[Codec]string{Gzip: "gzip", Snappy: "snappy", LZ4: "lz4", Zstd: "zstd", 7: "codec 7"} {
		b := encodeKmsg([]testRecord{{Millis: 1}}, func(kb *kmsg.RecordBatch) { kb.Attributes = int16(codec) })
		if err := Verify(b); err != nil {
			t.Errorf("%v: %v, want it to verify", codec, err)
		}
		_, err := readAll(b)
		if !errors.Is(err, ErrCompressed) || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %v with %q", err, ErrCompressed, name)
		}
	}
}

// TestViewsDoNotOverlap shows that appending to a view of a record cannot write
// over what is behind it.
func TestViewsDoNotOverlap(t *testing.T) {
	b := smallBatch()
	want := bytes.Clone(b)
	records, err := readAll(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		for _, view := range [][]byte{r.Key, r.Value, r.RawHeaders} {
			_ = append(view, "overwritten"...)
		}
	}
	if !bytes.Equal(want, b) {
		t.Errorf("the batch was\n%x\nand is\n%x", want, b)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	b := smallBatch()
	var r Reader
	var rec Record
	headers := func(_, _ []byte) error { return nil }
	got := testing.AllocsPerRun(100, func() {
		if err := errors.Join(Verify(b), r.Reset(b)); err != nil {
			t.Fatal(err)
		}
		for r.Next(&rec) {
			if err := ParseHeaders(rec.RawHeaders, rec.HeaderCount, headers); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// TestBuildingAllocatesTheBatchOnly shows one allocation a batch and none a
// record, if the capacity was right.
func TestBuildingAllocatesTheBatchOnly(t *testing.T) {
	const records, capacity = 100, 1 << 14
	key, value := []byte("key"), make([]byte, 100)
	headers := []RecordHeader{{"trace", []byte("1")}}
	var b Builder
	b.Reset(capacity)
	got := testing.AllocsPerRun(100, func() {
		for range records {
			b.Append(1, key, value, headers)
		}
		if len(b.Finish()) > capacity {
			t.Fatal("the capacity is too small for this test")
		}
	})
	if got != 1 {
		t.Errorf("%v allocations, want 1", got)
	}
}
