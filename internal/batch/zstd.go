package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	zstdMagic     = 0xFD2FB528
	zstdSkipMagic = 0x184D2A50 // and the 15 that follow

	// zstdEncodeWindow reaches back over a batch of the usual size.
	zstdEncodeWindow = 1 << 20

	// zstdMaxWindow is what decoders must be able to reach back over (RFC 8878).
	zstdMaxWindow    = 8 << 20
	zstdMinWindow    = 1 << 10
	zstdBlockBytes   = 128 << 10 // what a block decodes to at most
	zstdKeptSrcBytes = 1 << 20   // larger copies are not kept for the next batch
)

type zstdDecoder struct {
	d     *zstd.Decoder
	src   []byte // see bounded
	from  bytes.Reader
	probe [1]byte // see readFrom
}

var (
	zstdEncoders = sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdEncodeWindow),
			zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false)) // the batch has a checksum
		if err != nil {
			panic(fmt.Sprintf("batch: zstd encoder: %v", err)) // the options are wrong
		}
		return e
	}}
	zstdDecoders = sync.Pool{New: func() any {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdMaxWindow), zstd.WithDecoderMaxMemory(zstdMaxWindow),
			zstd.WithDecodeBuffersBelow(0))
		if err != nil {
			panic(fmt.Sprintf("batch: zstd decoder: %v", err)) // the options are wrong
		}
		return &zstdDecoder{d: d}
	}}
)

func appendZstd(dst, src []byte) []byte {
	e := zstdEncoders.Get().(*zstd.Encoder)
	defer zstdEncoders.Put(e)
	return e.EncodeAll(src, dst)
}

func (o *output) zstd(src []byte) error {
	d := zstdDecoders.Get().(*zstdDecoder)
	defer zstdDecoders.Put(d)
	err := d.bounded(src, o)
	if err == nil {
		d.from.Reset(d.src)
		err = d.d.Reset(&d.from)
	}
	if err == nil {
		err = o.readFrom(d.d, &d.probe)
	}
	d.from.Reset(nil)
	if cap(d.src) > zstdKeptSrcBytes {
		d.src = nil
	}
	return decodeError(Zstd, err)
}

// bounded copies the frames of src to d.src, with windows no larger than what
// their blocks can fill and o may take. A decoder allocates the window before it decodes
// anything, and Java's declares up to 128 MiB for any batch.
func (d *zstdDecoder) bounded(src []byte, o *output) error {
	d.src = d.src[:0]
	for len(src) > 0 {
		if len(src) < 8 {
			return zstdTruncated(len(src))
		}
		if magic := binary.LittleEndian.Uint32(src); magic&^0xf == zstdSkipMagic {
			n := binary.LittleEndian.Uint32(src[4:])
			if src = src[8:]; uint64(n) > uint64(len(src)) {
				return zstdTruncated(len(src))
			}
			src = src[n:]
			continue
		}
		f, err := parseZstdFrame(src)
		if err != nil {
			return err
		}
		if f.sized && f.contentBytes > uint64(max(o.left, 0)) {
			return o.tooLarge()
		}
		// Behind the bytes that may come is the rest of the block that is refused.
		need := max(min(f.windowBytes, f.mostBytes, uint64(max(o.left, 0))+zstdBlockBytes), zstdMinWindow)
		if need > zstdMaxWindow {
			return fmt.Errorf("%w: zstd window of %d bytes, want at most %d (compress at a lower level)", ErrTooLarge, f.windowBytes, zstdMaxWindow)
		}
		d.src = f.appendHeader(d.src, need)
		d.src = append(d.src, src[f.headerBytes:f.totalBytes]...)
		src = src[f.totalBytes:]
	}
	return nil
}

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
