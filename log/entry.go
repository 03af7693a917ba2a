package log

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// The journal's records and the checkpoint are made of entries: a type, the
// length of the payload, the payload.
//
//	0   1       5
//	+---+-------+----------
//	| t |length | payload
//	+---+-------+----------
//
// Strings are a 16-bit length and bytes. Format: docs/format/journal.md.
type entryType byte

const (
	entryTopic        entryType = 1 // a topic as it is from here on
	entryBatch        entryType = 2 // a record batch was appended
	entryOffset1      entryType = 3 // format 1: a group committed an offset
	entryPartition1   entryType = 4 // format 1, checkpoint only: what a partition's segments hold
	entryTopicDeleted entryType = 5
	entryLogStart     entryType = 6  // older records of a partition are no more
	entryOffset       entryType = 7  // a group committed an offset
	entryOffsetGone   entryType = 8  // a group's offset was deleted
	entryPartition    entryType = 9  // checkpoint only: what a partition's segments hold
	entryDoomed       entryType = 10 // checkpoint only: files to be removed
	entrySwap         entryType = 11 // compacted segments take the place of others
	entryGroup        entryType = 12 // a group as it is from here on
	entryGroupGone    entryType = 13
	entryProducerID   entryType = 14 // producer ids were given away
	entryTxn          entryType = 15 // a transactional id as it is from here on
	entryTxnGone      entryType = 16
	entryTxnOffset    entryType = 17 // an offset in an open transaction
	entryProducers    entryType = 18 // checkpoint only: producers of a partition
	entryAborted      entryType = 19 // checkpoint only: aborted transactions of a partition
	entryPlaced       entryType = 20 // a record batch was appended, and stands in its segment
)

const entryHeaderBytes = 5

// An entry is one change, decoded. Its slices alias what it was decoded from.
type entry interface {
	// appendTo appends the entry as it is stored.
	appendTo(dst []byte) []byte
}

// beginEntry appends the header of an entry whose payload follows; endEntry
// fills in its length.
func beginEntry(dst []byte, t entryType) []byte {
	return append(dst, byte(t), 0, 0, 0, 0)
}

func endEntry(dst []byte, begin int) []byte {
	binary.BigEndian.PutUint32(dst[begin+1:], uint32(len(dst)-begin-entryHeaderBytes))
	return dst
}

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

var errShortEntry = errors.New("entry is cut short")

// applyEntries decodes the entries of b and hands them to apply, in order.
func applyEntries(b []byte, apply func(entry) error) error {
	for len(b) > 0 {
		if len(b) < entryHeaderBytes {
			return errShortEntry
		}
		t, n := entryType(b[0]), binary.BigEndian.Uint32(b[1:])
		b = b[entryHeaderBytes:]
		if uint64(n) > uint64(len(b)) {
			return fmt.Errorf("entry of %d bytes, %d left: %w", n, len(b), errShortEntry)
		}
		e, err := decodeEntry(t, b[:n:n])
		if err == nil {
			err = apply(e)
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// decoders has one function for each type of entry. What it leaves over is an
// error.
var decoders = map[entryType]struct {
	name   string
	decode func(*decoder) entry
}{
	entryTopic:        {"topic", decodeTopic},
	entryBatch:        {"batch", decodeBatch},
	entryOffset1:      {"offset of format 1", decodeOffset1},
	entryPartition1:   {"partition of format 1", decodePartition1},
	entryTopicDeleted: {"topic deleted", decodeTopicDeleted},
	entryLogStart:     {"log start", decodeLogStart},
	entryOffset:       {"offset", decodeOffset},
	entryOffsetGone:   {"offset deleted", decodeOffsetGone},
	entryPartition:    {"partition", decodePartition},
	entryDoomed:       {"doomed files", decodeDoomed},
	entrySwap:         {"swap", decodeSwap},
	entryGroup:        {"group", decodeGroup},
	entryGroupGone:    {"group deleted", decodeGroupGone},
	entryProducerID:   {"producer id", decodeProducerID},
	entryTxn:          {"transaction", decodeTxn},
	entryTxnGone:      {"transactional id forgotten", decodeTxnGone},
	entryTxnOffset:    {"offset of a transaction", decodeTxnOffset},
	entryProducers:    {"producers", decodeProducers},
	entryAborted:      {"aborted transactions", decodeAborted},
	entryPlaced:       {"placed batch", decodePlaced},
}

func decodeEntry(t entryType, payload []byte) (entry, error) {
	how, ok := decoders[t]
	if !ok {
		return nil, fmt.Errorf("entry of unknown type %d", t)
	}
	d := decoder{b: payload}
	e := how.decode(&d)
	if err := d.done(); err != nil {
		return nil, fmt.Errorf("%s entry: %w", how.name, err)
	}
	return e, nil
}

// A decoder takes values off the front of b. After the first that is not
// there all are zero and err is set.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && n > len(d.b) {
		d.err = errShortEntry
	}
	if d.err != nil {
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// rest takes everything that is left.
func (d *decoder) rest() []byte { return d.take(len(d.b)) }

func (d *decoder) u8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) i32() int32      { return int32(d.u32()) }
func (d *decoder) i64() int64      { return int64(d.u64()) }
func (d *decoder) offset() Offset  { return Offset(d.u64()) }
func (d *decoder) string() string  { return string(d.take(int(d.u16()))) }
func (d *decoder) at() partitionID { return partitionID{d.id(), d.i32()} }

func (d *decoder) id() (id uuid.UUID) {
	copy(id[:], d.take(len(id)))
	return id
}

// count takes the number of items that follow, each of at least itemBytes, so
// that nothing is made for items that cannot be there.
func (d *decoder) count(itemBytes int) int {
	n := d.u32()
	if uint64(n)*uint64(itemBytes) > uint64(len(d.b)) {
		d.fail(fmt.Errorf("%d items of %d bytes, %d left: %w", n, itemBytes, len(d.b), errShortEntry))
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

// done reports what was wrong, bytes left over included.
func (d *decoder) done() error {
	if d.err == nil && len(d.b) > 0 {
		d.err = fmt.Errorf("%d bytes too many", len(d.b))
	}
	return d.err
}

// A partitionID names a partition on disk, whatever its topic is called.
type partitionID struct {
	topic     uuid.UUID
	partition int32
}

func appendAt(dst []byte, at partitionID) []byte {
	dst = append(dst, at.topic[:]...)
	return binary.BigEndian.AppendUint32(dst, uint32(at.partition))
}
