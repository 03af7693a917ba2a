package log

import (
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// cleanerWriteBytes is about how much is written at a time.
const cleanerWriteBytes = 256 << 10

// rewrite puts one segment in the place of a run of them. One that has nothing
// to lose stays as it is.
func (p *pass) rewrite(group []*segment.Segment, cleaned Offset) error {
	e := swapEntry{at: p.p.at(), first: Offset(group[0].Base()), end: Offset(group[len(group)-1].End()), cleaned: cleaned}
	s, err := p.write(group)
	if err != nil {
		return err
	}
	if s == nil {
		if cleaned == 0 {
			return nil
		}
		e.first = e.end // of no offsets: only cleaned moves
	} else {
		e.segments, e.opened = []segment.Meta{s.Meta()}, []*segment.Segment{s}
	}
	c := p.c.b.newCommit()
	c.entries = []entry{e}
	c.sequenced = func() error {
		if t := p.p.topic; t.going {
			return fmt.Errorf("topic %q was deleted: %w", t.name, ErrUnknownTopic)
		}
		return nil
	}
	err = p.c.b.commitFreeing(c)
	switch {
	case s == nil || err == nil:
	case errors.Is(err, ErrPoisoned): // the journal may have it
		err = errors.Join(err, s.Close())
	default:
		err = errors.Join(err, s.Remove())
	}
	return err
}

// write makes the segment of a run, on stable storage; or none, if it would be
// the same as the only one.
func (p *pass) write(group []*segment.Segment) (*segment.Segment, error) {
	generation := uint32(0)
	for _, s := range group {
		generation = max(generation, s.Generation())
	}
	dir := vfs.Sub(p.c.b.fsys, partitionDir(p.p.at()))
	s, err := segment.Create(p.c.b.files, dir, group[0].Base(), generation+1)
	if err != nil {
		return nil, errors.Join(err, segment.Remove(dir, group[0].Base(), generation+1))
	}
	w := compactWriter{p: p, s: s, changed: len(group) > 1}
	for i := 0; i < len(group) && err == nil; i++ {
		_, err = p.batches(group[i], 0, w.add)
	}
	if err == nil && w.changed {
		err = w.finish(group[len(group)-1].End())
	}
	if err == nil && w.changed {
		return s, nil
	}
	return nil, errors.Join(err, s.Remove())
}

// A compactWriter writes what is left of batches to a segment. Inside that they
// follow each other as ever: each stands for the offsets of those that went
// behind it. The last one waits in memory, until it is known how many these
// are.
type compactWriter struct {
	p       *pass
	s       *segment.Segment
	changed bool
	out     []byte
	first   int64 // offset of the first batch in out
	last    int   // where the last batch in out begins
	header  batch.Header
}

func (w *compactWriter) add(h *batch.Header, b []byte) (bool, error) {
	left, err := w.p.filter.apply(h, b)
	if err != nil {
		return false, err
	}
	// What stays as it is comes back as it is.
	if len(left) != len(b) || &left[0] != &b[0] {
		w.changed = true
	}
	if len(left) == 0 {
		return true, nil
	}
	if len(w.out) > 0 {
		w.stretch(h.BaseOffset)
		if len(w.out) >= cleanerWriteBytes {
			if err := w.flush(len(w.out)); err != nil {
				return false, err
			}
		}
	}
	if len(w.out) == 0 {
		w.first = h.BaseOffset
	}
	w.last = len(w.out)
	w.out = append(w.out, left...)
	w.header, err = batch.ParseHeader(left)
	return err == nil, err
}

// stretch makes the last batch stand for the offsets before next. The distance
// fits, as that of all offsets of a segment does.
func (w *compactWriter) stretch(next int64) {
	if w.header.LastOffset() == next-1 {
		return
	}
	w.header.LastOffsetDelta = int32(next - 1 - w.header.BaseOffset)
	batch.SetLastOffsetDelta(w.out[w.last:], w.header.LastOffsetDelta)
	w.changed = true
}

func (w *compactWriter) flush(n int) error {
	if err := w.s.Append([]segment.Span{{Bytes: w.out[:n], First: w.first, Last: w.header.LastOffset()}}, nil); err != nil {
		return err
	}
	w.out = w.out[:0]
	return w.p.account(&w.p.stats.BytesWritten, n)
}

// finish writes the rest and makes the segment durable. It ends where those
// that it was made from do.
func (w *compactWriter) finish(end int64) error {
	if len(w.out) > 0 {
		w.stretch(end)
		if err := w.flush(len(w.out)); err != nil {
			return err
		}
	}
	w.s.SetEnd(end)
	return w.s.Sync()
}
