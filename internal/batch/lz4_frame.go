package batch

import (
	"encoding/binary"
	"fmt"
)

// An lz4Frame is what the header of a frame says.
type lz4Frame struct {
	flags        byte
	blockBytes   uint32 // what a block holds at most, compressed or not
	contentBytes uint64 // if flags say so
}

func lz4Truncated(n int) error {
	return fmt.Errorf("%w: lz4: the frame goes past the batch, in its last %d bytes", ErrCorrupt, n)
}

// parseLZ4Frame reads a header and returns what is behind it.
func parseLZ4Frame(b []byte) (lz4Frame, []byte, error) {
	if len(b) < len(lz4Header) {
		return lz4Frame{}, nil, lz4Truncated(len(b))
	}
	if magic := binary.LittleEndian.Uint32(b); magic != lz4Magic {
		return lz4Frame{}, nil, fmt.Errorf("%w: lz4: magic %08x, want %08x", ErrCorrupt, magic, uint32(lz4Magic))
	}
	f := lz4Frame{flags: b[4]}
	kind := b[5] >> 4
	if f.flags&0xc2 != 0x40 || f.flags&lz4Dictionary != 0 || b[5]&0x8f != 0 || kind < 4 {
		return f, nil, fmt.Errorf("%w: lz4: flags %02x %02x, want version 1, no dictionary, blocks of 64 KiB to 4 MiB", ErrCorrupt, b[4], b[5])
	}
	f.blockBytes = 1 << (8 + 2*kind)
	end := 6
	if f.flags&lz4Sized != 0 {
		if end += 8; len(b) <= end {
			return f, nil, lz4Truncated(len(b))
		}
		f.contentBytes = binary.LittleEndian.Uint64(b[6:])
	}
	if sum := byte(xxh32(b[4:end]) >> 8); b[end] != sum {
		return f, nil, fmt.Errorf("%w: lz4: checksum of the header %02x, want %02x", ErrCorrupt, b[end], sum)
	}
	return f, b[end+1:], nil
}

// checkBlock checks the block against the checksum at the beginning of rest, if
// there is one, and returns what is behind it.
func (f *lz4Frame) checkBlock(block, rest []byte) ([]byte, error) {
	if f.flags&lz4BlockSums == 0 {
		return rest, nil
	}
	if len(rest) < 4 {
		return nil, lz4Truncated(len(rest))
	}
	if got, want := xxh32(block), binary.LittleEndian.Uint32(rest); got != want {
		return nil, fmt.Errorf("%w: lz4: block has checksum %08x, want %08x", ErrCorrupt, got, want)
	}
	return rest[4:], nil
}

// checkEnd checks what follows the last block of a frame.
func (f *lz4Frame) checkEnd(content, rest []byte) error {
	if f.flags&lz4Sized != 0 && f.contentBytes != uint64(len(content)) {
		return fmt.Errorf("%w: lz4: %d bytes, want %d", ErrCorrupt, len(content), f.contentBytes)
	}
	if f.flags&lz4Sum != 0 {
		if len(rest) < 4 {
			return lz4Truncated(len(rest))
		}
		if got, want := xxh32(content), binary.LittleEndian.Uint32(rest); got != want {
			return fmt.Errorf("%w: lz4: content has checksum %08x, want %08x", ErrCorrupt, got, want)
		}
		rest = rest[4:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: lz4: %d bytes after the frame", ErrCorrupt, len(rest))
	}
	return nil
}
