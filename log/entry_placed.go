package log

import (
	"encoding/binary"

	"github.com/freshet/freshet/internal/batch"
)

// A placedEntry is a record batch that stands in its segment: its header, and
// where it begins there.
type placedEntry struct {
	at     partitionID
	base   Offset // of the segment
	pos    int64
	header []byte
}

func (e placedEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendAt(beginEntry(dst, entryPlaced), e.at)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.base))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.pos))
	return endEntry(append(dst, e.header...), begin)
}

func decodePlaced(d *decoder) entry {
	return placedEntry{d.at(), d.offset(), d.i64(), d.take(batch.HeaderBytes)}
}
