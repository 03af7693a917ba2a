package log

import "encoding/binary"

// A doomedEntry names files that nothing needs once the checkpoint that holds it
// is durable: a segment or, with allPartitions, a whole topic. It is written down
// so that files are only ever deleted because it was decided, never because
// nothing is known of them.
type doomedEntry struct {
	at         partitionID
	base       Offset
	generation uint32
}

// allPartitions, as the partition of a doomedEntry, is the directory of the topic.
const allPartitions = -1

func (e doomedEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendAt(beginEntry(dst, entryDoomed), e.at)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.base))
	return endEntry(binary.BigEndian.AppendUint32(dst, e.generation), begin)
}

func decodeDoomed(d *decoder) entry { return doomedEntry{d.at(), d.offset(), d.u32()} }
