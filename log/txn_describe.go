package log

import (
	"time"

	"github.com/freshet/freshet/internal/coord"
)

// A TransactionDescription is a transactional id as it stands.
type TransactionDescription struct {
	TransactionalID string
	Producer        ProducerIdentity
	State           string // Kafka's name: Empty, Ongoing, CompleteCommit or CompleteAbort
	Timeout         time.Duration
	Started         time.Time        // of the transaction that is open or ended last; zero before the first
	Partitions      []TopicPartition // of the open transaction
	Groups          []string         // whose offsets the open transaction commits
}

func describeTxn(t *coord.Transaction) TransactionDescription {
	d := TransactionDescription{
		TransactionalID: t.ID, Producer: ProducerIdentity{t.ProducerID, t.Epoch}, State: t.State.String(),
		Timeout: t.Timeout, Started: t.Started, Groups: append([]string(nil), t.Groups...),
	}
	for _, p := range t.Partitions {
		d.Partitions = append(d.Partitions, TopicPartition{p.Topic, p.Index})
	}
	return d
}

// asLeader runs f where it may look at what is the leader's. It must not keep
// anything of that.
func (b *Broker) asLeader(f func() error) error {
	if b.readOnly {
		b.pub.RLock() // the follower changes it under this
		defer b.pub.RUnlock()
		return f()
	}
	return b.journal.Exclusive(f)
}

// ListTransactions describes all transactional ids, in order.
func (b *Broker) ListTransactions() (ds []TransactionDescription, err error) {
	err = b.asLeader(func() error {
		for _, t := range b.txns.All() {
			ds = append(ds, describeTxn(t))
		}
		return nil
	})
	return ds, err
}

// DescribeTransaction describes one transactional id. The error is a
// [*CodeError], TRANSACTIONAL_ID_NOT_FOUND, where it is not known.
func (b *Broker) DescribeTransaction(transactionalID string) (d TransactionDescription, err error) {
	err = b.asLeader(func() error {
		t, code := b.txns.Get(transactionalID)
		if code == coord.OK {
			d = describeTxn(t)
		}
		return codeError(code)
	})
	return d, TxnIdentity{transactionalID, NoProducer}.wrap("description", err)
}

// A ProducerDescription is what a partition remembers of a producer.
type ProducerDescription struct {
	Producer       ProducerIdentity
	LastSequence   int32  // -1 before its first batch of this epoch
	LastUsedMillis int64  // when it appended last, by the log's clock
	TxnStart       Offset // of its open transaction here; -1 if there is none
}

// DescribeProducers describes the producers that a partition remembers, the one
// that appended least recently first.
func (b *Broker) DescribeProducers(tp TopicPartition) (ds []ProducerDescription, err error) {
	p, err := b.partition(tp)
	if err != nil {
		return nil, err
	}
	err = b.asLeader(func() error {
		if p.producers == nil {
			return nil
		}
		for s := range p.producers.All() {
			ds = append(ds, ProducerDescription{
				Producer: ProducerIdentity{s.ID, s.Epoch}, LastSequence: s.LastSequence(),
				LastUsedMillis: s.LastUsedMillis, TxnStart: Offset(s.TxnFirstOffset),
			})
		}
		return nil
	})
	return ds, err
}
