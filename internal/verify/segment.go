package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

func (p *partition) fileName(n segmentName, suffix string) string {
	if n.generation == 0 {
		return fmt.Sprintf("%s/%020d%s", p.dir(), n.base, suffix)
	}
	return fmt.Sprintf("%s/%020d.%d%s", p.dir(), n.base, n.generation, suffix)
}

func (p *partition) logName(n segmentName) string       { return p.fileName(n, ".log") }
func (p *partition) indexName(n segmentName) string     { return p.fileName(n, ".index") }
func (p *partition) timeIndexName(n segmentName) string { return p.fileName(n, ".timeindex") }

// partition reads the segments of p.
func (v *verifier) partition(p *partition) {
	h := newPast(v, p)
	for _, g := range p.segments {
		v.report.Segments++
		v.segment(p, g, h)
		if g.generation > 0 {
			h.begin(g.end)
		}
	}
	h.end()
}

func (v *verifier) segment(p *partition, g segment, h *past) {
	name := p.logName(g.segmentName)
	f, err := openFile(v.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		h.lost()
		if !v.gone(p, g) {
			v.report.problem(name, 0, "segment of %s is missing (put it back from a backup)", p)
		}
		return
	}
	if err != nil {
		h.lost()
		v.unreadable(name, err)
		return
	}
	defer done(f)
	info, err := f.Stat()
	if err != nil {
		h.lost()
		v.unreadable(name, err)
		return
	}
	size := min(info.Size(), g.size)
	if size < g.size {
		h.lost()
		v.report.problem(name, size, "segment of %s is %d bytes, want %d", p, size, g.size)
	}
	x := v.openIndex(p, g)
	defer x.close()
	times := v.openTimeIndex(p, g)
	defer times.close()
	w := &segmentWalk{v: v, p: p, g: g, name: name, index: x, times: times, past: h}
	v.stream.open(f, size)
	w.run(&v.stream)
}

// gone reports whether a segment is missing because its owner does not need it
// any more, as a checkpoint says that was written since.
func (v *verifier) gone(p *partition, g segment) bool {
	for {
		now := identity(v.fsys)
		switch {
		case now == v.identity:
			return false
		case v.newer == nil || v.newer.identity != now:
			v.newer = load(v.fsys, v.boot, nil)
			if !v.newer.report.OK() {
				return false
			}
		}
		t := v.newer.topics[p.topic.id]
		if t == nil || int(p.number) >= len(t.partitions) {
			return true
		}
		if !slices.ContainsFunc(t.partitions[p.number].segments, func(h segment) bool { return h.segmentName == g.segmentName }) {
			return true
		}
		if identity(v.fsys) == now {
			return false
		}
	}
}

// A segmentWalk reads the batches of one segment.
type segmentWalk struct {
	v     *verifier
	p     *partition
	g     segment
	name  string
	index *indexWalk
	times *timeIndexWalk
	past  *past
	next  int64 // offset that the next batch must begin with

	batches            int64
	firstTime, maxTime int64
}

func (w *segmentWalk) run(s *stream) {
	w.next = w.g.first
	end := s.limit
	for s.pos < end {
		b, err := w.v.batch(s, w.p, 0)
		s.seek(s.pos, end) // batch leaves the error of a bad one
		if err == nil {
			err = w.check(b)
		}
		if err != nil {
			w.problem(b.pos, err)
			w.index.damaged()
			w.times.damaged()
			w.past.lost()
			if !w.resync(s, b, end) {
				w.problem(b.pos, fmt.Errorf("what follows, %d bytes, cannot be told apart", end-b.pos))
				return
			}
		} else {
			w.v.report.Batches++
			w.v.report.Records += int64(b.count)
			w.index.batch(b)
			w.times.batch(b)
			w.note(&b)
			w.past.batch(w, &b)
		}
		w.v.report.Bytes += b.size
		w.next = b.last + 1
		s.seek(b.pos+b.size, end)
	}
	if w.next != w.g.end && end == w.g.size {
		w.problem(end, fmt.Errorf("it ends before offset %d, want %d", w.next, w.g.end))
	}
	w.index.end()
	w.times.end()
	if end == w.g.size {
		w.checkTimes()
	}
}

func (w *segmentWalk) note(b *batch) {
	if w.batches == 0 {
		w.firstTime, w.maxTime = b.maxTime, b.maxTime
	}
	w.maxTime = max(w.maxTime, b.maxTime)
	w.batches++
}

// checkTimes compares what the checkpoint says of timestamps with the batches.
func (w *segmentWalk) checkTimes() {
	g := &w.g
	if w.batches > 0 && (g.firstTime != unknownTime && g.firstTime != w.firstTime || g.maxTime != unknownTime && g.maxTime != w.maxTime) {
		w.problem(0, fmt.Errorf("timestamps %d in the first and at most %d in all, CHECKPOINT has %d and %d", w.firstTime, w.maxTime, g.firstTime, g.maxTime))
	}
}

// check finds what does not fit in the segment. None of it is under the
// checksum of the batch.
func (w *segmentWalk) check(b batch) error {
	if b.base != w.next {
		return fmt.Errorf("it begins at offset %d, want %d", b.base, w.next)
	}
	if err := b.checkProducer(); err != nil {
		return err
	}
	if b.last >= w.g.end {
		return fmt.Errorf("it ends at offset %d, the segment at %d", b.last, w.g.end)
	}
	// Of records that are no more the epochs may be forgotten.
	if epoch, known := w.p.epochAt(b.base); epoch != b.epoch && (known || b.base >= w.p.start) {
		return fmt.Errorf("leader epoch %d, CHECKPOINT has %d for offset %d", b.epoch, epoch, b.base)
	}
	return nil
}

func (w *segmentWalk) problem(pos int64, err error) {
	w.v.report.problem(w.name, pos, "batch of %s: %v", w.p, err)
}

// resync reports whether the batch behind a bad one is where its length says.
func (w *segmentWalk) resync(s *stream, b batch, end int64) bool {
	at := b.pos + b.size
	if b.size == 0 || at > end {
		return false
	}
	if at == end {
		return true
	}
	s.seek(at, end)
	after, _ := s.batch(nil) // its own errors are found in its own turn
	return after.size > 0 && after.base > w.next
}
