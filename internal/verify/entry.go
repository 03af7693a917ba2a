package verify

import (
	"errors"
	"fmt"
	"strconv"
)

// Types of entries.
const (
	entryTopic     = 1
	entryBatch     = 2
	entryOffset    = 3
	entryPartition = 4
)

const (
	maxPartitions     = 10_000
	epochStartBytes   = 12
	segmentEntryBytes = 24
	configCleanup     = "cleanup.policy"
	configMaxMessage  = "max.message.bytes"
	cleanupDelete     = "delete"
	cleanupCompact    = "compact"
)

// entries takes entries off s until its limit. It returns the position of the
// first that makes no sense, and why.
func (v *verifier) entries(s *stream, inCheckpoint bool) (at int64, err error) {
	end := s.limit
	for s.pos < end {
		at = s.pos
		kind, length := s.u8(), int64(s.u32())
		if s.err == nil && length > s.left() {
			s.err = fmt.Errorf("an entry of %d bytes, %d are left", length, s.left())
		}
		if s.err != nil {
			return at, s.err
		}
		s.limit = s.pos + length
		if err := v.entry(s, kind, inCheckpoint); err != nil {
			return at, fmt.Errorf("entry of type %d: %w", kind, err)
		}
		if s.left() > 0 {
			return at, fmt.Errorf("entry of type %d: %d bytes too many", kind, s.left())
		}
		s.limit = end
	}
	return 0, nil
}

func (v *verifier) entry(s *stream, kind byte, inCheckpoint bool) error {
	switch {
	case kind == entryTopic:
		return v.topicEntry(s, inCheckpoint)
	case kind == entryBatch && !inCheckpoint:
		return v.batchEntry(s)
	case kind == entryOffset:
		return v.offsetEntry(s)
	case kind == entryPartition && inCheckpoint:
		return v.partitionEntry(s)
	case kind == entryBatch || kind == entryPartition:
		return errors.New("it does not belong here")
	}
	return errors.New("unknown type")
}

func (v *verifier) topicEntry(s *stream, inCheckpoint bool) error {
	t := &topic{id: s.id(), name: s.string()}
	n := s.u32()
	for range s.u16() {
		name, value := s.string(), s.string()
		if s.err != nil {
			return s.err
		}
		if err := checkConfig(name, value); err != nil {
			return fmt.Errorf("topic %s: %w", t.name, err)
		}
	}
	if s.err != nil {
		return s.err
	}
	if n < 1 || n > maxPartitions {
		return fmt.Errorf("topic %s has %d partitions, want 1 to %d", t.name, n, maxPartitions)
	}
	if old, ok := v.topics[t.id]; ok {
		if inCheckpoint || old.name != t.name || len(old.partitions) != int(n) {
			return fmt.Errorf("topic %s, id %s, was created before, as %s", t.name, t.id, old.name)
		}
		return nil // created after the place that the checkpoint stands for, and in it all the same
	}
	if _, ok := v.names[t.name]; ok {
		return fmt.Errorf("another topic is called %s", t.name)
	}
	for i := range int32(n) {
		t.partitions = append(t.partitions, &partition{topic: t, number: i, known: !inCheckpoint})
	}
	v.topics[t.id], v.names[t.name] = t, t
	return nil
}

func checkConfig(name, value string) error {
	switch name {
	case configCleanup:
		if value == cleanupDelete || value == cleanupCompact {
			return nil
		}
	case configMaxMessage:
		if n, err := strconv.ParseInt(value, 10, 32); err == nil && n > 0 {
			return nil
		}
	default:
		return fmt.Errorf("unknown config %q", name)
	}
	return fmt.Errorf("%s is %q", name, value)
}

func (v *verifier) offsetEntry(s *stream) error {
	_ = s.string() // the group
	x, number := s.id(), int32(s.u32())
	s.u64() // the offset, which is the group's own affair
	_ = s.string()
	if s.err != nil {
		return s.err
	}
	_, err := v.find(x, number)
	return err
}

// batchEntry checks a batch in the journal, and moves the end of its partition.
func (v *verifier) batchEntry(s *stream) error {
	x, number := s.id(), int32(s.u32())
	if s.err != nil {
		return s.err
	}
	p, err := v.find(x, number)
	if err != nil {
		return err
	}
	size := s.left()
	b, err := s.batch()
	switch {
	case err != nil:
		return fmt.Errorf("batch of %s: %w", p, err)
	case b.size != size:
		return fmt.Errorf("batch of %s: %d bytes, its length field makes it %d", p, size, b.size)
	case b.epoch != v.header.epoch:
		return fmt.Errorf("batch of %s: leader epoch %d, want %d", p, b.epoch, v.header.epoch)
	case b.last < p.sealedEnd:
		return nil // a segment has it
	case b.base != p.end:
		return fmt.Errorf("batch of %s begins at offset %d, want %d", p, b.base, p.end)
	}
	p.end = b.last + 1
	v.report.Batches++
	v.report.Records += int64(b.count)
	return nil
}

func (v *verifier) partitionEntry(s *stream) error {
	x, number := s.id(), int32(s.u32())
	start, end := int64(s.u64()), int64(s.u64())
	epochs, err := counted(s, epochStartBytes, func() epochStart { return epochStart{int32(s.u32()), int64(s.u64())} })
	if err != nil {
		return err
	}
	segments, err := counted(s, segmentEntryBytes, func() segment {
		return segment{int64(s.u64()), int64(s.u64()), int64(s.u64())}
	})
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
	p.start, p.end, p.sealedEnd, p.epochs, p.segments = start, end, end, epochs, segments
	if err := p.check(v.header.epoch); err != nil {
		return fmt.Errorf("partition %s: %w", p, err)
	}
	return nil
}

// counted takes a number and that many values.
func counted[T any](s *stream, size int64, take func() T) ([]T, error) {
	n := int64(s.u32())
	if s.err == nil && n*size > s.left() {
		s.err = errShort
	}
	if s.err != nil {
		return nil, s.err
	}
	list := make([]T, 0, n)
	for range n {
		list = append(list, take())
	}
	return list, s.err
}

// check finds what no checkpoint says of a partition.
func (p *partition) check(epoch int32) error {
	if p.start < 0 || p.end < p.start {
		return fmt.Errorf("it begins at %d and ends at %d", p.start, p.end)
	}
	before := epochStart{-1, -1}
	for _, e := range p.epochs {
		if e.epoch <= before.epoch || e.start <= before.start || e.start >= p.end || e.epoch > epoch {
			return fmt.Errorf("epoch %d from offset %d on, after epoch %d from %d on", e.epoch, e.start, before.epoch, before.start)
		}
		before = e
	}
	next := p.start
	for _, g := range p.segments {
		if g.base != next || g.end <= g.base || g.size < batchHeaderBytes {
			return fmt.Errorf("segment of offsets %d to %d, %d bytes, where offset %d is next", g.base, g.end, g.size, next)
		}
		next = g.end
	}
	if next != p.end {
		return fmt.Errorf("its segments end at offset %d, want %d", next, p.end)
	}
	return nil
}
