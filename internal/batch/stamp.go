package batch

import (
	"encoding/binary"
	"hash/crc32"
)

// The functions here change finished batches in place. They take what [Verify]
// or [Builder.Finish] has let through, compressed or not, and panic on less
// than a header.

// Stamp writes where and when the batch b was appended. Neither is under the
// checksum.
func Stamp(b []byte, baseOffset int64, leaderEpoch int32) {
	binary.BigEndian.PutUint64(b, uint64(baseOffset))
	binary.BigEndian.PutUint32(b[leaderEpochPos:], uint32(leaderEpoch))
}

// StampProducer makes the batch b one of a producer that counts its records,
// and says whether it belongs to a transaction. It computes the checksum anew.
func StampProducer(b []byte, id int64, epoch int16, baseSequence int32, transactional bool) {
	putProducer(b, id, epoch, baseSequence)
	attributes := attributesOf(b) &^ Transactional
	if transactional {
		attributes |= Transactional
	}
	putAttributes(b, attributes)
	sum(b)
}

// StampLogAppendTime gives all records of the batch b this timestamp. It
// computes the checksum anew.
func StampLogAppendTime(b []byte, millis int64) {
	putAttributes(b, attributesOf(b)|LogAppendTime)
	StampMaxTimestamp(b, millis)
}

// StampMaxTimestamp corrects the max timestamp of the batch b, for producers
// that do not fill it in; see [Contents]. It computes the checksum anew.
func StampMaxTimestamp(b []byte, millis int64) {
	binary.BigEndian.PutUint64(b[maxTimePos:], uint64(millis))
	sum(b)
}

// SetLastOffsetDelta says how many offsets the batch b stands for beyond its
// first, which is more than its records need once others were dropped behind
// them; it must not be less. It computes the checksum anew.
//
// The sequence number of a producer's last record is told from this delta too,
// so it cannot be told any more once the delta has grown.
func SetLastOffsetDelta(b []byte, delta int32) {
	binary.BigEndian.PutUint32(b[lastDeltaPos:], uint32(delta))
	sum(b)
}

func attributesOf(b []byte) int16 { return int16(binary.BigEndian.Uint16(b[attributesPos:])) }

func putAttributes(b []byte, attributes int16) {
	binary.BigEndian.PutUint16(b[attributesPos:], uint16(attributes))
}

func putProducer(b []byte, id int64, epoch int16, baseSequence int32) {
	binary.BigEndian.PutUint64(b[producerIDPos:], uint64(id))
	binary.BigEndian.PutUint16(b[producerEpPos:], uint16(epoch))
	binary.BigEndian.PutUint32(b[baseSequencePos:], uint32(baseSequence))
}

// sum computes the checksum of a whole batch.
func sum(b []byte) {
	binary.BigEndian.PutUint32(b[crcPos:], crc32.Checksum(b[attributesPos:], castagnoli))
}
