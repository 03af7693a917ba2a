package batch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Verify returns nil if b is one whole batch, no more and no less, whose header
// makes sense and whose checksum is right. It does not look into the records:
// after Verify they are what their writer wrote, and [Reader] still checks that
// the writer was sane.
//
// Base offset and leader epoch are not under the checksum; of them Verify knows
// only the bounds.
func Verify(b []byte) error {
	_, err := verify(b)
	return err
}

func verify(b []byte) (Header, error) {
	h, err := parseWhole(b)
	if err != nil {
		return h, err
	}
	return h, h.Verify(b)
}

// Verify is the function of that name for the batch b of which h is the header:
// parsed, and as long as b.
func (h *Header) Verify(b []byte) error {
	if crc := crc32.Checksum(b[attributesPos:], castagnoli); crc != h.CRC {
		return fmt.Errorf("%w: crc %08x, want %08x", ErrCorrupt, crc, h.CRC)
	}
	return nil
}

// Extent returns the offsets of the first and the last record of a batch, and its
// size, of bytes that begin with one that was verified before.
func Extent(b []byte) (first, last int64, sizeBytes int) {
	first = int64(binary.BigEndian.Uint64(b))
	last = first + int64(int32(binary.BigEndian.Uint32(b[lastDeltaPos:])))
	return first, last, prefixBytes + int(int32(binary.BigEndian.Uint32(b[lengthPos:])))
}
