package log

import (
	"encoding/binary"

	"github.com/freshet/freshet/log/internal/segment"
)

// A swapEntry says that compacted segments take the place of others, with the
// same offsets. The new ones are on stable storage before it is written.
type swapEntry struct {
	at       partitionID
	first    Offset // base of the first segment that goes
	end      Offset // end of the last
	segments []segment.Meta
	cleaned  Offset // what is below has been compacted

	opened []*segment.Segment // the same, where they are open already; not stored
}

func (e swapEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendAt(beginEntry(dst, entrySwap), e.at)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.first))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.end))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.cleaned))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.segments)))
	for _, m := range e.segments {
		dst = appendMeta(dst, m)
	}
	return endEntry(dst, begin)
}

func decodeSwap(d *decoder) entry {
	e := swapEntry{at: d.at(), first: d.offset(), end: d.offset(), cleaned: d.offset()}
	for n := d.count(metaBytes); n > 0; n-- {
		e.segments = append(e.segments, d.meta())
	}
	return e
}
