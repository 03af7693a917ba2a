package verify

import (
	"errors"
	"fmt"
	"math"
)

// checkProducer finds what no batch says of its producer.
func (b *batch) checkProducer() error {
	control, transactional := b.attributes&attrControl != 0, b.attributes&attrTransactional != 0
	switch {
	case b.producerID < 0 && (control || transactional):
		return errors.New("it belongs to a transaction and has no producer id")
	case b.producerID < 0:
		return nil
	case b.producerEpoch < 0:
		return fmt.Errorf("producer %d has epoch %d", b.producerID, b.producerEpoch)
	case control && !transactional:
		return fmt.Errorf("a marker of producer %d that belongs to no transaction", b.producerID)
	case !control && b.baseSequence < 0:
		return fmt.Errorf("producer %d begins at sequence %d", b.producerID, b.baseSequence)
	}
	return nil
}

// lastSequence is that of the last record that the batch was written with:
// 0 follows 2^31-1.
func (b *batch) lastSequence() int32 {
	return int32((int64(b.baseSequence) + b.last - b.base) & math.MaxInt32)
}

// note takes a batch into account and returns what p is then. odd says that a
// sequence or an epoch does not follow, wrong that something is broken.
func (p producer) note(b *batch, known bool) (after producer, odd, wrong error) {
	if !known {
		p = producer{epoch: b.producerEpoch, last: notKnown, txnFirst: none}
	}
	after = p
	after.kept = nil
	if b.producerEpoch != p.epoch {
		after.epoch, after.last = b.producerEpoch, none
	}
	if b.producerEpoch < p.epoch {
		odd = fmt.Errorf("producer %d comes with epoch %d after %d", b.producerID, b.producerEpoch, p.epoch)
	}
	if b.attributes&attrControl != 0 {
		after.txnFirst = none
		return after, odd, nil
	}
	want := int32((int64(after.last) + 1) & math.MaxInt32)
	if after.last != notKnown && odd == nil && b.baseSequence != want {
		odd = fmt.Errorf("producer %d, epoch %d, begins at sequence %d, want %d", b.producerID, b.producerEpoch, b.baseSequence, want)
	}
	transactional := b.attributes&attrTransactional != 0
	if p.txnFirst != none && (!transactional || b.producerEpoch != p.epoch) {
		wrong = fmt.Errorf("producer %d, epoch %d, writes beside its transaction, which is open from offset %d on in epoch %d",
			b.producerID, b.producerEpoch, p.txnFirst, p.epoch)
	}
	after.last = b.lastSequence()
	if transactional && p.txnFirst == none {
		after.txnFirst = b.base
	}
	return after, odd, wrong
}
