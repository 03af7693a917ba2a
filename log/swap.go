package log

import (
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// applySwapLocked puts compacted segments in the place of those that they were
// made from. Readers that are reading those go on; the files are removed after
// the next checkpoint.
func (b *Broker) applySwapLocked(e swapEntry) error {
	p, err := b.partitionByIDLocked(e.at)
	if err != nil {
		return err
	}
	if b.readOnly {
		if err := p.checkSwap(&e); err != nil {
			return err
		}
	}
	i, j := p.overlapLocked(e.first, e.end)
	switch {
	case len(e.segments) == 0: // those that are there had nothing to lose
	case i >= j: // the log start has passed them since
		b.doomUnusedLocked(p, e)
	case supersedes(p.segments[i:j], e.segments):
	default:
		if err := b.swapLocked(p, i, j, e); err != nil {
			return fmt.Errorf("partition %s: %w", p.tp, err)
		}
	}
	p.cleaned = max(p.cleaned, e.cleaned)
	p.forgetAbortedLocked(e.cleaned) // of a checkpoint, they may be older than what it knows of p
	return nil
}

// overlapLocked returns which segments have offsets of a range.
func (p *partition) overlapLocked(first, end Offset) (i, j int) {
	i, j = len(p.segments), 0
	for n, s := range p.segments {
		if Offset(s.Base()) < end && Offset(s.End()) > first {
			i, j = min(i, n), n+1
		}
	}
	return i, j
}

// swapLocked puts the segments of a swap in the place of those from i to j,
// which have the same offsets, but for some that the log start has passed.
func (b *Broker) swapLocked(p *partition, i, j int, e swapEntry) (err error) {
	first, end := Offset(p.segments[i].Base()), Offset(p.segments[j-1].End())
	if first < e.first || first > e.first && first > p.start || end != e.end {
		return fmt.Errorf("segments of offsets %d to %d take the place of those of %d to %d", e.first, e.end, first, end)
	}
	segments := e.opened
	if segments == nil {
		if segments, err = b.openSegments(e); err != nil {
			return err
		}
	}
	b.doomLocked(p, p.segments[i:j])
	p.segments = slices.Concat(p.segments[:i], segments, p.segments[j:])
	return nil
}

// supersedes reports whether what is there has been through this swap, and
// maybe through later ones: a checkpoint knows segments as they were when it
// was written, which is later than what is replayed behind it. A swap makes one
// segment of several, of a generation above all of theirs.
func supersedes(have []*segment.Segment, swapped []segment.Meta) bool {
	return slices.ContainsFunc(have, func(s *segment.Segment) bool {
		return slices.ContainsFunc(swapped, func(m segment.Meta) bool {
			return s.Base() <= m.Base && s.Generation() >= m.Generation && s.End() >= m.End
		})
	})
}

// doomUnusedLocked gives up the segments of a swap that came too late: the log
// start has passed them.
func (b *Broker) doomUnusedLocked(p *partition, e swapEntry) {
	if e.opened != nil {
		b.doomLocked(p, e.opened)
		return
	}
	for _, m := range e.segments {
		b.pub.doomed = append(b.pub.doomed, doomed{doomedEntry: doomedEntry{e.at, Offset(m.Base), m.Generation}})
	}
}

func (b *Broker) openSegments(e swapEntry) (segments []*segment.Segment, err error) {
	dir := vfs.Sub(b.fsys, partitionDir(e.at))
	open := segment.Open
	if b.readOnly {
		open = segment.OpenReadOnly
	}
	for _, m := range e.segments {
		s, err := open(b.files, dir, m)
		if err != nil {
			return nil, err
		}
		segments = append(segments, s)
	}
	return segments, nil
}
