package log

import (
	"fmt"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log/internal/segment"
)

// A run is what one read returns: whole batches, one behind the other.
type run struct {
	spans []segment.Span // in memory; or
	bytes []byte         // read from a segment
	size  int
}

// read returns batches that begin with the one that holds the next offset, and
// moves that behind them. It returns none where it only moved on over offsets
// that compaction has emptied.
func (fp *fetchPlan) read(maxBytes int, reuse bool) (run, error) {
	if fp.segment != nil {
		return fp.fromSegment(maxBytes, reuse)
	}
	n, size := 0, 0
	for n < len(fp.tail) && Offset(fp.tail[n].First) < fp.limit && (n == 0 || size+len(fp.tail[n].Bytes) <= maxBytes) {
		size += len(fp.tail[n].Bytes)
		n++
	}
	if n == 0 {
		return run{}, fmt.Errorf("offset %d is nowhere: %w", fp.pos.next, ErrCorrupt)
	}
	fp.pos.next = Offset(fp.tail[n-1].Last + 1)
	fp.pos.segment = nil
	return run{spans: fp.tail[:n], size: size}, nil
}

func (fp *fetchPlan) fromSegment(maxBytes int, reuse bool) (run, error) {
	pos := fp.pos
	if pos.segment != fp.segment {
		if done, err := fp.enterSegment(); done || err != nil {
			return run{}, err
		}
	}
	b, err := fp.segment.ReadAt(pos.position, maxBytes, pos.buf)
	if err != nil {
		return run{}, err
	}
	if reuse {
		pos.buf = b
	}
	if len(b) == 0 {
		return run{}, fmt.Errorf("offset %d is not in its segment: %w", pos.next, ErrCorrupt)
	}
	next, n, err := fp.within(b)
	if err != nil {
		return run{}, err
	}
	pos.position += int64(n)
	pos.next = next
	return run{bytes: b[:n:n], size: n}, nil
}

// enterSegment finds the next offset in a segment that was not read before. It
// reports true where the segment has nothing: compaction may have removed what
// it begins with, or everything; behind its first batch no offset is missing.
func (fp *fetchPlan) enterSegment() (done bool, err error) {
	pos, s := fp.pos, fp.segment
	first, end := Offset(s.Meta().First), Offset(s.End())
	if next := max(pos.next, first); next > pos.next {
		pos.next, pos.segment = min(next, end, fp.limit), nil
		if pos.next >= end || pos.next >= fp.limit {
			return true, nil
		}
	}
	at, err := s.Position(int64(pos.next))
	if err != nil {
		return false, err
	}
	pos.segment, pos.position = s, at
	return false, nil
}

// within returns how many bytes of b are batches that the plan reaches, and the
// offset after them. They were verified; but offsets are under no checksum, so it
// sees to it that they follow each other.
func (fp *fetchPlan) within(b []byte) (next Offset, n int, err error) {
	next = fp.pos.next
	for n < len(b) {
		f, l, size := batch.Extent(b[n:])
		first, last := Offset(f), Offset(l)
		inside := n == 0 && first <= next && next <= last // a fetch may begin inside a batch
		if first != next && !inside {
			return 0, 0, fmt.Errorf("batch with offsets %d to %d, want offset %d: %w", first, last, next, ErrCorrupt)
		}
		if first >= fp.limit {
			break
		}
		n += size
		next = last + 1
	}
	return next, n, nil
}
