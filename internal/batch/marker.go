package batch

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A Marker is the record of a control batch that ends the transaction of a
// producer in a partition: readers skip what a producer has aborted.
type Marker struct {
	Commit           bool
	CoordinatorEpoch int32 // of the transaction coordinator that wrote it
}

const (
	markerAbort  = 0
	markerCommit = 1

	// markerKeyBytes is a version and a type, markerValueBytes a version and the
	// epoch; the versions are 0.
	markerKeyBytes   = 4
	markerValueBytes = 6
)

// AppendMarker appends to dst the control batch that ends a transaction of the
// producer with m. It is stamped as any batch.
func AppendMarker(dst []byte, m Marker, producerID int64, producerEpoch int16, timestampMillis int64) []byte {
	var key [markerKeyBytes]byte
	var value [markerValueBytes]byte
	if m.Commit {
		key[3] = markerCommit
	}
	binary.BigEndian.PutUint32(value[2:], uint32(m.CoordinatorEpoch))

	start := len(dst)
	dst = slices.Grow(dst, HeaderBytes+maxRecordFieldBytes+len(key)+len(value))
	var b Builder
	b.ResetBuffer(dst[start:])
	b.SetProducer(producerID, producerEpoch, -1)
	b.SetTransactional(true)
	b.SetControl(true)
	b.Append(timestampMillis, key[:], value[:], nil)
	return dst[:start+len(b.Finish())] // in place: there was room
}

// ParseMarker reads a record of a control batch. It returns an error that wraps
// [ErrCorrupt] if it is not the end of a transaction.
//
// Later versions may have more fields behind those that are known.
func ParseMarker(rec *Record) (Marker, error) {
	if len(rec.Key) < markerKeyBytes || int16(binary.BigEndian.Uint16(rec.Key)) < 0 {
		return Marker{}, fmt.Errorf("%w: control record at offset %d: its key is %x", ErrCorrupt, rec.Offset, rec.Key)
	}
	kind := binary.BigEndian.Uint16(rec.Key[2:])
	if kind != markerAbort && kind != markerCommit {
		return Marker{}, fmt.Errorf("%w: control record at offset %d: type %d, want %d (abort) or %d (commit)",
			ErrCorrupt, rec.Offset, int16(kind), markerAbort, markerCommit)
	}
	if len(rec.Value) < markerValueBytes || int16(binary.BigEndian.Uint16(rec.Value)) < 0 {
		return Marker{}, fmt.Errorf("%w: control record at offset %d: its value is %x", ErrCorrupt, rec.Offset, rec.Value)
	}
	return Marker{kind == markerCommit, int32(binary.BigEndian.Uint32(rec.Value[2:]))}, nil
}
