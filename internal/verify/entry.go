package verify

import (
	"errors"
	"fmt"
)

// Types of entries.
const (
	entryTopic        = 1
	entryBatch        = 2
	entryOffset1      = 3
	entryPartition1   = 4
	entryTopicDeleted = 5
	entryLogStart     = 6
	entryOffset       = 7
	entryOffsetGone   = 8
	entryPartition    = 9
	entryDoomed       = 10
	entrySwap         = 11
	entryGroup        = 12
	entryGroupGone    = 13
	entryProducerID   = 14
	entryTxn          = 15
	entryTxnGone      = 16
	entryTxnOffset    = 17
	entryProducers    = 18
	entryAborted      = 19
	entryPlaced       = 20
)

// Where a type of entry may stand.
const (
	inCheckpoint = 1 << iota
	inJournal
	inVersion1
	inVersion2

	anywhere = inCheckpoint | inJournal
	always   = inVersion1 | inVersion2
)

// entryTypes has what is done with each type.
var entryTypes = map[byte]struct {
	where int
	take  func(*verifier, *stream) error
}{
	entryTopic:        {anywhere | always, (*verifier).topicEntry},
	entryBatch:        {inJournal | always, (*verifier).batchEntry},
	entryOffset1:      {anywhere | inVersion1, (*verifier).offset1Entry},
	entryPartition1:   {inCheckpoint | inVersion1, (*verifier).partition1Entry},
	entryTopicDeleted: {inJournal | inVersion2, (*verifier).topicDeletedEntry},
	entryLogStart:     {inJournal | inVersion2, (*verifier).logStartEntry},
	entryOffset:       {anywhere | inVersion2, (*verifier).offsetEntry},
	entryOffsetGone:   {inJournal | inVersion2, (*verifier).offsetGoneEntry},
	entryPartition:    {inCheckpoint | inVersion2, (*verifier).partitionEntry},
	entryDoomed:       {inCheckpoint | inVersion2, (*verifier).doomedEntry},
	entrySwap:         {inJournal | inVersion2, (*verifier).swapEntry},
	entryGroup:        {anywhere | inVersion2, (*verifier).groupEntry},
	entryGroupGone:    {inJournal | inVersion2, (*verifier).groupGoneEntry},
	entryProducerID:   {anywhere | inVersion2, (*verifier).producerIDEntry},
	entryTxn:          {anywhere | inVersion2, (*verifier).txnEntry},
	entryTxnGone:      {inJournal | inVersion2, (*verifier).txnGoneEntry},
	entryTxnOffset:    {anywhere | inVersion2, (*verifier).txnOffsetEntry},
	entryProducers:    {inCheckpoint | inVersion2, (*verifier).producersEntry},
	entryAborted:      {inCheckpoint | inVersion2, (*verifier).abortedEntry},
	entryPlaced:       {inJournal | inVersion2, (*verifier).placedEntry},
}

// place says what file of what version entries are in.
func place(where int, version uint32) int {
	if version == 1 {
		return where | inVersion1
	}
	return where | inVersion2
}

// entries takes entries off s until its limit. It returns the position of the
// first that makes no sense, and why.
func (v *verifier) entries(s *stream, where int) (at int64, err error) {
	v.inCheckpoint = where&inCheckpoint != 0
	return eachEntry(s, func(kind byte) error {
		t, known := entryTypes[kind]
		switch {
		case !known:
			return errors.New("unknown type")
		case t.where&where != where:
			return errors.New("it does not belong here")
		}
		v.took[kind]++
		return t.take(v, s)
	})
}

// eachEntry calls take for each entry up to the limit of s, with s at its
// payload, which take has to take as a whole.
func eachEntry(s *stream, take func(kind byte) error) (at int64, err error) {
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
		err := take(kind)
		if err == nil {
			err = s.err
		}
		if err != nil {
			return at, fmt.Errorf("entry of type %d: %w", kind, err)
		}
		if s.left() > 0 {
			return at, fmt.Errorf("entry of type %d: %d bytes too many", kind, s.left())
		}
		s.limit = end
	}
	return 0, nil
}

// counted takes a number and that many values, each of at least size bytes.
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

// partitionOf takes the id of a topic and a number, and finds the partition.
func (v *verifier) partitionOf(s *stream) (*partition, error) {
	x, number := s.id(), s.i32()
	if s.err != nil {
		return nil, s.err
	}
	return v.find(x, number)
}
