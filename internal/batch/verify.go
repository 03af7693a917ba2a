package batch

import (
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
	if crc := crc32.Checksum(b[attributesPos:], castagnoli); crc != h.CRC {
		return h, fmt.Errorf("%w: crc %08x, want %08x", ErrCorrupt, crc, h.CRC)
	}
	return h, nil
}
