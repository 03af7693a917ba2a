package log

import "encoding/binary"

// A batchEntry is one record batch, byte for byte.
type batchEntry struct {
	at    partitionID
	batch []byte
}

const atBytes = 20 // topic id, partition

// appendBatchHeader appends what stands before the bytes of a batch: the
// entry's header, the topic's id and the partition.
func appendBatchHeader(dst []byte, at partitionID, batchBytes int) []byte {
	dst = append(dst, byte(entryBatch))
	dst = binary.BigEndian.AppendUint32(dst, uint32(atBytes+batchBytes))
	return appendAt(dst, at)
}

func (e batchEntry) appendTo(dst []byte) []byte {
	return append(appendBatchHeader(dst, e.at, len(e.batch)), e.batch...)
}

func decodeBatch(d *decoder) entry { return batchEntry{d.at(), d.rest()} }
