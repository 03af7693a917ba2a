package batch

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// Kafka writes LZ4 frames, version 1, as everybody does since version 2 of the
// batch: the checksum of the header is the right one.
//
// The frame is read and written here and the library used for blocks, because
// its reader allocates what the frame declares, up to 8 MiB.
//
// Source: LZ4 Frame Format Description 1.6.4; Lz4BlockOutputStream.java.
const (
	lz4Magic      = 0x184D2204
	lz4BlockBytes = 64 << 10
	lz4Header     = "\x04\x22\x4d\x18\x60\x40\x82" // version 1, blocks of 64 KiB that stand alone
	lz4Raw        = 1 << 31                        // in the size of a block: it is not compressed
	lz4WindowSize = 64 << 10                       // how far a block can reach back
)

// The flags of a frame.
const (
	lz4Alone      = 0x20
	lz4BlockSums  = 0x10
	lz4Sized      = 0x08
	lz4Sum        = 0x04
	lz4Dictionary = 0x01
)

var lz4Encoders = sync.Pool{New: func() any { return new(lz4.Compressor) }}

func appendLZ4(dst, src []byte) ([]byte, error) {
	c := lz4Encoders.Get().(*lz4.Compressor)
	defer lz4Encoders.Put(c)
	dst = append(dst, lz4Header...)
	for len(src) > 0 {
		block := src[:min(len(src), lz4BlockBytes)]
		src = src[len(block):]
		at := len(dst) + 4
		dst = append(dst, 0, 0, 0, 0)
		dst = append(dst, block...) // room, and what stays if it does not shrink
		n, err := c.CompressBlock(block, dst[at:at+len(block)-1])
		switch {
		case err != nil && err != lz4.ErrInvalidSourceShortBuffer:
			return dst, fmt.Errorf("compress with lz4: %w", err)
		case err != nil || n == 0:
			copy(dst[at:], block)
			binary.LittleEndian.PutUint32(dst[at-4:], lz4Raw|uint32(len(block)))
		default:
			dst = dst[:at+n]
			binary.LittleEndian.PutUint32(dst[at-4:], uint32(n))
		}
	}
	return append(dst, 0, 0, 0, 0), nil
}

// lz4 reads one frame and nothing behind it: there Java stops, and other
// clients go on.
func (o *output) lz4(src []byte) error {
	f, src, err := parseLZ4Frame(src)
	if err != nil {
		return err
	}
	begin := len(o.b)
	for {
		if len(src) < 4 {
			return lz4Truncated(len(src))
		}
		size := binary.LittleEndian.Uint32(src)
		src = src[4:]
		if size == 0 {
			break
		}
		n := size &^ lz4Raw
		if n > f.blockBytes {
			return fmt.Errorf("%w: lz4: block of %d bytes, want at most %d", ErrCorrupt, n, f.blockBytes)
		}
		if uint64(n) > uint64(len(src)) {
			return lz4Truncated(len(src))
		}
		block := src[:n]
		if src, err = f.checkBlock(block, src[n:]); err != nil {
			return err
		}
		if size&lz4Raw != 0 {
			err = o.add(block)
		} else {
			err = o.lz4Block(block, f, begin)
		}
		if err != nil {
			return err
		}
	}
	return f.checkEnd(o.b[begin:], src)
}

// lz4Block decodes a block of a frame whose content begins at begin.
func (o *output) lz4Block(block []byte, f lz4Frame, begin int) error {
	size, ok := lz4Size(block)
	if !ok || size > uint64(f.blockBytes) {
		return fmt.Errorf("%w: lz4: block of %d bytes, which decode to %d, want at most %d", ErrCorrupt, len(block), size, f.blockBytes)
	}
	n := int(size)
	if n == 0 {
		return nil
	}
	if err := o.reserve(n); err != nil {
		return err
	}
	at := len(o.b)
	place := o.b[at:][:n:n]
	var dictionary []byte
	if f.flags&lz4Alone == 0 {
		dictionary = o.b[max(begin, at-lz4WindowSize):at]
	}
	got, err := lz4.UncompressBlockWithDict(block, place, dictionary)
	if err == nil && got != n {
		err = fmt.Errorf("%d bytes, want %d", got, n)
	}
	if err != nil {
		return decodeError(LZ4, err)
	}
	o.take(n)
	return nil
}

// lz4Size adds up what the sequences of a block say that they decode to. It is
// false if one of them goes past the block, or the last is not one of literals.
func lz4Size(b []byte) (size uint64, ok bool) {
	for i := 0; i < len(b); {
		token := b[i]
		literals, at := lz4Length(b, i+1, token>>4)
		if literals > uint64(len(b)-at) {
			return size, false
		}
		size += literals
		if i = at + int(literals); i == len(b) {
			return size, true
		}
		if len(b)-i < 2 {
			return size, false
		}
		match, at := lz4Length(b, i+2, token&15)
		size += match + 4
		i = at
	}
	return size, false
}

// lz4Length reads what follows a length of four bits at b[i:]. A length that
// goes past b is cut there, and found by what must follow it.
func lz4Length(b []byte, i int, n byte) (uint64, int) {
	length := uint64(n)
	if n == 15 {
		for i < len(b) {
			c := b[i]
			i++
			length += uint64(c)
			if c != 255 {
				break
			}
		}
	}
	return length, i
}
