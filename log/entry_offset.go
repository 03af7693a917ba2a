package log

import "encoding/binary"

// An offsetEntry is an offset that a group has committed.
type offsetEntry struct {
	group string
	at    partitionID
	o     CommittedOffset
}

func (e offsetEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	return endEntry(e.appendPayload(beginEntry(dst, entryOffset)), begin)
}

func (e offsetEntry) appendPayload(dst []byte) []byte {
	dst = appendAt(appendString(dst, e.group), e.at)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.o.Offset))
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.o.LeaderEpoch))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.o.TimestampMillis))
	return appendString(dst, e.o.Metadata)
}

func decodeOffset(d *decoder) entry { return d.offsetEntry() }

func (d *decoder) offsetEntry() offsetEntry {
	return offsetEntry{d.string(), d.at(), CommittedOffset{
		Offset: d.offset(), LeaderEpoch: d.i32(), TimestampMillis: d.i64(), Metadata: d.string(),
	}}
}

// decodeOffset1 reads what format 1 wrote, which knew of no time: such offsets
// count as committed when the journal was converted, see loader.
func decodeOffset1(d *decoder) entry {
	return offsetEntry{d.string(), d.at(), CommittedOffset{Offset: d.offset(), LeaderEpoch: -1, Metadata: d.string()}}
}

// An offsetGoneEntry says that a group has no offset for a partition any more.
type offsetGoneEntry struct {
	group string
	at    partitionID
}

func (e offsetGoneEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendString(beginEntry(dst, entryOffsetGone), e.group)
	return endEntry(appendAt(dst, e.at), begin)
}

func decodeOffsetGone(d *decoder) entry { return offsetGoneEntry{d.string(), d.at()} }
