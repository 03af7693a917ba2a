package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// A Position says how far into its changelog a store in a DB has got: it holds
// every record below Offset.
type Position struct {
	// TopicID tells a changelog from another one of the same name.
	TopicID uuid.UUID

	// LeaderEpoch is the epoch of the log in which Offset was reached. A log
	// whose epoch ended below Offset has lost what this store was built from.
	LeaderEpoch int32

	// Offset is that of the first record that is not in the store.
	Offset int64

	// SeenMillis is a time at which the store had what the changelog had below
	// Offset, in epoch milliseconds; 0 if nobody knows. What was deleted later is
	// still told in the changelog, for as long as that keeps tombstones.
	SeenMillis int64
}

// positionVersion is the first byte of an encoded Position:
//
//	0         1               17             21       29     37
//	+---------+---------------+--------------+--------+------+
//	| version | topic id      | leader epoch | offset | seen |
//	+---------+---------------+--------------+--------+------+
//
// Version 1 has no time, and is read as one that nobody knows.
const (
	positionVersion = 2
	positionBytes   = 37
	position1Bytes  = 29
)

// positionPrefix begins the keys of positions. No store's key begins with 0x00.
const positionPrefix = "\x00position/"

var errPositionNegative = errors.New("negative offset, leader epoch or time")

// Append appends the encoded form, which has a fixed size.
func (p Position) Append(dst []byte) []byte {
	dst = append(dst, positionVersion)
	dst = append(dst, p.TopicID[:]...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.LeaderEpoch))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Offset))
	return binary.BigEndian.AppendUint64(dst, uint64(p.SeenMillis))
}

// DecodePosition is the inverse of Append, and reads older versions too. Its
// errors wrap ErrCorrupt.
func DecodePosition(b []byte) (Position, error) {
	if len(b) == 0 || b[0] < 1 || b[0] > positionVersion {
		return Position{}, fmt.Errorf("%w: position %x, want one of version 1 to %d", ErrCorrupt, b[:min(len(b), 1)], positionVersion)
	}
	want := positionBytes
	if b[0] == 1 {
		want = position1Bytes
	}
	if len(b) != want {
		return Position{}, fmt.Errorf("%w: position of %d bytes, want %d", ErrCorrupt, len(b), want)
	}
	p := Position{
		TopicID:     uuid.UUID(b[1:17]),
		LeaderEpoch: int32(binary.BigEndian.Uint32(b[17:])),
		Offset:      int64(binary.BigEndian.Uint64(b[21:])),
	}
	if b[0] > 1 {
		p.SeenMillis = int64(binary.BigEndian.Uint64(b[position1Bytes:]))
	}
	if p.Offset < 0 || p.LeaderEpoch < 0 || p.SeenMillis < 0 {
		return Position{}, fmt.Errorf("%w: position %d of epoch %d: %w", ErrCorrupt, p.Offset, p.LeaderEpoch, errPositionNegative)
	}
	return p, nil
}

// String returns offset@epoch of topic id, for people.
func (p Position) String() string {
	return fmt.Sprintf("%d@%d of %s", p.Offset, p.LeaderEpoch, p.TopicID)
}

// PositionWrite is the write that records the position of a store. It goes into
// the same [DB.Apply] as the values that it speaks of.
func PositionWrite(store string, p Position) Write {
	return Write{Key: []byte(positionPrefix + store), Value: p.Append(nil)}
}

// ReadPosition returns the position of a store in db; found is false if the
// store was never written.
func ReadPosition(db DB, store string) (p Position, found bool, err error) {
	b, found, err := db.Get([]byte(positionPrefix + store))
	if err != nil || !found {
		return Position{}, false, err
	}
	p, err = DecodePosition(b)
	if err != nil {
		return Position{}, false, fmt.Errorf("position of store %s: %w", store, err)
	}
	return p, true, nil
}
