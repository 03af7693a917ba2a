package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// HeaderBytes is the size of a batch without its records.
const HeaderBytes = 61

// MaxBytes is the size of the largest batch that the length field can express.
const MaxBytes = math.MaxInt32

// Places of the fields of a batch.
const (
	lengthPos       = 8
	leaderEpochPos  = 12
	magicPos        = 16
	crcPos          = 17
	attributesPos   = 21 // the checksum covers what begins here
	lastDeltaPos    = 23
	baseTimePos     = 27
	maxTimePos      = 35
	producerIDPos   = 43
	producerEpPos   = 51
	baseSequencePos = 53
	countPos        = 57
)

// prefixBytes is what the length field does not count: base offset and itself.
const prefixBytes = leaderEpochPos

// magic is the version of the format that this package speaks.
const magic = 2

// The bits of [Header.Attributes].
const (
	// CompressionMask selects the codec; see [Codec].
	CompressionMask int16 = 0x07
	// LogAppendTime says that every record bears the batch's max timestamp.
	LogAppendTime int16 = 0x08
	// Transactional says that the batch belongs to a transaction.
	Transactional int16 = 0x10
	// Control says that the batch holds a marker that no application sees.
	Control int16 = 0x20
	// DeleteHorizon says that the base timestamp is the moment from which
	// compaction may drop the tombstones of the batch.
	DeleteHorizon int16 = 0x40
)

var (
	// ErrCorrupt is wrapped by every error that means the bytes are wrong.
	ErrCorrupt = errors.New("corrupt record batch")

	// ErrCompressed is wrapped by the errors about batches that are sound, but
	// compressed where they must not be, or in a way that is not known.
	ErrCompressed = errors.New("compressed record batch")

	// ErrTooLarge is wrapped by the errors about batches that are larger than
	// they may be, or would become so.
	ErrTooLarge = errors.New("record batch too large")

	// ErrInvalid is wrapped by the errors about batches that are sound, but that
	// no producer may send.
	ErrInvalid = errors.New("invalid record batch")
)

// A Header is what a batch says of itself before its records.
type Header struct {
	BaseOffset          int64  // of the first record
	LengthBytes         int32  // of what follows this field
	LeaderEpoch         int32  // of the log when it was appended; -1 before
	CRC                 uint32 // Castagnoli, from the attributes to the end
	Attributes          int16
	LastOffsetDelta     int32 // last offset - base offset; compaction keeps it
	BaseTimestampMillis int64 // of the first record once, or the delete horizon; deltas count from it
	MaxTimestampMillis  int64
	ProducerID          int64 // -1: none
	ProducerEpoch       int16 // -1: none
	BaseSequence        int32 // -1: none
	Count               int32 // of records; compaction may leave none
}

// ParseHeader reads the first HeaderBytes bytes of b, which may go on. It
// returns an error that wraps [ErrCorrupt] when a field is out of its bounds or
// the version is not 2. The checksum is left to [Verify].
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderBytes {
		return Header{}, fmt.Errorf("%w: %d bytes, want %d for a header", ErrCorrupt, len(b), HeaderBytes)
	}
	if b[magicPos] != magic {
		return Header{}, fmt.Errorf("%w: magic %d, want %d", ErrCorrupt, b[magicPos], magic)
	}
	h := Header{
		BaseOffset:          int64(binary.BigEndian.Uint64(b)),
		LengthBytes:         int32(binary.BigEndian.Uint32(b[lengthPos:])),
		LeaderEpoch:         int32(binary.BigEndian.Uint32(b[leaderEpochPos:])),
		CRC:                 binary.BigEndian.Uint32(b[crcPos:]),
		Attributes:          int16(binary.BigEndian.Uint16(b[attributesPos:])),
		LastOffsetDelta:     int32(binary.BigEndian.Uint32(b[lastDeltaPos:])),
		BaseTimestampMillis: int64(binary.BigEndian.Uint64(b[baseTimePos:])),
		MaxTimestampMillis:  int64(binary.BigEndian.Uint64(b[maxTimePos:])),
		ProducerID:          int64(binary.BigEndian.Uint64(b[producerIDPos:])),
		ProducerEpoch:       int16(binary.BigEndian.Uint16(b[producerEpPos:])),
		BaseSequence:        int32(binary.BigEndian.Uint32(b[baseSequencePos:])),
		Count:               int32(binary.BigEndian.Uint32(b[countPos:])),
	}
	return h, h.check()
}

// check finds the values that no sound batch has.
func (h *Header) check() error {
	switch {
	case h.LengthBytes < HeaderBytes-prefixBytes || h.LengthBytes > MaxBytes-prefixBytes:
		return fmt.Errorf("%w: length %d, want %d to %d", ErrCorrupt, h.LengthBytes, HeaderBytes-prefixBytes, MaxBytes-prefixBytes)
	case h.BaseOffset < 0:
		return fmt.Errorf("%w: base offset %d is negative", ErrCorrupt, h.BaseOffset)
	case h.LastOffsetDelta < 0:
		return fmt.Errorf("%w: last offset delta %d is negative", ErrCorrupt, h.LastOffsetDelta)
	case h.BaseOffset > math.MaxInt64-1-int64(h.LastOffsetDelta):
		return fmt.Errorf("%w: base offset %d + %d leaves no next offset", ErrCorrupt, h.BaseOffset, h.LastOffsetDelta)
	case h.Count < 0 || int64(h.Count) > int64(h.LastOffsetDelta)+1:
		return fmt.Errorf("%w: count %d, want 0 to %d", ErrCorrupt, h.Count, int64(h.LastOffsetDelta)+1)
	case h.Codec() == None && int64(h.Count)*minRecordBytes > int64(h.SizeBytes()-HeaderBytes):
		return fmt.Errorf("%w: count %d does not fit in %d bytes", ErrCorrupt, h.Count, h.SizeBytes()-HeaderBytes)
	}
	return nil
}

// SizeBytes returns the size of the whole batch.
func (h Header) SizeBytes() int { return prefixBytes + int(h.LengthBytes) }

// LastOffset returns the offset of the last record that the batch was written
// with.
func (h Header) LastOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) }

// Codec returns how the records are compressed.
func (h Header) Codec() Codec { return Codec(h.Attributes & CompressionMask) }

// parseWhole is ParseHeader for a b that must be one whole batch.
func parseWhole(b []byte) (Header, error) {
	h, err := ParseHeader(b)
	if err == nil && h.SizeBytes() != len(b) {
		err = fmt.Errorf("%w: %d bytes, want %d by its length field", ErrCorrupt, len(b), h.SizeBytes())
	}
	return h, err
}
