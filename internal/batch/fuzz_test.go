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

// seedCodecs adds each seed with each codec.
func seedCodecs(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		for _, b := range [][]byte{[]byte(kafkaBatches[1].bytes), smallBatch(), wordsBatch(40)} {
			small, err := Compress(nil, b, c)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(small)
		}
	}
}

// FuzzDecompress decompresses bytes under a right checksum and a right length.
// What comes out is within its bound and the same after a round trip through
// every codec.
func FuzzDecompress(f *testing.F) {
	seedCodecs(f)
	const limit = 1 << 18
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < HeaderBytes {
			return
		}
		put32(b[lengthPos:], int32(len(b)-prefixBytes))
		fixCRC(b)
		plain, err := Decompress(nil, b, limit)
		if len(plain) > limit || cap(plain) > limit {
			t.Fatalf("%d bytes with room for %d, want at most %d", len(plain), cap(plain), limit)
		}
		if err != nil {
			if len(plain) != 0 {
				t.Fatalf("%v and %d bytes", err, len(plain))
			}
			return
		}
		if err := Verify(plain); err != nil {
			t.Fatal(err)
		}
		for c := None; c <= Zstd; c++ {
			small, err := Compress(nil, plain, c)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Decompress(nil, small, len(plain))
			if err != nil || !bytes.Equal(plain, again) {
				t.Fatalf("%v: %v, %x became %x", c, err, plain, again)
			}
		}
	})
}

// FuzzValidate shows that what was let through is read to its end, and passes
// again in every codec with the same contents.
func FuzzValidate(f *testing.F) {
	seedCodecs(f)
	const limit = 1 << 18
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < HeaderBytes {
			return
		}
		put32(b[lengthPos:], int32(len(b)-prefixBytes))
		fixCRC(b)
		h, contents, err := Validate(b, limit, nil)
		if err != nil {
			return
		}
		records, err := readAll(contents.Batch)
		if err != nil || len(records) != int(h.Count) || h.Count == 0 || records[len(records)-1].Offset != h.LastOffset() {
			t.Fatalf("%v, %d records, header %+v", err, len(records), h)
		}
		for c := None; c <= Zstd; c++ {
			small, err := Compress(nil, contents.Batch, c)
			if err != nil {
				t.Fatal(err)
			}
			_, again, err := Validate(small, len(contents.Batch), nil)
			if err != nil || again.NullKey != contents.NullKey || again.MinTimestampMillis != contents.MinTimestampMillis ||
				again.MaxTimestampMillis != contents.MaxTimestampMillis || !bytes.Equal(again.Batch, contents.Batch) {
				t.Fatalf("%v: %v, %+v became %+v", c, err, contents, again)
			}
		}
	})
}

// FuzzFilter drops records by the bits of a number and compares with the
// records that were there. A second pass that keeps all changes nothing.
func FuzzFilter(f *testing.F) {
	for _, b := range [][]byte{[]byte(kafkaBatches[1].bytes), smallBatch(), wordsBatch(40)} {
		f.Add(b, uint64(0x5555), NoHorizon)
		f.Add(b, ^uint64(0), int64(1_800_000_000_000))
		f.Add(b, uint64(0), int64(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, bits uint64, horizon int64) {
		if len(b) < HeaderBytes {
			return
		}
		put32(b[lengthPos:], int32(len(b)-prefixBytes))
		fixCRC(b)
		all, wrong := readAll(b)
		var want []Record
		n := 0
		got, count, err := Filter(nil, b, horizon, func(*Record) bool {
			keep := bits>>(n%64)&1 != 0
			if n++; keep {
				want = append(want, all[n-1])
			}
			return keep
		})
		if (err != nil) != (wrong != nil) {
			t.Fatalf("%v, want %v", err, wrong)
		}
		if err != nil {
			return
		}
		left, err := readAll(got)
		if err != nil || Verify(got) != nil || count != len(want) || len(left) != len(want) {
			t.Fatalf("%v, %d and %d records, want %d", err, count, len(left), len(want))
		}
		for i := range want {
			if !sameRecord(&left[i], &want[i]) {
				t.Fatalf("record %d: %+v, want %+v", i, left[i], want[i])
			}
		}
		again, _, err := Filter(nil, got, horizon, func(*Record) bool { return true })
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%v, %x became %x", err, got, again)
		}
	})
}

func sameRecord(a, b *Record) bool {
	return a.Offset == b.Offset && a.TimestampMillis == b.TimestampMillis && a.HeaderCount == b.HeaderCount &&
		bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) && bytes.Equal(a.RawHeaders, b.RawHeaders) &&
		(a.Key == nil) == (b.Key == nil) && (a.Value == nil) == (b.Value == nil)
}
