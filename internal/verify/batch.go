package verify

import (
	"fmt"
	"io"
	"math"
)

const (
	batchHeaderBytes = 61
	batchPrefixBytes = 12 // that the length does not count
	crcStartBytes    = 21 // before what the crc covers
	batchMagic       = 2

	attrCompression   = 0x07
	attrTransactional = 0x10
	attrControl       = 0x20
)

// A batch is what a batch says of itself.
type batch struct {
	pos, size  int64 // size is 0 where the length makes no sense
	base, last int64
	epoch      int32
	crc        uint32
	attributes uint16
	maxTime    int64 // milliseconds since the Unix epoch

	producerID    int64
	producerEpoch int16
	baseSequence  int32
	count         int32
	commits       bool // a control batch: a marker that commits
}

// batchHeader takes what stands before the records.
func (s *stream) batchHeader() (batch, error) {
	b := batch{pos: s.pos}
	b.base = s.i64()
	length := int64(s.i32())
	b.epoch = s.i32()
	magic := s.u8()
	b.crc, b.attributes = s.u32(), s.u16()
	delta := s.i32()
	s.i64() // base timestamp
	b.maxTime = s.i64()
	b.producerID, b.producerEpoch, b.baseSequence, b.count = s.i64(), s.i16(), s.i32(), s.i32()
	b.last = b.base + int64(delta)
	switch {
	case s.err != nil:
		return b, fmt.Errorf("header of a batch: %w", s.err)
	case magic != batchMagic:
		return b, fmt.Errorf("magic %d, want %d", magic, batchMagic)
	case length < batchHeaderBytes-batchPrefixBytes || length > math.MaxInt32-batchPrefixBytes:
		return b, fmt.Errorf("length %d, want at least %d", length, batchHeaderBytes-batchPrefixBytes)
	}
	b.size = batchPrefixBytes + length
	switch {
	case b.base < 0 || delta < 0 || b.base > math.MaxInt64-1-int64(delta):
		return b, fmt.Errorf("base offset %d and last offset delta %d", b.base, delta)
	case b.count < 0 || int64(b.count) > int64(delta)+1:
		return b, fmt.Errorf("%d records between offsets %d and %d", b.count, b.base, b.last)
	}
	return b, nil
}

// batch takes a batch, which must end at or before the limit. With an error,
// what was read of its header is returned too. each, if it is not nil, is called
// with the offset of every record.
func (s *stream) batch(each func(offset int64)) (batch, error) {
	b, bad := s.batchHeader()
	end, limit := b.pos+b.size, s.limit
	switch {
	case b.size == 0:
		return b, bad
	case end > limit:
		length := b.size - batchPrefixBytes
		b.size = 0
		return b, fmt.Errorf("length %d reaches past the end", length)
	}
	s.seek(b.pos+crcStartBytes, end)
	got := s.crc(0, end-s.pos)
	switch {
	case s.err != nil:
		return b, s.err
	case got != b.crc:
		return b, crcError(got, b.crc)
	case bad != nil:
		return b, bad
	}
	s.seek(b.pos+batchHeaderBytes, end)
	err := s.contents(&b, each)
	if err == nil {
		s.pos = end
	}
	s.limit = limit
	return b, err
}

// contents reads the records of b.
func (s *stream) contents(b *batch, each func(offset int64)) error {
	codec := b.attributes & attrCompression
	if codec == 0 {
		err := s.records(b, each)
		if err == nil && s.left() > 0 {
			err = fmt.Errorf("%d bytes after the last record", s.left())
		}
		return err
	}
	packed := io.NewSectionReader(s.f, s.pos, s.left())
	if s.plain == nil {
		s.plain = &stream{}
	}
	err := decompress(packed, codec, func(r io.Reader) error {
		s.plain.openReader(r)
		err := s.plain.records(b, each)
		if err == nil {
			err = s.plain.ends()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", codecs[codec], err)
	}
	return nil
}

// records takes the records of b and looks at how they are put together.
func (s *stream) records(b *batch, each func(offset int64)) error {
	end := s.limit
	before := int64(-1)
	for i := range b.count {
		length := s.varint32()
		if s.err == nil && (length < 0 || length > s.left()) {
			s.err = fmt.Errorf("length %d, %d bytes are left", length, s.left())
		}
		if s.err != nil {
			return fmt.Errorf("record %d: %w", i, s.err)
		}
		s.limit = s.pos + length
		s.u8()     // attributes
		s.varint() // timestamp
		delta := s.varint32()
		if s.err == nil && (delta <= before || delta > b.last-b.base) {
			s.err = fmt.Errorf("offset delta %d after %d, at most %d", delta, before, b.last-b.base)
		}
		before = delta
		if b.attributes&attrControl != 0 {
			s.marker(b)
		} else {
			s.sized(true)
			s.sized(true)
		}
		s.recordHeaders()
		if s.err == nil && s.left() > 0 {
			s.err = fmt.Errorf("%d bytes too many", s.left())
		}
		if s.err != nil {
			return fmt.Errorf("record %d: %w", i, s.err)
		}
		s.limit = end
		if each != nil {
			each(b.base + delta)
		}
	}
	if b.attributes&attrControl != 0 && b.count == 0 {
		return fmt.Errorf("a control batch without a marker")
	}
	return nil
}

const (
	markerKeyBytes   = 4
	markerValueBytes = 6
)

// marker takes the key and the value of a control record, which may be longer
// in later versions.
func (s *stream) marker(b *batch) {
	n := s.varint32()
	if s.err == nil && n < markerKeyBytes {
		s.err = fmt.Errorf("a marker with a key of %d bytes", n)
	}
	version, kind := s.i16(), s.i16()
	s.skip(n - markerKeyBytes)
	if s.err == nil && (version < 0 || kind < 0 || kind > 1) {
		s.err = fmt.Errorf("a marker of version %d, type %d", version, kind)
	}
	b.commits = kind == 1
	n = s.varint32()
	if s.err == nil && n < markerValueBytes {
		s.err = fmt.Errorf("a marker with a value of %d bytes", n)
	}
	if version = s.i16(); s.err == nil && version < 0 {
		s.err = fmt.Errorf("a marker whose value has version %d", version)
	}
	s.skip(n - 2)
}

func (s *stream) recordHeaders() {
	n := s.varint32()
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
	n := s.varint32()
	switch {
	case n == -1 && nullable:
	case n < 0 && s.err == nil:
		s.err = fmt.Errorf("a length of %d", n)
	default:
		s.skip(n)
	}
}
