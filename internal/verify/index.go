package verify

import (
	"errors"
	"io/fs"
)

const (
	indexEntryBytes    = 8
	indexIntervalBytes = 4096
)

// An indexWalk compares an index with the batches of its segment, as they come.
// An index is made anew when it is missing, short or wrong, and looked at before it
// is used, so everything about it is a note.
type indexWalk struct {
	v    *verifier
	p    *partition
	g    segment
	name string
	f    file // nil if there is none
	s    *stream

	pos           int64 // of the current entry
	last, at      uint32
	valid         bool  // there is a current entry that counts
	counted       int64 // entries that count so far
	due           int64 // entries that a complete index has
	sinceLast     int64 // bytes of the segment since the last entry that was due
	segmentBroken bool
}

func (v *verifier) openIndex(p *partition, g segment) *indexWalk {
	x := &indexWalk{v: v, p: p, g: g, name: p.indexName(g.segmentName), s: &v.index}
	f, err := openFile(v.fsys, x.name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			v.unreadable(x.name, err)
			x.segmentBroken = true // nothing to compare
		}
		return x
	}
	info, err := f.Stat()
	if err != nil {
		v.unreadable(x.name, err)
		x.segmentBroken = true
		done(f)
		return x
	}
	x.f = f
	x.s.open(f, info.Size())
	v.indexSum(x.name, p, x.s, int64(g.sums.entries)*indexEntryBytes, g.sums.crc)
	x.advance()
	return x
}

// indexSum compares an index file with what the checkpoint says of it, as far as
// that goes, and leaves s at its beginning.
func (v *verifier) indexSum(name string, p *partition, s *stream, n int64, want uint32) {
	limit := s.limit
	switch {
	case n == 0:
	case n > limit:
		v.report.note(name, limit, "index of %s is %d bytes, CHECKPOINT counts %d; it is made anew", p, limit, n)
	default:
		if got := s.crc(0, n); s.err == nil && got != want {
			v.report.note(name, 0, "index of %s: %v in CHECKPOINT; it is made anew", p, crcError(got, want))
		}
	}
	s.seek(0, limit)
}

func (x *indexWalk) close() {
	if x.f != nil {
		done(x.f)
	}
}

// advance takes the next entry, if one counts.
func (x *indexWalk) advance() {
	beforeLast, beforeAt := x.last, x.at
	x.valid = false
	if x.s.left() < indexEntryBytes {
		if x.s.left() > 0 {
			x.v.report.note(x.name, x.s.pos, "index of %s: %d bytes are no entry", x.p, x.s.left())
		}
		return
	}
	x.pos = x.s.pos
	x.last, x.at = x.s.u32(), x.s.u32()
	switch {
	case x.s.err != nil:
		x.v.report.problem(x.name, x.pos, "index of %s: %v", x.p, x.s.err)
	case x.last == 0 && x.at == 0:
		x.v.report.note(x.name, x.pos, "index of %s: zeros from here on", x.p)
	case x.last <= beforeLast || x.at <= beforeAt:
		x.lies("entry (offset +%d, position %d) follows (offset +%d, position %d)", x.last, x.at, beforeLast, beforeAt)
	case int64(x.at) >= x.g.size:
		x.v.report.note(x.name, x.pos, "index of %s: points to position %d, CHECKPOINT counts %d bytes", x.p, x.at, x.g.size)
	default:
		x.valid = true
		x.counted++
	}
}

// lies reports an entry that is not true and stops comparing.
func (x *indexWalk) lies(format string, args ...any) {
	x.v.report.note(x.name, x.pos, "index of %s: "+format+"; it is made anew",
		append([]any{x.p}, args...)...)
	x.segmentBroken = true
}

// batch compares with the next batch of the segment.
func (x *indexWalk) batch(b batch) {
	if x.sinceLast > indexIntervalBytes {
		x.due++
		x.sinceLast = 0
	}
	x.sinceLast += b.size
	if x.segmentBroken || !x.valid || int64(x.at) > b.pos {
		return
	}
	switch {
	case int64(x.at) < b.pos:
		x.lies("points to position %d, where no batch begins", x.at)
	case int64(x.last) != b.last-x.g.base:
		x.lies("the batch at position %d ends with offset +%d, not +%d", x.at, b.last-x.g.base, x.last)
	default:
		x.advance()
	}
}

// damaged says that the segment itself makes no sense.
func (x *indexWalk) damaged() { x.segmentBroken = true }

// end follows the last batch.
func (x *indexWalk) end() {
	switch {
	case x.segmentBroken:
	case x.valid:
		x.lies("points to position %d, where no batch begins", x.at)
	case x.f == nil && x.due > 0:
		x.v.report.note(x.name, 0, "index of %s is missing; it is made anew when the log is opened", x.p)
	case x.counted < x.due:
		x.v.report.note(x.name, x.counted*indexEntryBytes, "index of %s has %d entries, %d are due; the rest is made anew when the log is opened", x.p, x.counted, x.due)
	}
}
