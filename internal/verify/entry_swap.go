package verify

import (
	"fmt"
	"slices"
)

// swapEntry puts compacted segments in the place of others.
func (v *verifier) swapEntry(s *stream) error {
	p, err := v.partitionOf(s)
	if err != nil {
		return err
	}
	first, end, cleaned := s.i64(), s.i64(), s.i64()
	segments, err := counted(s, segmentBytes, s.segment)
	if err != nil {
		return err
	}
	if p.topic.going {
		return nil
	}
	if err := p.swap(first, end, cleaned, segments); err != nil {
		return fmt.Errorf("partition %s: %w", p, err)
	}
	return nil
}

func (p *partition) swap(first, end, cleaned int64, segments []segment) error {
	if first < 0 || end < first || cleaned < 0 || cleaned > p.end {
		return fmt.Errorf("segments of offsets %d to %d are swapped, what is below %d is compacted", first, end, cleaned)
	}
	p.cleaned = max(p.cleaned, cleaned)
	next := first
	for _, g := range segments {
		if err := g.check(); err != nil {
			return err
		}
		if g.base != next || g.generation == 0 {
			return fmt.Errorf("segment of offsets %d to %d, generation %d, is swapped in where offset %d is next", g.base, g.end, g.generation, next)
		}
		next = g.end
	}
	if next != end {
		return fmt.Errorf("segments to offset %d take the place of those to %d", next, end)
	}
	i, j := p.between(first, end)
	switch {
	case i == j: // the log start has passed them
		for _, g := range segments {
			p.doom(g.segmentName)
		}
		return nil
	case superseded(p.segments[i:j], segments):
		// The checkpoint is younger than this place of the journal: what it knows may
		// have taken the place of this and of more.
		return nil
	case p.segments[j-1].end != end || p.segments[i].base < first || p.segments[i].base > first && p.segments[i].base > p.start:
		return fmt.Errorf("segments of offsets %d to %d take the place of those of %d to %d", first, end, p.segments[i].base, p.segments[j-1].end)
	}
	for _, g := range p.segments[i:j] {
		if g.generation >= segments[0].generation {
			return fmt.Errorf("generation %d takes the place of %d at offset %d", segments[0].generation, g.generation, g.base)
		}
		p.doom(g.segmentName)
	}
	p.segments = slices.Concat(p.segments[:i], segments, p.segments[j:])
	return nil
}

// between returns which segments have an offset from first to end.
func (p *partition) between(first, end int64) (i, j int) {
	for n, g := range p.segments {
		if g.base < end && g.end > first {
			if j == 0 {
				i = n
			}
			j = n + 1
		}
	}
	return i, j
}

// superseded reports whether what is there has been through the swap.
func superseded(have, swapped []segment) bool {
	return slices.ContainsFunc(have, func(h segment) bool {
		return slices.ContainsFunc(swapped, func(g segment) bool {
			return h.base <= g.base && h.generation >= g.generation && h.end >= g.end
		})
	})
}
