package log

import "github.com/freshet/freshet/internal/batch"

// A layout is the leader's memory for what a group of commits writes to the
// journal. It is used again for the next group.
type layout struct {
	meta   []byte     // what stands between batches
	pieces [][]byte   // of the parts, back to back
	parts  [][][]byte // of the commits
	begin  int        // of the part that is being laid out, in pieces
}

// maxIdleLayout is how much of meta is kept between groups.
const maxIdleLayout = 1 << 20

// add makes what was appended to meta since begin a piece, with what follows it.
func (l *layout) add(begin int, then ...[]byte) {
	l.pieces = append(append(l.pieces, l.meta[begin:len(l.meta):len(l.meta)]), then...)
}

// endPart closes a part.
func (l *layout) endPart() {
	l.parts = append(l.parts, l.pieces[l.begin:len(l.pieces):len(l.pieces)])
	l.begin = len(l.pieces)
}

// reset forgets the group.
func (l *layout) reset() {
	clear(l.pieces)
	clear(l.parts)
	l.meta, l.pieces, l.parts, l.begin = l.meta[:0], l.pieces[:0], l.parts[:0], 0
	if cap(l.meta) > maxIdleLayout {
		*l = layout{}
	}
}

// layOut gives offsets and describes the records of the journal.
func (c *Commit) layOut() error {
	l := &c.b.layout
	first := len(l.parts)
	l.begin = len(l.pieces)
	size := 0
	for i := range c.batches {
		cb := &c.batches[i]
		c.number(i)
		if cb.header != nil {
			if err := c.noteProduced(cb); err != nil {
				return err
			}
		}
		placed, err := c.b.place(cb)
		if err != nil {
			return err
		}
		begin := len(l.meta)
		if placed {
			l.meta = cb.placedEntry().appendTo(l.meta)
			l.add(begin)
			c.entry.Elsewhere += int64(len(cb.bytes))
			continue
		}
		if size > 0 && size+len(cb.bytes) > c.b.cfg.partBytes {
			l.endPart()
			size = 0
		}
		l.meta = appendBatchHeader(l.meta, cb.p.at(), len(cb.bytes))
		l.add(begin, cb.bytes)
		size += len(cb.bytes)
	}
	begin := len(l.meta)
	for _, other := range c.entries {
		l.meta = other.appendTo(l.meta)
	}
	for i := range c.offsets {
		l.meta = c.offsets[i].entry().appendTo(l.meta)
	}
	l.add(begin)
	l.endPart()
	c.entry.Parts = l.parts[first:len(l.parts):len(l.parts)]
	return nil
}

// number gives batch i its offsets.
func (c *Commit) number(i int) {
	cb := &c.batches[i]
	cb.first = cb.p.next
	cb.last = cb.first + cb.count - 1
	cb.p.next = cb.last + 1
	c.numbered = i + 1
	batch.Stamp(cb.bytes, int64(cb.first), c.b.epoch)
}

func (cb *commitBatch) placedEntry() placedEntry {
	return placedEntry{cb.p.at(), Offset(cb.place.segment.Base()), cb.place.pos, cb.bytes[:batch.HeaderBytes]}
}

func (c *Commit) noteProduced(cb *commitBatch) error {
	s := c.b.states(cb.p)
	cb.header.BaseOffset = int64(cb.first)
	out, err := noteProduced(s, cb.header, cb.bytes, c.b.cfg.Now())
	if err != nil {
		return err
	}
	cb.produced = &out
	c.undo = append(c.undo, func() { s.Undo(out.undo) })
	return nil
}
