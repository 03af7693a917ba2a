package verify

import (
	"errors"
	"fmt"
	"math"
)

const (
	batchHeaderBytes = 61
	batchPrefixBytes = 12 // that the length does not count
	crcStartBytes    = 21 // before what the crc covers
	batchMagic       = 2
	compressionMask  = 0x07
)

var codecs = [compressionMask + 1]string{1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}

// A batch is what a batch says of itself.
type batch struct {
	pos, size  int64 // size is 0 where the length makes no sense
	base, last int64
	epoch      int32
	count      int32
	maxTime    int64 // milliseconds since the Unix epoch
}

// batch takes a batch, which must end at or before the limit. With an error,
// what was read of its header is returned too.
func (s *stream) batch() (batch, error) {
	b := batch{pos: s.pos}
	b.base = int64(s.u64())
	length := int64(int32(s.u32()))
	b.epoch = int32(s.u32())
	magic, want := s.u8(), s.u32()
	attributes, delta := s.u16(), int32(s.u32())
	s.skip(8) // base timestamp
	b.maxTime = int64(s.u64())
	s.skip(8 + 2 + 4) // producer
	b.count = int32(s.u32())
	b.last = b.base + int64(delta)
	if s.err != nil {
		return b, fmt.Errorf("header of a batch: %w", s.err)
	}
	switch end := b.pos + batchPrefixBytes + length; {
	case magic != batchMagic:
		return b, fmt.Errorf("magic %d, want %d", magic, batchMagic)
	case length < batchHeaderBytes-batchPrefixBytes:
		return b, fmt.Errorf("length %d, want at least %d", length, batchHeaderBytes-batchPrefixBytes)
	case end > s.limit:
		return b, fmt.Errorf("length %d reaches past the end", length)
	}
	b.size = batchPrefixBytes + length
	end, limit := b.pos+b.size, s.limit
	s.seek(b.pos+crcStartBytes, end)
	got := s.crc(0, end-s.pos)
	switch {
	case s.err != nil:
		return b, s.err
	case got != want:
		return b, fmt.Errorf("crc %08x, want %08x", got, want)
	case b.base < 0 || delta < 0 || b.base > math.MaxInt64-1-int64(delta):
		return b, fmt.Errorf("base offset %d and last offset delta %d", b.base, delta)
	case b.count < 0 || int64(b.count) > int64(delta)+1:
		return b, fmt.Errorf("%d records between offsets %d and %d", b.count, b.base, b.last)
	case attributes&compressionMask != 0:
		return b, fmt.Errorf("compression %d %s, which this version does not write", attributes&compressionMask, codecs[attributes&compressionMask])
	}
	s.seek(b.pos+batchHeaderBytes, end)
	err := s.records(b.count, int64(delta))
	if err == nil && s.left() > 0 {
		err = fmt.Errorf("%d bytes after the last record", s.left())
	}
	s.limit = limit
	return b, err
}

// records takes n records and looks at how they are put together.
func (s *stream) records(n int32, lastDelta int64) error {
	end := s.limit
	before := int64(-1)
	for i := range n {
		length := s.varint()
		if s.err == nil && (length < 0 || length > s.left()) {
			s.err = fmt.Errorf("length %d, %d bytes are left", length, s.left())
		}
		if s.err != nil {
			return fmt.Errorf("record %d: %w", i, s.err)
		}
		s.limit = s.pos + length
		s.u8()     // attributes
		s.varint() // timestamp
		delta := s.varint()
		if s.err == nil && (delta <= before || delta > lastDelta) {
			s.err = fmt.Errorf("offset delta %d after %d, at most %d", delta, before, lastDelta)
		}
		before = delta
		s.sized(true)
		s.sized(true)
		s.recordHeaders()
		if s.err == nil && s.left() > 0 {
			s.err = fmt.Errorf("%d bytes too many", s.left())
		}
		if s.err != nil {
			return fmt.Errorf("record %d: %w", i, s.err)
		}
		s.limit = end
	}
	return nil
}

func (s *stream) recordHeaders() {
	n := s.varint()
	if s.err == nil && (n < 0 || n > s.left()) {
		s.err = fmt.Errorf("%d headers in %d bytes", n, s.left())
	}
	for ; n > 0 && s.err == nil; n-- {
		s.sized(false)
		s.sized(true)
	}
}

// sized takes a length and that many bytes; length -1 is null.
func (s *stream) sized(nullable bool) {
	n := s.varint()
	switch {
	case n == -1 && nullable:
	case n < 0 && s.err == nil:
		s.err = errors.New("a negative length")
	default:
		s.skip(n)
	}
}
