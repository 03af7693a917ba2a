package log

import (
	"time"

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

// stepTxn takes one step of the coordinator as a commit of its own. A step that
// changes nothing goes through the journal too: what it repeats may be in the
// same group, and is not durable before that is.
func (b *Broker) stepTxn(step func(c *Commit, now time.Time) (coord.Code, coord.TxnChange)) error {
	c := b.newCommit()
	c.sequenced = func() error {
		given := b.nextProducerID
		code, change := step(c, b.cfg.Now())
		if b.nextProducerID != given {
			c.entries = append(c.entries, producerIDEntry{b.nextProducerID})
		}
		c.noteTxn(change)
		return codeError(code)
	}
	_, err := b.Commit(c)
	return err
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

// noteTxn makes a change of the coordinator part of the commit, with all that
// belongs to the end of a transaction if it is one.
func (c *Commit) noteTxn(change coord.TxnChange) {
	if !change.Changed() {
		return
	}
	if change.After != nil {
		c.entries = append(c.entries, txnEntry{*change.After})
	} else {
		c.entries = append(c.entries, txnGoneEntry{change.Before.ID})
	}
	c.undo = append(c.undo, func() {
		c.b.txns.Undo(change)
		c.b.noteTxnDue()
	})
	c.b.noteTxnDue()
	if change.Ending != nil {
		c.endTxn(change.Ending)
	}
}

// txn takes in what was written of a transactional id. Offsets of a transaction
// that has ended are committed by entries of their own.
func (l loader) txn(e txnEntry) error {
	if before, code := l.b.txns.Get(e.txn.ID); code == coord.OK && e.txn.State != coord.TxnOngoing {
		delete(l.b.txnOffsets, before.ProducerID) // its end may have come with another producer id
	}
	if err := l.b.txns.Load(e.txn); err != nil {
		return err
	}
	return l.b.applyLocked(e)
}

// noteOpenLocked notes which transactions are open, for those who look at the
// log without asking its leader.
func (b *Broker) noteOpenLocked(t *coord.Transaction) {
	if t.State == coord.TxnOngoing {
		b.pub.openTxns[t.ID] = t
	} else {
		delete(b.pub.openTxns, t.ID)
	}
}

func (l loader) txnOffset(e txnOffsetEntry) error {
	p, err := l.b.partitionByIDLocked(e.offset.at)
	if err != nil {
		return nil // the topic was deleted since
	}
	l.b.addTxnOffset(e.producerID, offsetCommit{e.offset.group, p, e.offset.o})
	return nil
}

// txnEntries describes the coordinator for a checkpoint.
func (b *Broker) txnEntries(dst []byte) []byte {
	dst = producerIDEntry{b.nextProducerID}.appendTo(dst)
	for _, t := range b.txns.All() {
		dst = txnEntry{*t}.appendTo(dst)
		pending := b.txnOffsets[t.ProducerID]
		if pending == nil {
			continue
		}
		for i := range pending.list {
			if o := &pending.list[i]; !o.p.topic.gone.Load() {
				dst = txnOffsetEntry{t.ProducerID, o.entry()}.appendTo(dst)
			}
		}
	}
	return dst
}
