package batch

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/klauspost/compress/s2"
)

// Snappy knows only blocks. Kafka's Java client puts them into the frames of
// the library that it uses, which every client reads: a header of 16 bytes,
// then for each 32 KiB the size of a block, big-endian, and the block. Other
// clients write a single block.
//
// Source: SnappyOutputStream.java of xerial/snappy-java 1.1.
const (
	xerialMagic       = "\x82SNAPPY\x00"
	xerialVersion     = "\x00\x00\x00\x01" // written, and the oldest that can be read
	xerialHeaderBytes = len(xerialMagic) + 2*len(xerialVersion)
	xerialBlockBytes  = 32 << 10
)

func appendSnappy(dst, src []byte) []byte {
	dst = append(dst, xerialMagic+xerialVersion+xerialVersion...)
	for block := range slices.Chunk(src, xerialBlockBytes) {
		dst = slices.Grow(dst, 4+s2.MaxEncodedLen(len(block)))
		at := len(dst) + 4
		n := len(s2.EncodeSnappy(dst[at:cap(dst)], block)) // in place: there is room
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))[:at+n]
	}
	return dst
}

func (o *output) snappy(src []byte) error {
	if len(src) < xerialHeaderBytes || string(src[:len(xerialMagic)]) != xerialMagic {
		return o.snappyBlock(src)
	}
	if v := binary.BigEndian.Uint32(src[len(xerialMagic):]); v < 1 {
		return fmt.Errorf("%w: snappy: version %d of the frame, want 1", ErrCorrupt, v)
	}
	for src = src[xerialHeaderBytes:]; len(src) > 0; {
		if len(src) < 4 {
			return fmt.Errorf("%w: snappy: %d bytes, want 4 for the size of a block", ErrCorrupt, len(src))
		}
		n := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(n) > uint64(len(src)) {
			return fmt.Errorf("%w: snappy: block of %d bytes in %d", ErrCorrupt, n, len(src))
		}
		if err := o.snappyBlock(src[:n]); err != nil {
			return err
		}
		src = src[n:]
	}
	return nil
}

func (o *output) snappyBlock(src []byte) error {
	declared, at := binary.Uvarint(src)
	size, ok := snappySize(src, at)
	if at <= 0 || declared > math.MaxUint32 || !ok || size != declared {
		return fmt.Errorf("%w: snappy: block declares %d bytes and has %d", ErrCorrupt, declared, size)
	}
	if size > uint64(max(o.left, 0)) {
		return o.tooLarge()
	}
	n := int(size)
	if err := o.reserve(n); err != nil {
		return err
	}
	place := o.b[len(o.b):][:n:n]
	if _, err := s2.Decode(place, src); err != nil {
		return decodeError(Snappy, err)
	}
	o.take(n)
	return nil
}

// snappySize adds up what the elements of a block say that they decode to, from
// the first at i. It is false if one of them goes past the block, or is none of
// snappy's: the decoder knows an extension that other clients do not.
func snappySize(b []byte, i int) (size uint64, ok bool) {
	if i <= 0 {
		return 0, false
	}
	for i < len(b) {
		tag := b[i]
		n := uint64(tag>>2) + 1
		switch tag & 3 {
		case 0: // literal
			i++
			if extra := int(n) - 60; extra > 0 { // its length is in 1 to 4 bytes
				if len(b)-i < extra {
					return size, false
				}
				var length [8]byte
				copy(length[:], b[i:i+extra])
				n = binary.LittleEndian.Uint64(length[:]) + 1
				i += extra
			}
			if n > uint64(len(b)-i) {
				return size, false
			}
			i += int(n)
		case 1: // copy, its offset in 11 bits
			if len(b)-i < 2 || (tag>>5 == 0 && b[i+1] == 0) {
				return size, false
			}
			n = uint64(tag>>2&7) + 4
			i += 2
		case 2: // copy, its offset in 2 bytes
			i += 3
		case 3: // copy, its offset in 4 bytes
			i += 5
		}
		size += n
	}
	return size, i == len(b)
}
