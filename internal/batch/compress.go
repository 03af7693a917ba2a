package batch

import (
	"encoding/binary"
	"fmt"
)

// Compress appends to dst the batch b with its records compressed; everything
// else that b says stays. With [None] it is a copy. It returns an error, and
// dst with nothing appended, if b is not one whole uncompressed batch, or if
// the codec is unknown.
//
// The result may be larger than b: whether to take it is for the caller to say.
// dst must not overlap b.
func Compress(dst, b []byte, c Codec) ([]byte, error) {
	start := len(dst)
	h, err := parseWhole(b)
	if err == nil && h.Codec() != None {
		err = fmt.Errorf("%w: %v already", ErrCompressed, h.Codec())
	}
	if err != nil {
		return dst, err
	}
	records := b[HeaderBytes:]
	dst = append(dst, b[:HeaderBytes]...)
	switch c {
	case None:
		dst = append(dst, records...)
	case Gzip:
		dst, err = appendGzip(dst, records)
	case Snappy:
		dst = appendSnappy(dst, records)
	case LZ4:
		dst, err = appendLZ4(dst, records)
	case Zstd:
		dst = appendZstd(dst, records)
	default:
		err = fmt.Errorf("%w: %v is not known", ErrCompressed, c)
	}
	if err == nil {
		err = seal(dst[start:], h.Attributes&^CompressionMask|int16(c))
	}
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// Decompress appends to dst the batch b with its records as they were before
// they were compressed; everything else that b says stays. If they were not, it
// is a copy. dst must not overlap b. The checksum of b is for [Verify].
//
// It returns an error that wraps [ErrTooLarge] if the result would be larger
// than maxBytes, one that wraps [ErrCorrupt] if the records cannot be
// decompressed, and one that wraps [ErrCompressed] if the codec is unknown; and
// dst with nothing appended.
//
// No size that b declares is believed: dst grows as bytes come out, never to
// more than maxBytes more than it had, and at most doubles each time. Beside it
// a decoder takes a constant, which is kept for the next batch: a copy of a
// zstd batch and a window of at most 8 MiB.
func Decompress(dst, b []byte, maxBytes int) ([]byte, error) {
	start := len(dst)
	h, err := parseWhole(b)
	if err != nil {
		return dst, err
	}
	out := output{b: dst, left: maxBytes, max: maxBytes}
	err = out.add(b[:HeaderBytes])
	if err == nil {
		err = out.records(b[HeaderBytes:], h.Codec())
	}
	dst = out.b
	if err == nil {
		err = seal(dst[start:], h.Attributes&^CompressionMask)
	}
	if err == nil {
		_, err = ParseHeader(dst[start:]) // the count fits
	}
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// records decompresses what is behind the header of a batch.
func (o *output) records(src []byte, c Codec) error {
	if c == None {
		return o.add(src)
	}
	// What little is worth compressing halves; more is taken as it comes.
	if err := o.reserve(2 * min(len(src), o.left/2)); err != nil {
		return err
	}
	switch c {
	case Gzip:
		return o.gzip(src)
	case Snappy:
		return o.snappy(src)
	case LZ4:
		return o.lz4(src)
	case Zstd:
		return o.zstd(src)
	}
	return fmt.Errorf("%w: %v is not known", ErrCompressed, c)
}

// seal fills in what changes with the records of a batch whose header is that
// of another.
func seal(b []byte, attributes int16) error {
	if len(b) > MaxBytes {
		return fmt.Errorf("%w: %d bytes, want at most %d", ErrTooLarge, len(b), MaxBytes)
	}
	binary.BigEndian.PutUint32(b[lengthPos:], uint32(len(b)-prefixBytes))
	putAttributes(b, attributes)
	sum(b)
	return nil
}
