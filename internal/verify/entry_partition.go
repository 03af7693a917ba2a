package verify

import (
	"fmt"
	"slices"
)

const (
	epochStartBytes = 12
	segment1Bytes   = 24 // of version 1
	segmentBytes    = 68
	unknownTime     = -1
	wholeTopic      = -1 // as the partition of a doomed entry
)

// A segmentName tells a segment from the others of its partition.
type segmentName struct {
	base       int64
	generation uint32
}

// A segment is what the checkpoint, or a swap, says of one.
type segment struct {
	segmentName
	first, end, size   int64
	firstTime, maxTime int64 // max timestamps of the first batch and of all, unknownTime if not known
	sums               indexSums
}

// indexSums say how many entries the index files have, at least, and their crc.
// All zero: nothing is known.
type indexSums struct {
	entries  uint32
	crc      uint32
	times    uint32
	timesCRC uint32
}

func (s *stream) segment() segment {
	return segment{
		segmentName: segmentName{s.i64(), s.u32()},
		first:       s.i64(), end: s.i64(), size: s.i64(), firstTime: s.i64(), maxTime: s.i64(),
		sums: indexSums{s.u32(), s.u32(), s.u32(), s.u32()},
	}
}

// segment1 takes one as version 1 has it.
func (s *stream) segment1() segment {
	g := segment{segmentName: segmentName{base: s.i64()}, end: s.i64(), size: s.i64(), firstTime: unknownTime, maxTime: unknownTime}
	g.first = g.base
	return g
}

// check finds what no segment is.
func (g segment) check() error {
	switch {
	case g.base < 0 || g.first < g.base || g.end < g.first || g.end-1-g.base > 1<<31-1:
	case g.size == 0 && g.first == g.end && (g.generation > 0) == (g.end > g.base):
		return nil // compaction left nothing, or nothing of it is synced yet
	case g.generation == 0 && g.first > g.base:
	case g.size < batchHeaderBytes || g.first == g.end:
	default:
		return nil
	}
	return fmt.Errorf("segment of offsets %d to %d, first %d, generation %d, %d bytes", g.base, g.end, g.first, g.generation, g.size)
}

func (v *verifier) partitionEntry(s *stream) error {
	return v.takePartition(s, segmentBytes, s.segment)
}
func (v *verifier) partition1Entry(s *stream) error {
	return v.takePartition(s, segment1Bytes, s.segment1)
}

func (v *verifier) takePartition(s *stream, size int64, take func() segment) error {
	x, number := s.id(), s.i32()
	start, end, cleaned := s.i64(), s.i64(), int64(0)
	if size == segmentBytes {
		cleaned = s.i64()
	}
	epochs, err := counted(s, epochStartBytes, func() epochStart { return epochStart{s.i32(), s.i64()} })
	if err != nil {
		return err
	}
	segments, err := counted(s, size, take)
	if err != nil {
		return err
	}
	p, err := v.find(x, number)
	if err != nil {
		return err
	}
	if p.known {
		return fmt.Errorf("partition %s is there twice", p)
	}
	p.known = true
	p.start, p.end, p.sealedEnd, p.cleaned, p.epochs, p.segments = start, end, end, cleaned, epochs, segments
	if err := p.check(v.header.epoch); err != nil {
		return fmt.Errorf("partition %s: %w", p, err)
	}
	return nil
}

// check finds what no checkpoint says of a partition.
func (p *partition) check(epoch int32) error {
	if p.start < 0 || p.end < p.start || p.cleaned < 0 || p.cleaned > p.end {
		return fmt.Errorf("it begins at %d, ends at %d and is compacted below %d", p.start, p.end, p.cleaned)
	}
	before := epochStart{-1, -1}
	for _, e := range p.epochs {
		if e.epoch <= before.epoch || e.start <= before.start || e.start >= p.end || e.epoch > epoch {
			return fmt.Errorf("epoch %d from offset %d on, after epoch %d from %d on", e.epoch, e.start, before.epoch, before.start)
		}
		before = e
	}
	next := p.start
	for i, g := range p.segments {
		if err := g.check(); err != nil {
			return err
		}
		if i == 0 && g.base <= p.start {
			next = g.base // the start has moved on since, maybe past others too
		}
		if g.base != next {
			return fmt.Errorf("segment of offsets %d to %d, where offset %d is next", g.base, g.end, next)
		}
		next = g.end
	}
	if next != p.end {
		return fmt.Errorf("its segments end at offset %d, want %d", next, p.end)
	}
	return nil
}

// logStartEntry gives up the segments below an offset, but not the newest.
func (v *verifier) logStartEntry(s *stream) error {
	p, err := v.partitionOf(s)
	start := s.i64()
	switch {
	case err != nil:
		return err
	case s.err != nil:
		return s.err
	case p.topic.going:
		return nil
	case start < 0 || start > p.end:
		return fmt.Errorf("partition %s: start moves to offset %d, it ends at %d", p, start, p.end)
	}
	p.start = max(p.start, start)
	for len(p.segments) > 1 && p.segments[0].end <= p.start {
		p.doom(p.segments[0].segmentName)
		p.segments = p.segments[1:]
	}
	return nil
}

func (p *partition) doom(n segmentName) { p.doomed[n] = true }

// doomedEntry notes files that may be there and nobody reads.
func (v *verifier) doomedEntry(s *stream) error {
	x, number, n := s.id(), s.i32(), segmentName{s.i64(), s.u32()}
	if s.err != nil {
		return s.err
	}
	if number == wholeTopic {
		v.doomedTopics[x] = true
		if t := v.topics[x]; t != nil {
			t.going = true
		}
		return nil
	}
	if p, err := v.find(x, number); err == nil { // its topic may be gone by now
		p.doom(n)
		if slices.ContainsFunc(p.segments, func(g segment) bool { return g.segmentName == n }) {
			return fmt.Errorf("partition %s: the segment of offset %d, generation %d, is in use and to be removed", p, n.base, n.generation)
		}
	}
	return nil
}
