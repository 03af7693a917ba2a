package batch

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/bits"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fixCRC makes the checksum of b right, so that a test reaches what is behind.
func fixCRC(b []byte) []byte {
	binary.BigEndian.PutUint32(b[crcPos:], crc32.Checksum(b[attributesPos:], castagnoli))
	return b
}

func smallBatch() []byte {
	var b Builder
	b.Append(1_700_000_000_000, []byte("key"), []byte("value"), []RecordHeader{{"trace", []byte("1")}})
	b.Append(1_700_000_000_250, nil, []byte("value"), nil)
	return b.Finish()
}

// TestVerifyFindsEveryFlippedBit flips each bit of a batch in turn. Only base
// offset and leader epoch may change unseen: they are not under the checksum.
func TestVerifyFindsEveryFlippedBit(t *testing.T) {
	good := smallBatch()
	if err := Verify(good); err != nil {
		t.Fatal(err)
	}
	stampOnly := func(i int) bool { return i < lengthPos || (i >= leaderEpochPos && i < magicPos) }
	for i := range good {
		for bit := range 8 {
			b := append([]byte(nil), good...)
			b[i] ^= 1 << bit
			err := Verify(b)
			switch {
			case stampOnly(i) && err != nil && b[0] < 0x80:
				t.Errorf("byte %d bit %d: %v, want nil", i, bit, err)
			case !stampOnly(i) && !errors.Is(err, ErrCorrupt):
				t.Errorf("byte %d bit %d: %v, want %v", i, bit, err, ErrCorrupt)
			}
		}
	}
}

func TestVerifyTellsBothChecksums(t *testing.T) {
	b := smallBatch()
	b[crcPos] ^= 0xff
	want := crc32.Checksum(b[attributesPos:], castagnoli)
	got := want ^ 0xff<<24
	err := Verify(b)
	if text := hex(want) + ", want " + hex(got); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want it to say %q", err, text)
	}
}

func hex(u uint32) string {
	const digits = "0123456789abcdef"
	var s [8]byte
	for i := range s {
		s[i] = digits[bits.RotateLeft32(u, 4*(i+1))&0xf]
	}
	return string(s[:])
}

func TestVerifyWantsOneWholeBatch(t *testing.T) {
	good := smallBatch()
	for n := range good {
		if err := Verify(good[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("the first %d bytes: %v, want %v", n, err, ErrCorrupt)
		}
	}
	if err := Verify(append(good, 0)); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("one byte more: %v, want %v", err, ErrCorrupt)
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	for _, test := range []struct {
		want   string
		change func(b []byte)
	}{
		{"magic 1, want 2", func(b []byte) { b[magicPos] = 1 }},
		{"length 48", func(b []byte) { put32(b[lengthPos:], 48) }},
		{"length -1", func(b []byte) { put32(b[lengthPos:], -1) }},
		{"length 2147483647", func(b []byte) { put32(b[lengthPos:], math.MaxInt32) }},
		{"base offset -1", func(b []byte) { Stamp(b, -1, 0) }},
		{"leaves no next offset", func(b []byte) { Stamp(b, math.MaxInt64-1, 0) }},
		{"last offset delta -1", func(b []byte) { put32(b[lastDeltaPos:], -1) }},
		{"count -1, want 0 to 2", func(b []byte) { put32(b[countPos:], -1) }},
		{"count 3, want 0 to 2", func(b []byte) { put32(b[countPos:], 3) }},
		{"count 1000000 does not fit", func(b []byte) { put32(b[lastDeltaPos:], 1e6); put32(b[countPos:], 1e6) }},
	} {
		b := smallBatch()
		test.change(b)
		_, err := ParseHeader(b)
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want it to say %q", err, test.want)
		}
	}
}

func put32(b []byte, v int32) { binary.BigEndian.PutUint32(b, uint32(v)) }

// TestReaderRefuses gives it records that lie, under a right checksum.
func TestReaderRefuses(t *testing.T) {
	const huge = "\xfe\xff\xff\xff\x0f"                        // 2147483647
	const endless = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" // more than 64 bits
	for _, test := range []struct {
		name, want, records string
		count               int32
	}{
		{"length past the batch", "its length", "\x12\x00\x00\x00\x01\x02x\x00", 1},
		{"negative length", "its length", "\x01\x00\x00\x00\x01\x01\x00", 1},
		{"huge length", "its length", huge + "\x00\x00\x00\x01\x01\x00", 1},
		{"endless length", "its length", endless, 1},
		{"length in 6 bytes", "its length", "\x8c\x80\x80\x80\x80\x00\x00\x00\x00\x01\x01\x00", 1},
		{"key length in 6 bytes", "a field", "\x16\x00\x00\x00\x81\x80\x80\x80\x80\x00\x01\x00", 1},
		{"header count of 33 bits", "a field", "\x14\x00\x00\x00\x01\x01\x80\x80\x80\x80\x10", 1},
		{"no room for the fields", "a field", "\x08\x00\x00\x00\x01\x01\x01", 1},
		{"endless timestamp", "a field", "\x1a\x00" + endless + "\x00\x01", 1},
		{"timestamp of 65 bits", "a field", "\x1e\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02\x00\x01\x01\x00", 1},
		{"key past the record", "a field", "\x0c\x00\x00\x00\x08\x01\x00\x00\x00\x00", 1},
		{"huge key", "a field", "\x14\x00\x00\x00" + huge + "\x01\x00", 1},
		{"key of -2", "a field", "\x0e\x00\x00\x00\x03k\x01\x00", 1},
		{"value past the record", "a field", "\x0c\x00\x00\x00\x01\x08\x00", 1},
		{"huge value", "a field", "\x14\x00\x00\x00\x01" + huge + "\x00", 1},
		{"value of -2", "a field", "\x0e\x00\x00\x00\x01\x03v\x00", 1},
		{"offset past the last", "its offset", "\x0c\x00\x00\x02\x01\x01\x00", 1},
		{"negative offset", "its offset", "\x0c\x00\x00\x01\x01\x01\x00", 1},
		{"huge offset", "its offset", "\x14\x00\x00" + huge + "\x01\x01\x00", 1},
		{"the same offset twice", "its offset", strings.Repeat("\x0c\x00\x00\x00\x01\x01\x00", 2), 2},
		{"negative header count", "its header count", "\x0c\x00\x00\x00\x01\x01\x01", 1},
		{"huge header count", "its header count", "\x14\x00\x00\x00\x01\x01" + huge, 1},
		{"bytes after no headers", "its header count", "\x0e\x00\x00\x00\x01\x01\x00\x00", 1},
		{"bytes after the records", "after the last record", "\x0c\x00\x00\x00\x01\x01\x00\x00", 1},
		{"fewer records than counted", "its length", "\x1a\x00\x00\x00\x01\x0eabcdefg\x00", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := encodeKmsg(make([]testRecord, 1), func(kb *kmsg.RecordBatch) {
				kb.Records = []byte(test.records)
				kb.Length = int32(HeaderBytes - prefixBytes + len(kb.Records))
				kb.NumRecords, kb.LastOffsetDelta = test.count, test.count-1
			})
			if err := Verify(b); err != nil {
				t.Fatal(err)
			}
			_, err := readAll(b)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

// TestReaderWantsOneWholeBatch shows that a Reader that was refused its batch
// reads nothing and keeps the reason.
func TestReaderWantsOneWholeBatch(t *testing.T) {
	good := smallBatch()
	for _, b := range [][]byte{nil, good[:HeaderBytes], good[:len(good)-1], append(good, 0)} {
		var r Reader
		err := r.Reset(b)
		if !errors.Is(err, ErrCorrupt) || r.Next(&Record{}) || r.Err() != err {
			t.Errorf("%d bytes of %d: got %v, then %v, want %v", len(b), len(good), err, r.Err(), ErrCorrupt)
		}
	}
}

func TestParseHeadersRefuses(t *testing.T) {
	for _, test := range []struct {
		name, raw string
		count     int
	}{
		{"null key", "\x01\x00", 1},
		{"key length in 6 bytes", "\x80\x80\x80\x80\x80\x00\x00", 1},
		{"key past the end", "\x06ab", 1},
		{"value past the end", "\x02a\x06ab", 1},
		{"key of -2", "\x03a\x00", 1},
		{"value of -2", "\x02a\x03v", 1},
		{"fewer than counted", "\x02a\x00", 2},
		{"more than counted", "\x02a\x00\x02b\x00", 1},
		{"none counted", "\x02a\x00", 0},
	} {
		err := ParseHeaders([]byte(test.raw), test.count, func(_, _ []byte) error { return nil })
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %v, want %v", test.name, err, ErrCorrupt)
		}
	}
}

func TestParseHeadersStopsWhenTold(t *testing.T) {
	stop, seen := errors.New("stop"), 0
	raw := AppendHeaders(nil, []RecordHeader{{"a", nil}, {"b", nil}})
	err := ParseHeaders(raw, 2, func(_, _ []byte) error { seen++; return stop })
	if err != stop || seen != 1 {
		t.Errorf("got %v after %d headers, want %v after 1", err, seen, stop)
	}
}
