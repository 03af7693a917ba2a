package log

import "encoding/binary"

// A groupEntry is what outlives the process of a group: its generation, so that
// a commit of an earlier one is never taken for one of now.
type groupEntry struct {
	group        string
	generation   int32
	protocolType string
}

func (e groupEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendString(beginEntry(dst, entryGroup), e.group)
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.generation))
	return endEntry(appendString(dst, e.protocolType), begin)
}

func decodeGroup(d *decoder) entry { return groupEntry{d.string(), d.i32(), d.string()} }

// A groupGoneEntry says that a group is no more, nor are its offsets.
type groupGoneEntry struct{ group string }

func (e groupGoneEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	return endEntry(appendString(beginEntry(dst, entryGroupGone), e.group), begin)
}

func decodeGroupGone(d *decoder) entry { return groupGoneEntry{d.string()} }
