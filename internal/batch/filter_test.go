package batch

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestFilter compares with a model: the records that were read before, without
// those that are dropped.
func TestFilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := genBatch(t)
		if rapid.Bool().Draw(t, "append time") {
			StampLogAppendTime(b, genMillis.Draw(t, "append millis"))
		}
		horizon := rapid.OneOf(rapid.Just(NoHorizon), genMillis).Draw(t, "horizon")
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			b = checkFilter(t, b, horizon)
		}
	})
}

// checkFilter filters b by drawn bits and returns what is left.
func checkFilter(t *rapid.T, b []byte, horizon int64) []byte {
	all, err := readAll(b)
	if err != nil {
		t.Fatal(err)
	}
	before, err := ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	kept := rapid.SliceOfN(rapid.Bool(), len(all), len(all)).Draw(t, "kept")
	want, seen := []Record(nil), 0
	original := bytes.Clone(b)
	got, count, err := Filter([]byte("front"), b, horizon, func(rec *Record) bool {
		if !reflect.DeepEqual(*rec, all[seen]) {
			t.Fatalf("record %d is %+v, want %+v", seen, *rec, all[seen])
		}
		if seen++; kept[seen-1] {
			want = append(want, all[seen-1])
		}
		return kept[seen-1]
	})
	if err != nil || !bytes.HasPrefix(got, []byte("front")) || !bytes.Equal(b, original) {
		t.Fatalf("%v, or the front or the batch changed", err)
	}
	got = got[len("front"):]
	if err := Verify(got); err != nil {
		t.Fatal(err)
	}
	left, err := readAll(got)
	if err != nil || count != len(want) || !reflect.DeepEqual(left, want) {
		t.Fatalf("%v, said %d, got %+v\nwant %+v", err, count, left, want)
	}
	checkFilteredHeader(t, before, got, want, horizon)
	return got
}

func checkFilteredHeader(t *rapid.T, want Header, b []byte, records []Record, horizon int64) {
	got, err := ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	want.Count, want.LengthBytes, want.CRC = int32(len(records)), got.LengthBytes, got.CRC
	for i, r := range records {
		if i == 0 || r.TimestampMillis > want.MaxTimestampMillis {
			want.MaxTimestampMillis = r.TimestampMillis
		}
	}
	if horizon != NoHorizon {
		want.Attributes |= DeleteHorizon
		want.BaseTimestampMillis = horizon
	}
	if got != want {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// TestFilterKeepsBytes shows that a batch from which nothing is dropped is the
// same to the last bit, and so is one whose horizon is set again.
func TestFilterKeepsBytes(t *testing.T) {
	all := func(*Record) bool { return true }
	b := wordsBatch(50)
	got, n, err := Filter(nil, b, NoHorizon, all)
	if err != nil || n != 50 || !bytes.Equal(got, b) {
		t.Errorf("%v, %d records, %d bytes, want 50 and the same %d", err, n, len(got), len(b))
	}
	marked, _, err := Filter(nil, b, 1_800_000_000_000, all)
	if err != nil || bytes.Equal(marked, b) {
		t.Fatalf("%v, want the horizon in it", err)
	}
	for _, horizon := range []int64{NoHorizon, 1_800_000_000_000} {
		if again, _, err := Filter(nil, marked, horizon, all); err != nil || !bytes.Equal(again, marked) {
			t.Errorf("horizon %d: %v, want the same bytes", horizon, err)
		}
	}
}

// TestFilterToNothing shows the batch that compaction leaves for the sake of
// its offsets and of its producer's sequence.
func TestFilterToNothing(t *testing.T) {
	b := smallBatch()
	Stamp(b, 100, 3)
	StampProducer(b, 7, 1, 5, true)
	got, n, err := Filter(nil, b, NoHorizon, func(*Record) bool { return false })
	if err != nil || n != 0 || len(got) != HeaderBytes {
		t.Fatalf("%v, %d records, %d bytes, want %d", err, n, len(got), HeaderBytes)
	}
	SetLastOffsetDelta(got, 99)
	h, err := ParseHeader(got)
	if err != nil || Verify(got) != nil || h.BaseOffset != 100 || h.LastOffset() != 199 || h.ProducerID != 7 || h.BaseSequence != 5 || h.Count != 0 {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestFilterRefuses(t *testing.T) {
	compressed, err := Compress(nil, smallBatch(), Zstd)
	if err != nil {
		t.Fatal(err)
	}
	torn := encodeKmsg(make([]testRecord, 2), func(kb *kmsg.RecordBatch) { kb.Records[7] = 0x7e })
	for _, test := range []struct {
		name string
		b    []byte
		want error
	}{{"compressed", compressed, ErrCompressed}, {"torn", smallBatch()[:80], ErrCorrupt}, {"bad record", torn, ErrCorrupt}} {
		got, n, err := Filter([]byte("x"), test.b, NoHorizon, func(*Record) bool { return true })
		if !errors.Is(err, test.want) || string(got) != "x" || n != 0 {
			t.Errorf("%s: got %v, %d records and %d bytes, want %v, 0 and 1", test.name, err, n, len(got), test.want)
		}
	}
}
