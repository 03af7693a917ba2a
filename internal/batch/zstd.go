package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
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
// their blocks can fill and o may take. The decoder allocates the window before
// it decodes anything, and Java's encoder declares up to 128 MiB for any batch.
func (d *zstdDecoder) bounded(src []byte, o *output) error {
	d.src = slices.Grow(d.src[:0], len(src)+1) // a header may grow by a byte
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
