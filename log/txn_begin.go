package log

import (
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/coord"
)

// A ProducerIdentity is what a producer marks its batches with. The log gives
// an ID to one producer only; each Epoch shuts out the ones before it.
type ProducerIdentity struct {
	ID    int64
	Epoch int16
}

// NoProducer stands for the identity of a producer that was given none yet.
var NoProducer = ProducerIdentity{coord.None, coord.None}

// An InitProducerIDRequest asks for an identity.
type InitProducerIDRequest struct {
	// TransactionalID is empty for a producer that is only idempotent.
	TransactionalID string

	// Timeout is how long a transaction may stay open, in whole milliseconds
	// (what is left of one counts as one), at most
	// [Config.MaxTransactionTimeout]. Only of use with a TransactionalID.
	Timeout time.Duration

	// Current is the identity of a producer that goes on after an error
	// (KIP-360), NoProducer for one that begins.
	Current ProducerIdentity
}

// InitProducerID gives a producer its identity. With a transactional id every
// identity that was given for it before is fenced once this returns, and a
// transaction left open is aborted.
//
// Refusals are a [*CodeError]; one that matches ErrFenced says that a newer
// producer has the transactional id.
func (b *Broker) InitProducerID(q InitProducerIDRequest) (ProducerIdentity, error) {
	var answer coord.TxnAnswer
	if rest := q.Timeout % time.Millisecond; rest > 0 {
		q.Timeout -= rest
		q.Timeout += time.Millisecond // the journal has milliseconds
	}
	err := b.stepTxn(func(_ *Commit, now time.Time) (code coord.Code, change coord.TxnChange) {
		answer, change = b.txns.InitProducerID(now, coord.InitProducerID{
			ID: q.TransactionalID, Timeout: q.Timeout, ProducerID: q.Current.ID, Epoch: q.Current.Epoch,
		})
		return answer.Code, change
	})
	if err != nil {
		return NoProducer, fmt.Errorf("producer id for transactional id %q: %w", q.TransactionalID, err)
	}
	return ProducerIdentity{answer.ProducerID, answer.Epoch}, nil
}

// A TxnIdentity is who speaks for a transaction.
type TxnIdentity struct {
	TransactionalID string
	Producer        ProducerIdentity
}

// wrap says what was refused.
func (t TxnIdentity) wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case t.Producer == NoProducer:
		return fmt.Errorf("%s of transactional id %q: %w", what, t.TransactionalID, err)
	}
	return fmt.Errorf("%s of transactional id %q, producer %d, epoch %d: %w",
		what, t.TransactionalID, t.Producer.ID, t.Producer.Epoch, err)
}

// AddPartitionsToTxn makes partitions part of a transaction, which begins with
// the first. Clients that append with [AppendOptions.Implicit] need not ask.
//
// Where a partition may not be added, none is: refused then has, for each, the
// ErrUnknownTopic or ErrInternalTopic that is wrong with it, or nil. The error
// says so too, or is a [*CodeError], or that of the commit.
func (b *Broker) AddPartitionsToTxn(t TxnIdentity, ps []TopicPartition) (refused []error, err error) {
	if refused, err := b.checkTxnPartitions(ps); err != nil {
		return refused, t.wrap("partitions", err)
	}
	partitions := make([]coord.Partition, len(ps))
	for i, tp := range ps {
		partitions[i] = coord.Partition{Topic: tp.Topic, Index: tp.Partition}
	}
	err = b.stepTxn(func(_ *Commit, now time.Time) (coord.Code, coord.TxnChange) {
		return b.txns.AddPartitions(now, t.TransactionalID, t.Producer.ID, t.Producer.Epoch, partitions)
	})
	return nil, t.wrap("partitions", err)
}

// checkTxnPartitions says which partitions a client may not write to. One that
// is deleted later is skipped when the transaction ends.
func (b *Broker) checkTxnPartitions(ps []TopicPartition) ([]error, error) {
	var refused []error
	for i, tp := range ps {
		p, err := b.partition(tp)
		if err == nil && p.topic.config().Internal {
			err = fmt.Errorf("topic %q is internal: %w", tp.Topic, ErrInternalTopic)
		}
		if err == nil {
			continue
		}
		if refused == nil {
			refused = make([]error, len(ps))
		}
		refused[i] = err
	}
	return refused, errors.Join(refused...)
}

// AddOffsetsToTxn makes the offsets of a group part of a transaction.
// Refusals are a [*CodeError].
func (b *Broker) AddOffsetsToTxn(t TxnIdentity, group string) error {
	err := b.stepTxn(func(_ *Commit, now time.Time) (coord.Code, coord.TxnChange) {
		return b.txns.AddOffsets(now, t.TransactionalID, t.Producer.ID, t.Producer.Epoch, group)
	})
	return t.wrap("group "+group, err)
}
