package coord

import (
	"errors"
	"fmt"
	"math"
)

// None stands for an id, an epoch, a sequence or an offset that is not there.
const None = -1

// BatchesKept is how many batches of a producer are remembered, which is how
// many a client may have in flight.
const BatchesKept = 5

// A Producer is what a partition knows of one producer. It is a value: a copy
// stays as it is. The caller writes it to disk and hands it to
// [ProducerStates.Load] after a restart.
type Producer struct {
	ID             int64
	Epoch          int16
	Kept           int8 // how many of Batches are used
	Batches        [BatchesKept]SequenceRange
	TxnFirstOffset int64 // of the open transaction, None without
	LastUsedMillis int64 // by the log's clock
}

// A SequenceRange is one batch that was appended.
type SequenceRange struct {
	LastSequence       int32
	Count              int32 // of records, as they were produced
	LastOffset         int64
	MaxTimestampMillis int64
}

// FirstSequence is the sequence of the first record.
func (r SequenceRange) FirstSequence() int32 {
	return sequenceAdd(r.LastSequence, -(int64(r.Count) - 1))
}

// FirstOffset is the offset of the first record.
func (r SequenceRange) FirstOffset() int64 { return r.LastOffset - int64(r.Count) + 1 }

// LastSequence is the sequence of the last record that was appended, None if
// no batch of this epoch is known.
func (p *Producer) LastSequence() int32 {
	if p.Kept == 0 {
		return None
	}
	return p.Batches[p.Kept-1].LastSequence
}

// sequenceAdd counts as producers do: 0 follows 2^31-1.
func sequenceAdd(sequence int32, n int64) int32 {
	return int32((int64(sequence) + n) & math.MaxInt32)
}

// A ProducerBatch is what the header of a data batch says of its producer.
type ProducerBatch struct {
	ProducerID         int64
	Epoch              int16
	BaseSequence       int32
	Count              int32 // last offset - base offset + 1
	MaxTimestampMillis int64
	Transactional      bool
	// FromZero says that the client bumps the epoch with every transaction
	// (KIP-890), so that a producer of which nothing is known must begin at
	// sequence 0. Others may begin anywhere, since retention may have taken
	// what they wrote before.
	FromZero bool
}

// fault names what no client may send.
func (b *ProducerBatch) fault() Code {
	if b.ProducerID < 0 || b.Epoch < 0 || b.BaseSequence < 0 || b.Count < 1 {
		return InvalidRecord
	}
	return OK
}

func (b *ProducerBatch) sequences(lastOffset int64) SequenceRange {
	return SequenceRange{
		LastSequence: sequenceAdd(b.BaseSequence, int64(b.Count)-1), Count: b.Count,
		LastOffset: lastOffset, MaxTimestampMillis: b.MaxTimestampMillis,
	}
}

// find returns the batch that b repeats.
func (p *Producer) find(b *ProducerBatch) *SequenceRange {
	if p.Epoch != b.Epoch {
		return nil
	}
	last := sequenceAdd(b.BaseSequence, int64(b.Count)-1)
	for i := range p.Batches[:p.Kept] {
		if r := &p.Batches[i]; r.LastSequence == last && r.Count == b.Count {
			return r
		}
	}
	return nil
}

// follows checks that b is what p may append next.
func (p *Producer) follows(b *ProducerBatch) Code {
	switch {
	case b.Epoch < p.Epoch:
		return InvalidProducerEpoch
	case b.Epoch > p.Epoch:
		if b.BaseSequence != 0 {
			return OutOfOrderSequence
		}
		if p.TxnFirstOffset != None {
			return InvalidTxnState // the marker of the older epoch must come first
		}
	case b.BaseSequence != sequenceAdd(p.LastSequence(), 1):
		return OutOfOrderSequence
	}
	if p.TxnFirstOffset != None && !b.Transactional {
		return InvalidTxnState
	}
	return OK
}

func (p *Producer) bump(epoch int16) {
	if p.Epoch != epoch {
		p.Epoch, p.Kept = epoch, 0
	}
}

func (p *Producer) add(r SequenceRange) {
	if p.Kept == BatchesKept {
		copy(p.Batches[:], p.Batches[1:])
		p.Kept--
	}
	p.Batches[p.Kept] = r
	p.Kept++
}

// check finds what this package never hands out.
func (p *Producer) check() error {
	switch {
	case p.ID < 0 || p.Epoch < 0:
		return fmt.Errorf("producer %d, epoch %d: negative", p.ID, p.Epoch)
	case p.Kept < 0 || p.Kept > BatchesKept:
		return fmt.Errorf("producer %d: %d batches, want 0 to %d", p.ID, p.Kept, BatchesKept)
	case p.TxnFirstOffset < None:
		return fmt.Errorf("producer %d: transaction begins at offset %d", p.ID, p.TxnFirstOffset)
	}
	var faults []error
	for i, r := range p.Batches[:p.Kept] {
		if r.LastSequence < 0 || r.Count < 1 || r.FirstOffset() < 0 {
			faults = append(faults, fmt.Errorf("producer %d: batch of %d records ends at sequence %d, offset %d",
				p.ID, r.Count, r.LastSequence, r.LastOffset))
		} else if i > 0 && r.FirstOffset() <= p.Batches[i-1].LastOffset {
			faults = append(faults, fmt.Errorf("producer %d: offset %d follows %d",
				p.ID, r.FirstOffset(), p.Batches[i-1].LastOffset))
		}
	}
	return errors.Join(faults...)
}
