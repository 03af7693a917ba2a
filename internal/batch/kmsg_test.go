package batch

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// A testRecord is a record before it is encoded by either side.
type testRecord struct {
	Millis     int64
	Key, Value []byte
	Headers    []RecordHeader
}

// genBytes draws null, empty, short, and what takes lengths of two and three
// bytes.
var genBytes = rapid.Custom(func(t *rapid.T) []byte {
	n := rapid.SampledFrom([]int{-1, 0, 1, 9, 63, 64, 200, 8191, 8192}).Draw(t, "length")
	if n < 0 {
		return nil
	}
	return bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, n)
})

var genMillis = rapid.OneOf(
	rapid.Int64Range(1_700_000_000_000, 1_700_000_100_000),
	rapid.Int64(),
)

var genRecord = rapid.Custom(func(t *rapid.T) testRecord {
	return testRecord{
		Millis: genMillis.Draw(t, "millis"),
		Key:    genBytes.Draw(t, "key"),
		Value:  genBytes.Draw(t, "value"),
		Headers: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) RecordHeader {
			return RecordHeader{string(genBytes.Draw(t, "key")), genBytes.Draw(t, "value")}
		}), 0, 3).Draw(t, "headers"),
	}
})

var genRecords = rapid.SliceOfN(genRecord, 1, 70)

// encodeKmsg encodes records by franz-go; the checksum, which it leaves to its
// caller, is made right by fixCRC.
func encodeKmsg(records []testRecord, change func(*kmsg.RecordBatch)) []byte {
	var body []byte
	maxMillis := records[0].Millis
	for i, r := range records {
		k := kmsg.NewRecord()
		k.TimestampDelta64 = r.Millis - records[0].Millis
		k.OffsetDelta = int32(i)
		k.Key, k.Value = r.Key, r.Value
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		// The length is everything behind itself: 0 takes one byte.
		k.Length = int32(len(k.AppendTo(nil)) - 1)
		body = k.AppendTo(body)
		maxMillis = max(maxMillis, r.Millis)
	}
	kb := kmsg.NewRecordBatch()
	kb.Length = int32(HeaderBytes - prefixBytes + len(body))
	kb.PartitionLeaderEpoch = -1
	kb.Magic = magic
	kb.LastOffsetDelta = int32(len(records) - 1)
	kb.FirstTimestamp, kb.MaxTimestamp = records[0].Millis, maxMillis
	kb.ProducerID, kb.ProducerEpoch, kb.FirstSequence = -1, -1, -1
	kb.NumRecords = int32(len(records))
	kb.Records = body
	if change != nil {
		change(&kb)
	}
	return fixCRC(kb.AppendTo(nil))
}

// TestBuilderMatchesKmsg shows that Builder and franz-go encode alike, and that
// what RecordSizeBytes promises holds.
func TestBuilderMatchesKmsg(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := genRecords.Draw(t, "records")
		var b, raw Builder
		b.Reset(rapid.IntRange(0, 1<<16).Draw(t, "capacity"))
		for _, r := range records {
			before := max(b.SizeBytes(), HeaderBytes)
			b.Append(r.Millis, r.Key, r.Value, r.Headers)
			if grown, bound := b.SizeBytes()-before, RecordSizeBytes(r.Key, r.Value, r.Headers); grown > bound {
				t.Fatalf("the record took %d bytes, want at most %d", grown, bound)
			}
			raw.AppendRaw(r.Millis, r.Key, r.Value, len(r.Headers), AppendHeaders(nil, r.Headers))
		}
		size, count := b.SizeBytes(), b.Count()
		got := b.Finish()
		if size != len(got) || count != len(records) || b.SizeBytes() != 0 || b.Count() != 0 {
			t.Fatalf("said %d bytes and %d records of %d and %d, and is left with %d and %d",
				size, count, len(got), len(records), b.SizeBytes(), b.Count())
		}
		if want := encodeKmsg(records, nil); !bytes.Equal(want, got) {
			t.Fatalf("want\n%x\ngot\n%x", want, got)
		}
		if raw := raw.Finish(); !bytes.Equal(got, raw) {
			t.Fatalf("AppendRaw: want\n%x\ngot\n%x", got, raw)
		}
	})
}

// TestReaderMatchesKmsg shows that what franz-go encodes is read as it was
// meant, at any base offset.
func TestReaderMatchesKmsg(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genRecords.Draw(t, "records")
		base := rapid.Int64Range(0, 1<<62).Draw(t, "base offset")
		b := encodeKmsg(want, nil)
		Stamp(b, base, 7)
		if err := Verify(b); err != nil {
			t.Fatal(err)
		}
		records, err := readAll(b)
		if err != nil {
			t.Fatal(err)
		}
		var got []testRecord
		for i, r := range records {
			if r.Offset != base+int64(i) {
				t.Fatalf("record %d has offset %d, want %d", i, r.Offset, base+int64(i))
			}
			g := testRecord{Millis: r.TimestampMillis, Key: r.Key, Value: r.Value, Headers: []RecordHeader{}}
			err := ParseHeaders(r.RawHeaders, r.HeaderCount, func(key, value []byte) error {
				g.Headers = append(g.Headers, RecordHeader{string(key), value})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, g)
		}
		if !reflect.DeepEqual(want, got) { // cmp.Diff alone takes seconds
			t.Fatalf("(-want +got):\n%s", cmp.Diff(want, got))
		}
	})
}

// TestKmsgReadsBuilder shows that franz-go reads the whole of what Builder
// wrote, header and records.
func TestKmsgReadsBuilder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genRecords.Draw(t, "records")
		var b Builder
		for _, r := range want {
			b.Append(r.Millis, r.Key, r.Value, r.Headers)
		}
		var kb kmsg.RecordBatch
		if err := kb.ReadFrom(b.Finish()); err != nil {
			t.Fatal(err)
		}
		if int(kb.NumRecords) != len(want) || kb.FirstTimestamp != want[0].Millis {
			t.Fatalf("%d records from %d, want %d from %d", kb.NumRecords, kb.FirstTimestamp, len(want), want[0].Millis)
		}
		rest := kb.Records
		for i, w := range want {
			var k kmsg.Record
			if err := k.ReadFrom(rest); err != nil {
				t.Fatal(err)
			}
			rest = rest[len(k.AppendTo(nil)):]
			if int(k.OffsetDelta) != i || kb.FirstTimestamp+k.TimestampDelta64 != w.Millis ||
				!bytes.Equal(k.Key, w.Key) || !bytes.Equal(k.Value, w.Value) || len(k.Headers) != len(w.Headers) {
				t.Fatalf("record %d: want %+v, got %+v", i, w, k)
			}
		}
		if len(rest) != 0 {
			t.Fatalf("%d bytes left", len(rest))
		}
	})
}
