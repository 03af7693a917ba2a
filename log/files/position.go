package files

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/freshet/freshet/log"
)

// A Position is how far a file was read.
//
//	0        1        2                 10                18               50
//	+--------+--------+-----------------+-----------------+----------------+
//	| version| flags  | offset          | lines           | sha-256        |
//	+--------+--------+-----------------+-----------------+----------------+
//
// Big-endian. The only flag is bit 0: the last line was not ended by a newline.
type Position struct {
	OffsetBytes  int64             // of the first byte not read
	Lines        int64             // before it
	Unterminated bool              // the last of Lines has no newline so far
	Hash         [sha256.Size]byte // of the bytes before OffsetBytes
}

const (
	positionVersion  = 1
	flagUnterminated = 1 << 0

	flagsPos      = 1
	offsetPos     = 2
	linesPos      = 10
	hashPos       = 18
	positionBytes = hashPos + sha256.Size
)

// AppendPosition appends p in the form that [ParsePosition] reads.
func AppendPosition(dst []byte, p Position) []byte {
	var flags byte
	if p.Unterminated {
		flags |= flagUnterminated
	}
	dst = append(dst, positionVersion, flags)
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.OffsetBytes))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Lines))
	return append(dst, p.Hash[:]...)
}

// ParsePosition reads the value of a record of positions. It returns an error
// that wraps log.ErrVersion for a version other than this one, and
// log.ErrCorrupt for bytes that no version 1 has.
func ParsePosition(b []byte) (Position, error) {
	if len(b) > 0 && b[0] != positionVersion {
		return Position{}, fmt.Errorf("%w: position of version %d, want %d", log.ErrVersion, b[0], positionVersion)
	}
	if len(b) != positionBytes {
		return Position{}, fmt.Errorf("%w: position of %d bytes, want %d", log.ErrCorrupt, len(b), positionBytes)
	}
	p := Position{
		OffsetBytes:  int64(binary.BigEndian.Uint64(b[offsetPos:])),
		Lines:        int64(binary.BigEndian.Uint64(b[linesPos:])),
		Unterminated: b[flagsPos]&flagUnterminated != 0,
		Hash:         [sha256.Size]byte(b[hashPos:]),
	}
	switch {
	case b[flagsPos]&^flagUnterminated != 0:
		return Position{}, fmt.Errorf("%w: position with flags %08b, want 0 or 1", log.ErrCorrupt, b[flagsPos])
	case p.OffsetBytes < 0 || p.Lines < 0 || p.Lines > p.OffsetBytes:
		return Position{}, fmt.Errorf("%w: position with %d lines in %d bytes", log.ErrCorrupt, p.Lines, p.OffsetBytes)
	case p.Unterminated && p.Lines == 0:
		return Position{}, fmt.Errorf("%w: position with an unterminated line and no lines", log.ErrCorrupt)
	}
	return p, nil
}
