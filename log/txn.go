package log

import (
	"github.com/freshet/freshet/internal/coord"
)

// newTransactions makes an empty coordinator.
func (b *Broker) newTransactions() *coord.Transactions {
	return coord.NewTransactions(coord.TxnConfig{
		MaxTimeout: b.cfg.MaxTransactionTimeout, Expiration: b.cfg.TransactionalIDExpiration,
		NewProducerID: func() int64 {
			b.nextProducerID++
			return b.nextProducerID - 1
		},
	})
}

// enterTxn checks that a transactional batch belongs to the open transaction of
// its producer and, where that may be implicit, enters its partition.
func (b *Broker) enterTxn(c *Commit, cb *commitBatch, implicit bool) coord.Code {
	p := coord.Partition{Topic: cb.p.tp.Topic, Index: cb.p.tp.Partition}
	h := cb.header
	if !implicit {
		return b.txns.MayAppend(h.ProducerID, h.ProducerEpoch, p)
	}
	code, change := b.txns.BeginAppend(b.cfg.Now(), h.ProducerID, h.ProducerEpoch, p)
	c.noteTxn(change)
	return code
}

// noteTxn makes a change of the coordinator part of the commit.
func (c *Commit) noteTxn(change coord.TxnChange) {
	if !change.Changed() {
		return
	}
	if change.After != nil {
		c.entries = append(c.entries, txnEntry{*change.After})
	} else {
		c.entries = append(c.entries, txnGoneEntry{change.Before.ID})
	}
	c.undo = append(c.undo, func() { c.b.txns.Undo(change) })
}

// txn takes in what was written of a transactional id. Offsets of a transaction
// that has ended are committed by entries of their own.
func (l loader) txn(e txnEntry) error {
	if e.txn.State != coord.TxnOngoing {
		delete(l.b.txnOffsets, e.txn.ProducerID)
	}
	return l.b.txns.Load(e.txn)
}

func (l loader) txnOffset(e txnOffsetEntry) error {
	p, err := l.b.partitionByIDLocked(e.offset.at)
	if err != nil {
		return nil // the topic was deleted since
	}
	l.b.txnOffsets[e.producerID] = append(l.b.txnOffsets[e.producerID], offsetCommit{e.offset.group, p, e.offset.o})
	return nil
}

// txnEntries describes the coordinator for a checkpoint.
func (b *Broker) txnEntries(dst []byte) []byte {
	dst = producerIDEntry{b.nextProducerID}.appendTo(dst)
	for _, t := range b.txns.All() {
		dst = txnEntry{*t}.appendTo(dst)
	}
	for id, offsets := range b.txnOffsets {
		for i := range offsets {
			if !offsets[i].p.topic.gone.Load() {
				dst = txnOffsetEntry{id, offsets[i].entry()}.appendTo(dst)
			}
		}
	}
	return dst
}
