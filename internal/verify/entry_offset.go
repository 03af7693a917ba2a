package verify

import (
	"errors"
	"fmt"
)

// offset1Entry takes an offset as version 1 has it.
func (v *verifier) offset1Entry(s *stream) error {
	group := s.string()
	p, err := v.partitionOf(s)
	offset := s.i64()
	s.string() // metadata
	if err == nil && s.err == nil {
		v.setOffset(group, p, offset)
	}
	return err
}

func (v *verifier) offsetEntry(s *stream) error {
	group, x, number, offset := s.groupOffset()
	if s.err != nil {
		return s.err
	}
	p, err := v.find(x, number)
	if err == nil {
		v.setOffset(group, p, offset)
	}
	return err
}

// groupOffset takes an offset of a group.
func (s *stream) groupOffset() (group string, x id, number int32, offset int64) {
	group, x, number, offset = s.string(), s.id(), s.i32(), s.i64()
	s.i32()    // leader epoch
	s.i64()    // time
	s.string() // metadata
	return group, x, number, offset
}

func (v *verifier) setOffset(group string, p *partition, offset int64) {
	if v.offsets[group] == nil {
		v.offsets[group] = map[*partition]int64{}
	}
	v.offsets[group][p] = offset
}

func (v *verifier) deleteOffset(group string, p *partition) {
	delete(v.offsets[group], p)
	if len(v.offsets[group]) == 0 {
		delete(v.offsets, group)
	}
}

func (v *verifier) offsetGoneEntry(s *stream) error {
	group := s.string()
	p, err := v.partitionOf(s)
	if err == nil {
		v.deleteOffset(group, p)
	}
	return err
}

func (v *verifier) groupEntry(s *stream) error {
	group, generation := s.string(), s.i32()
	s.string() // protocol type
	if s.err == nil && (group == "" || generation < 0) {
		return fmt.Errorf("group %q has generation %d", group, generation)
	}
	return s.err
}

func (v *verifier) groupGoneEntry(s *stream) error {
	group := s.string()
	if s.err == nil && group == "" {
		return errors.New("a group without a name")
	}
	delete(v.offsets, group)
	return s.err
}

// checkOffsets notes offsets that are past the end of their partition: their
// group will be told that they are out of range.
func (v *verifier) checkOffsets() {
	for group, offsets := range v.offsets {
		for p, offset := range offsets {
			if offset > p.end {
				v.report.note(checkpointName, 0, "group %q has committed offset %d of %s, which ends at %d", group, offset, p, p.end)
			}
		}
	}
}
