package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codecs are the names of the ways to compress.
var codecs = [attrCompression + 1]string{1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd", 5: "codec 5", 6: "codec 6", 7: "codec 7"}

// maxPlainBytes bounds what a compressed batch may become: as much as the
// largest message that a topic allows.
const maxPlainBytes = 1 << 30

// maxWindowBytes is how far a zstd frame may ask to reach back: what encoders
// declare for anything that they do not know the size of.
const maxWindowBytes = 128 << 20

const (
	lz4Magic          = 0x184D2204
	xerialMagic       = "\x82SNAPPY\x00"
	xerialHeaderBytes = len(xerialMagic) + 8
	maxSnappyRatio    = 64 // no element of 3 bytes makes more than 64
)

// decompress calls read with the records of a batch as they were before they
// were compressed. What read leaves over is an error, as far as the codec can
// tell.
func decompress(packed *io.SectionReader, codec uint16, read func(io.Reader) error) error {
	switch codec {
	case 1:
		r, err := gzip.NewReader(packed)
		if err != nil {
			return err
		}
		return errors.Join(read(r), r.Close())
	case 2:
		return read(&snappyReader{r: packed, left: packed.Size()})
	case 3:
		var magic [4]byte
		if _, err := packed.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if m := binary.LittleEndian.Uint32(magic[:]); m != lz4Magic {
			return fmt.Errorf("magic %08x, want %08x", m, uint32(lz4Magic))
		}
		if err := read(lz4.NewReader(packed)); err != nil {
			return err
		}
		if at, _ := packed.Seek(0, io.SeekCurrent); at < packed.Size() {
			return fmt.Errorf("%d bytes after the frame", packed.Size()-at)
		}
		return nil
	case 4:
		r, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindowBytes), zstd.WithDecoderMaxMemory(maxPlainBytes))
		if err != nil {
			return err
		}
		defer r.Close()
		return read(r)
	}
	return errors.New("not known")
}

// A snappyReader reads snappy, in the frames of xerial's library or as a bare
// block. It holds one block.
type snappyReader struct {
	r      io.Reader
	left   int64 // bytes of r
	begun  bool
	framed bool
	plain  []byte // of the block, not yet read
	block  []byte
	memory []byte
}

func (r *snappyReader) Read(p []byte) (int, error) {
	for len(r.plain) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// next decodes the next block.
func (r *snappyReader) next() error {
	if !r.begun {
		r.begun = true
		return r.begin()
	}
	if r.left == 0 {
		return io.EOF
	}
	if !r.framed {
		return errors.New("a second block without a frame")
	}
	head, err := r.take(4)
	if err != nil {
		return err
	}
	block, err := r.take(int64(binary.BigEndian.Uint32(head)))
	if err != nil {
		return err
	}
	return r.decode(block)
}

// begin finds out what there is, and decodes it if it is one block.
func (r *snappyReader) begin() error {
	head, err := r.take(min(r.left, int64(xerialHeaderBytes)))
	if err != nil {
		return err
	}
	if len(head) == xerialHeaderBytes && string(head[:len(xerialMagic)]) == xerialMagic {
		r.framed = true
		if v := binary.BigEndian.Uint32(head[len(xerialMagic):]); v < 1 {
			return fmt.Errorf("version %d of the frame, want 1", v)
		}
		return nil
	}
	bare := append([]byte(nil), head...)
	rest, err := r.take(r.left)
	if err != nil {
		return err
	}
	return r.decode(append(bare, rest...))
}

// take returns the next n bytes, valid until the next call.
func (r *snappyReader) take(n int64) ([]byte, error) {
	if n > r.left {
		return nil, fmt.Errorf("%d bytes wanted, %d are left", n, r.left)
	}
	if int64(cap(r.block)) < n {
		r.block = make([]byte, n)
	}
	b := r.block[:n]
	_, err := io.ReadFull(r.r, b)
	r.left -= n
	return b, err
}

func (r *snappyReader) decode(block []byte) error {
	n, err := snappy.DecodedLen(block)
	if err == nil && (n > maxPlainBytes || n/maxSnappyRatio > len(block)) {
		err = fmt.Errorf("%d bytes declare to be %d", len(block), n)
	}
	if err != nil {
		return err
	}
	if cap(r.memory) < n {
		r.memory = make([]byte, n)
	}
	r.plain, err = snappy.Decode(r.memory[:n], block)
	return err
}
