package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

func zstdTruncated(n int) error {
	return fmt.Errorf("%w: zstd: a frame goes past the batch, in its last %d bytes", ErrCorrupt, n)
}

// A zstdFrame is what a frame says of itself, and what its blocks do.
type zstdFrame struct {
	checksummed  bool
	sized        bool
	contentField []byte // the size as it is written
	contentBytes uint64 // if sized
	windowBytes  uint64
	headerBytes  int
	totalBytes   int
	mostBytes    uint64 // that the blocks can decode to
}

// parseZstdFrame reads the header of the frame at the beginning of b and walks
// over its blocks.
//
// Source: RFC 8878, section 3.1.1.
func parseZstdFrame(b []byte) (zstdFrame, error) {
	var f zstdFrame
	if magic := binary.LittleEndian.Uint32(b); magic != zstdMagic {
		return f, fmt.Errorf("%w: zstd: magic %08x, want %08x", ErrCorrupt, magic, uint32(zstdMagic))
	}
	flags := b[4]
	single := flags&0x20 != 0
	windowField := 1
	if single {
		windowField = 0
	}
	dictionaryField := [4]int{0, 1, 2, 4}[flags&3]
	contentField := [4]int{1 - windowField, 2, 4, 8}[flags>>6]
	content := 5 + windowField + dictionaryField
	f.headerBytes = content + contentField
	if len(b) < f.headerBytes {
		return f, zstdTruncated(len(b))
	}
	if flags&8 != 0 || bytes.ContainsFunc(b[5+windowField:content], func(r rune) bool { return r != 0 }) {
		return f, fmt.Errorf("%w: zstd: the frame wants a dictionary, or something newer", ErrCorrupt)
	}
	f.checksummed = flags&4 != 0
	f.contentField = b[content:f.headerBytes]
	f.sized = contentField > 0
	var wide [8]byte
	copy(wide[:], f.contentField)
	f.contentBytes = binary.LittleEndian.Uint64(wide[:])
	if contentField == 2 {
		f.contentBytes += 256
	}
	f.windowBytes = f.contentBytes
	if !single {
		f.windowBytes = zstdWindow(b[5])
	}
	return f, f.walk(b)
}

// walk finds the end of the frame that b begins with.
func (f *zstdFrame) walk(b []byte) error {
	i := f.headerBytes
	for last := false; !last; {
		if len(b)-i < 3 {
			return zstdTruncated(len(b) - i)
		}
		head := uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16
		i += 3
		last = head&1 != 0
		n := int(head >> 3)
		switch head >> 1 & 3 {
		case 0: // raw
			f.mostBytes += uint64(n)
		case 1: // one byte n times
			f.mostBytes += uint64(n)
			n = 1
		case 2: // compressed
			f.mostBytes += zstdBlockBytes
		default:
			return fmt.Errorf("%w: zstd: a block of a kind that is not known", ErrCorrupt)
		}
		if n > len(b)-i {
			return zstdTruncated(len(b) - i)
		}
		i += n
	}
	if f.checksummed {
		i += 4
	}
	if i > len(b) {
		return zstdTruncated(0)
	}
	f.totalBytes = i
	return nil
}

// appendHeader writes a header that says the same, but asks for a window of
// windowBytes.
func (f *zstdFrame) appendHeader(dst []byte, windowBytes uint64) []byte {
	var flags byte
	if f.checksummed {
		flags |= 4
	}
	dst = binary.LittleEndian.AppendUint32(dst, zstdMagic)
	switch len(f.contentField) {
	case 1: // only without a window; the window is the content, at most 255 bytes
		return append(dst, flags|0x20, f.contentField[0])
	case 2, 4, 8:
		flags |= byte(bits.Len(uint(len(f.contentField)))-1) << 6
	}
	dst = append(dst, flags, zstdWindowField(windowBytes))
	return append(dst, f.contentField...)
}

// zstdWindow returns the size of the window that a header asks for: a power of
// two and some eighths of it.
func zstdWindow(field byte) uint64 {
	base := uint64(zstdMinWindow) << (field >> 3)
	return base + base/8*uint64(field&7)
}

// zstdWindowField asks for the smallest window that holds n bytes.
func zstdWindowField(n uint64) byte {
	var field byte
	for zstdWindow(field) < n {
		field++
	}
	return field
}
