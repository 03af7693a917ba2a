package log

import (
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/coord"
)

// An EndTxnRequest asks for the end of a transaction.
type EndTxnRequest struct {
	TxnIdentity
	Commit bool // or else abort

	// Bump asks for the next epoch with the answer, so that nothing that was
	// sent for this transaction can come late into the next (KIP-890).
	Bump bool
}

// EndTxn commits or aborts a transaction: one record of the journal has the
// markers of all partitions and the offsets of all groups, so that readers see
// the outcome everywhere at once, and after a crash everywhere or nowhere.
// Partitions of topics that were deleted are left out.
//
// It returns the identity to go on with: another one if q.Bump. A repetition of
// the request is answered as the first was. Refusals are a [*CodeError].
func (b *Broker) EndTxn(q EndTxnRequest) (ProducerIdentity, error) {
	var answer coord.TxnAnswer
	err := b.stepTxn(func(_ *Commit, now time.Time) (code coord.Code, change coord.TxnChange) {
		answer, change = b.txns.EndTxn(now, coord.EndTxn{
			ID: q.TransactionalID, ProducerID: q.Producer.ID, Epoch: q.Producer.Epoch, Commit: q.Commit, Bump: q.Bump,
		})
		return answer.Code, change
	})
	if err != nil {
		return NoProducer, q.wrap("end", err)
	}
	return ProducerIdentity{answer.ProducerID, answer.Epoch}, nil
}

// AbortTransaction aborts the open transaction of a transactional id, as an
// operator asks, and fences its producer. Refusals are a [*CodeError].
func (b *Broker) AbortTransaction(transactionalID string) error {
	var before *coord.Transaction
	err := b.stepTxn(func(_ *Commit, now time.Time) (coord.Code, coord.TxnChange) {
		code, change := b.txns.Abort(now, transactionalID)
		before = change.Before
		return code, change
	})
	if err != nil {
		return TxnIdentity{transactionalID, NoProducer}.wrap("abort", err)
	}
	b.cfg.Logger.Info("transaction aborted by operator", "transaction", transactionalID,
		"producer", before.ProducerID, "epoch", before.Epoch)
	return nil
}

// endTxn adds to the commit what the end of a transaction writes.
func (c *Commit) endTxn(e *coord.Ending) {
	now := c.b.cfg.Now().UnixMilli()
	for _, at := range e.Partitions {
		p, err := c.b.partition(TopicPartition{at.Topic, at.Index})
		if err != nil || p.topic.going {
			continue // the topic was deleted since
		}
		c.batches = append(c.batches, c.b.markerBatch(p, e, now))
	}
	c.endTxnOffsets(e, now)
}

// markerBatch returns the control batch that ends a transaction in p.
func (b *Broker) markerBatch(p *partition, e *coord.Ending, nowMillis int64) commitBatch {
	m := batch.Marker{Commit: e.Commit, CoordinatorEpoch: b.epoch}
	out := batch.AppendMarker(nil, m, e.ProducerID, e.Epoch, nowMillis)
	return commitBatch{p: p, bytes: out, count: 1, header: &batch.Header{
		ProducerID: e.ProducerID, ProducerEpoch: e.Epoch, Attributes: batch.Transactional | batch.Control,
	}}
}
