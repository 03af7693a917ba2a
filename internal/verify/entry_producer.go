package verify

import "fmt"

const (
	producerBytes = 27 // without its batches
	abortedBytes  = 32
	maxKept       = 5

	notKnown = -2 // a sequence: whatever was before is not there any more
)

// A producer is what is known of one in a partition.
type producer struct {
	epoch    int16
	last     int32 // sequence; none if there was no batch of this epoch
	txnFirst int64 // offset of the first batch in its open transaction, none without
	kept     []keptBatch
}

// A keptBatch is one of the newest batches of a producer.
type keptBatch struct {
	lastSequence, count int32
	lastOffset          int64
}

// An abortedTxn is a transaction of a partition that was aborted.
type abortedTxn struct {
	producerID, first, last, stableEnd int64
}

func (v *verifier) producersEntry(s *stream) error {
	p, err := v.partitionOf(s)
	if err != nil {
		return err
	}
	n := int64(s.u32())
	if s.err == nil && n*producerBytes > s.left() {
		s.err = errShort
	}
	for ; n > 0 && s.err == nil; n-- {
		producerID, state, err := s.producer()
		if err == nil {
			if _, twice := p.producers[producerID]; twice {
				err = fmt.Errorf("producer %d is there twice", producerID)
			}
		}
		if err != nil {
			return fmt.Errorf("partition %s: %w", p, err)
		}
		p.producers[producerID], p.now[producerID] = state, state
	}
	return s.err
}

func (s *stream) producer() (producerID int64, p producer, err error) {
	producerID = s.i64()
	p = producer{epoch: s.i16(), last: none, txnFirst: s.i64()}
	s.i64() // last used
	n := s.u8()
	if s.err != nil {
		return 0, p, s.err
	}
	if producerID < 0 || p.epoch < 0 || p.txnFirst < none || n > maxKept {
		return 0, p, fmt.Errorf("producer %d, epoch %d, transaction from offset %d on, %d batches", producerID, p.epoch, p.txnFirst, n)
	}
	before := int64(-1)
	for range n {
		k := keptBatch{s.i32(), s.i32(), s.i64()}
		s.i64() // max timestamp
		if s.err != nil {
			return 0, p, s.err
		}
		if k.lastSequence < 0 || k.count < 1 || k.lastOffset-int64(k.count) < before {
			return 0, p, fmt.Errorf("producer %d: a batch of %d records ends at sequence %d, offset %d, after offset %d", producerID, k.count, k.lastSequence, k.lastOffset, before)
		}
		before = k.lastOffset
		p.last = k.lastSequence
		p.kept = append(p.kept, k)
	}
	return producerID, p, nil
}

func (v *verifier) abortedEntry(s *stream) error {
	p, err := v.partitionOf(s)
	if err != nil {
		return err
	}
	if p.aborted != nil {
		return fmt.Errorf("the aborted transactions of %s are there twice", p)
	}
	p.aborted, err = counted(s, abortedBytes, func() abortedTxn { return abortedTxn{s.i64(), s.i64(), s.i64(), s.i64()} })
	if err != nil {
		return err
	}
	before := int64(-1)
	for _, a := range p.aborted {
		if a.producerID < 0 || a.first < 0 || a.last <= a.first || a.last <= before || a.stableEnd < 0 || a.stableEnd > a.last+1 {
			return fmt.Errorf("partition %s: producer %d aborted offsets %d to %d, after offset %d; all is decided below %d",
				p, a.producerID, a.first, a.last, before, a.stableEnd)
		}
		before = a.last
	}
	return nil
}
