package verify

import (
	"errors"
	"io/fs"
	"math"
)

const timeIndexEntryBytes = 12

// A timeEntry says how large timestamps are up to an offset.
type timeEntry struct {
	time int64
	at   uint32
}

// A timeIndexWalk compares a time index with the batches of its segment, as
// they come, as an indexWalk does. Entries may be left out.
type timeIndexWalk struct {
	v    *verifier
	p    *partition
	g    segment
	name string
	f    file // nil if there is none
	s    *stream

	pos       int64 // of the current entry
	current   timeEntry
	valid     bool // there is a current entry
	counted   int64
	due       int64
	lastDue   timeEntry
	max       timeEntry // so far
	sinceLast int64
	broken    bool // nothing to compare any more
}

func (v *verifier) openTimeIndex(p *partition, g segment) *timeIndexWalk {
	x := &timeIndexWalk{v: v, p: p, g: g, name: p.timeIndexName(g.segmentName), s: &v.times, max: timeEntry{time: math.MinInt64}}
	f, err := openFile(v.fsys, x.name)
	if errors.Is(err, fs.ErrNotExist) {
		return x
	}
	if err != nil {
		v.unreadable(x.name, err)
		x.broken = true
		return x
	}
	info, err := f.Stat()
	if err != nil {
		v.unreadable(x.name, err)
		x.broken = true
		done(f)
		return x
	}
	x.f = f
	x.s.open(f, info.Size())
	v.indexSum(x.name, p, x.s, int64(g.sums.times)*timeIndexEntryBytes, g.sums.timesCRC)
	x.advance()
	return x
}

func (x *timeIndexWalk) close() {
	if x.f != nil {
		done(x.f)
	}
}

// advance takes the next entry.
func (x *timeIndexWalk) advance() {
	before, first := x.current, x.counted == 0
	x.valid = false
	if left := x.s.left(); left < timeIndexEntryBytes {
		if left > 0 {
			x.v.report.note(x.name, x.s.pos, "time index of %s: %d bytes are no entry", x.p, left)
		}
		return
	}
	x.pos = x.s.pos
	x.current = timeEntry{int64(x.s.u64()), x.s.u32()}
	switch {
	case x.s.err != nil:
		x.v.report.problem(x.name, x.pos, "time index of %s: %v", x.p, x.s.err)
		x.broken = true
	case x.current == timeEntry{} && !first:
		x.v.report.note(x.name, x.pos, "time index of %s: zeros from here on", x.p)
	case !first && (x.current.time <= before.time || x.current.at <= before.at):
		x.lies("entry (timestamp %d, offset +%d) follows (timestamp %d, offset +%d)", x.current.time, x.current.at, before.time, before.at)
	default:
		x.valid = true
		x.counted++
	}
}

// lies reports an entry that is not true and stops comparing.
func (x *timeIndexWalk) lies(format string, args ...any) {
	x.v.report.note(x.name, x.pos, "time index of %s: "+format+"; it is made anew",
		append([]any{x.p}, args...)...)
	x.broken = true
}

// batch compares with the next batch of the segment.
func (x *timeIndexWalk) batch(b batch) {
	if b.maxTime > x.max.time {
		x.max = timeEntry{b.maxTime, uint32(b.last - x.g.base)}
	}
	if x.sinceLast > indexIntervalBytes {
		if x.due == 0 || x.max.time > x.lastDue.time {
			x.due++
			x.lastDue = x.max
			x.compare()
		}
		x.sinceLast = 0
	}
	x.sinceLast += b.size
}

// compare looks whether the current entry is the one that is due.
func (x *timeIndexWalk) compare() {
	switch {
	case x.broken || !x.valid || x.current.time > x.max.time:
	case x.current == x.max:
		x.advance()
	default:
		x.lies("timestamp %d, offset +%d, where the largest is %d at offset +%d", x.current.time, x.current.at, x.max.time, x.max.at)
	}
}

// damaged says that the segment itself makes no sense.
func (x *timeIndexWalk) damaged() { x.broken = true }

// end follows the last batch.
func (x *timeIndexWalk) end() {
	if x.valid && !x.broken && x.current == x.max {
		x.advance() // due at a batch that CHECKPOINT does not count
	}
	switch {
	case x.broken:
	case x.valid && int64(x.current.at) >= x.g.end-x.g.base:
		x.v.report.note(x.name, x.pos, "time index of %s: has offset +%d, CHECKPOINT counts %d", x.p, x.current.at, x.g.end-x.g.base)
	case x.valid:
		x.lies("timestamp %d, offset +%d, where the largest is %d at offset +%d", x.current.time, x.current.at, x.max.time, x.max.at)
	case x.f == nil && x.due > 0:
		x.v.report.note(x.name, 0, "time index of %s is missing; it is made anew when it is needed", x.p)
	case x.counted < x.due:
		x.v.report.note(x.name, x.counted*timeIndexEntryBytes, "time index of %s has %d entries, %d are due; the rest is made anew when it is needed", x.p, x.counted, x.due)
	}
}
