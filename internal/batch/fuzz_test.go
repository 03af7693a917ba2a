package batch

import (
	"bytes"
	"testing"
)

func seed(f *testing.F) {
	for _, k := range kafkaBatches {
		f.Add([]byte(k.bytes))
	}
	f.Add(smallBatch())
	var b Builder
	benchBatch(&b, []byte("k"), nil)
	for range 3 {
		b.Append(-1, nil, bytes.Repeat([]byte{'v'}, 9000), []RecordHeader{{"", nil}})
	}
	f.Add(b.Finish())
}

// FuzzReader reads bytes under a right checksum. What is read, written again
// and read again must be the same, and the second writing the same bytes.
func FuzzReader(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < HeaderBytes {
			return
		}
		fixCRC(b)
		first, ok := rewrite(t, b)
		if !ok {
			return
		}
		if err := Verify(first); err != nil {
			t.Fatalf("%v of\n%x\nmade from\n%x", err, first, b)
		}
		second, ok := rewrite(t, first)
		if !ok || !bytes.Equal(first, second) {
			t.Fatalf("%x\nbecame\n%x\nfrom\n%x", first, second, b)
		}
	})
}

// rewrite reads b and builds a batch of what it holds; false if b is refused or
// holds nothing.
func rewrite(t *testing.T, b []byte) ([]byte, bool) {
	records, err := readAll(b)
	if err != nil || len(records) == 0 {
		return nil, false
	}
	var bld Builder
	for _, r := range records {
		if len(r.Key)+len(r.Value)+len(r.RawHeaders) > len(b) {
			t.Fatalf("a record of %d bytes in a batch of %d", len(r.Key)+len(r.Value)+len(r.RawHeaders), len(b))
		}
		var headers []RecordHeader
		err := ParseHeaders(r.RawHeaders, r.HeaderCount, func(key, value []byte) error {
			headers = append(headers, RecordHeader{string(key), value})
			return nil
		})
		if err != nil {
			return nil, false
		}
		bld.Append(r.TimestampMillis, r.Key, r.Value, headers)
	}
	return bld.Finish(), true
}

// FuzzParseHeader shows that a header that was accepted keeps its promises.
func FuzzParseHeader(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		if h.SizeBytes() < HeaderBytes || h.Count < 0 || h.BaseOffset < 0 || h.LastOffset() < h.BaseOffset || h.LastOffset()+1 < 0 {
			t.Fatalf("accepted %+v", h)
		}
		if len(b) != h.SizeBytes() && Verify(b) == nil {
			t.Fatalf("%d bytes pass for %d", len(b), h.SizeBytes())
		}
	})
}
