package verify

import (
	"errors"
	"fmt"
	"io/fs"
)

func (p *partition) logName(base int64) string   { return fmt.Sprintf("%s/%020d.log", p.dir(), base) }
func (p *partition) indexName(base int64) string { return fmt.Sprintf("%s/%020d.index", p.dir(), base) }
func (p *partition) timeIndexName(base int64) string {
	return fmt.Sprintf("%s/%020d.timeindex", p.dir(), base)
}

// partition reads the segments of p.
func (v *verifier) partition(p *partition) {
	for _, g := range p.segments {
		v.report.Segments++
		v.segment(p, g)
	}
}

func (v *verifier) segment(p *partition, g segment) {
	name := p.logName(g.base)
	f, err := openFile(v.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		v.report.problem(name, 0, "segment of %s is missing (put it back from a backup)", p)
		return
	}
	if err != nil {
		v.unreadable(name, err)
		return
	}
	defer done(f)
	info, err := f.Stat()
	if err != nil {
		v.unreadable(name, err)
		return
	}
	size := min(info.Size(), g.size)
	if size < g.size {
		v.report.problem(name, size, "segment of %s is %d bytes, want %d", p, size, g.size)
	}
	x := v.openIndex(p, g)
	defer x.close()
	times := v.openTimeIndex(p, g)
	defer times.close()
	w := &segmentWalk{v: v, p: p, g: g, name: name, index: x, times: times}
	v.stream.open(f, size)
	w.run(&v.stream)
}

// A segmentWalk reads the batches of one segment.
type segmentWalk struct {
	v     *verifier
	p     *partition
	g     segment
	name  string
	index *indexWalk
	times *timeIndexWalk
	next  int64 // offset that the next batch must begin with
}

func (w *segmentWalk) run(s *stream) {
	w.next = w.g.base
	end := s.limit
	for s.pos < end {
		b, err := s.batch()
		s.seek(s.pos, end) // batch leaves the error of a bad one
		if err == nil {
			err = w.check(b)
		}
		if err != nil {
			w.problem(b.pos, err)
			w.index.damaged()
			w.times.damaged()
			if !w.resync(s, b, end) {
				w.problem(b.pos, fmt.Errorf("what follows, %d bytes, cannot be told apart", end-b.pos))
				return
			}
		} else {
			w.v.report.Batches++
			w.v.report.Records += int64(b.count)
			w.index.batch(b)
			w.times.batch(b)
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
}

// check finds what does not fit in the segment. None of it is under the
// checksum of the batch.
func (w *segmentWalk) check(b batch) error {
	if b.base != w.next {
		return fmt.Errorf("it begins at offset %d, want %d", b.base, w.next)
	}
	if epoch, known := w.p.epochAt(b.base); !known || epoch != b.epoch {
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
	after, _ := s.batch() // its own errors are found in its own turn
	return after.size > 0 && after.base > w.next
}
