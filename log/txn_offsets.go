package log

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/coord"
)

// A GroupMembership is who commits offsets of a group. The zero value is
// nobody, as is Generation -1 without a MemberID: a producer alone, which its
// epoch fences.
type GroupMembership struct {
	MemberID   string
	InstanceID string // group.instance.id of a static member
	Generation int32
}

// A TxnOffsetsRequest commits offsets that wait for the outcome of a
// transaction.
type TxnOffsetsRequest struct {
	TxnIdentity
	Group   string
	Member  GroupMembership
	Offsets []GroupOffset

	// Implicit makes the group part of the transaction, as clients of newer
	// protocol expect. Without it AddOffsetsToTxn must have come before.
	Implicit bool
}

// CommitTxnOffsets notes offsets that the group has committed once, and if, the
// transaction commits. A later offset for a partition takes the place of an
// earlier one.
//
// An offset that is refused has its error in refused, and the others are noted;
// refused is nil where all are. The error is a [*CodeError] where nothing may
// be noted, because of the transaction or of the membership, or that of the
// commit.
func (b *Broker) CommitTxnOffsets(q TxnOffsetsRequest) (refused []error, err error) {
	offsets, refused := b.checkTxnOffsets(&q)
	err = b.stepTxn(func(c *Commit, now time.Time) (coord.Code, coord.TxnChange) {
		code, change := b.mayCommitTxnOffsets(now, &q)
		if code == coord.OK {
			code = b.checkTxnMember(now, q.Group, q.Member)
		}
		if code == coord.OK {
			c.noteTxn(change)
			c.noteTxnOffsets(q.Producer.ID, offsets)
			return code, coord.TxnChange{}
		}
		b.txns.Undo(change)
		return code, coord.TxnChange{}
	})
	if err != nil {
		return nil, q.wrap("offsets of group "+q.Group, err)
	}
	return refused, nil
}

func (b *Broker) mayCommitTxnOffsets(now time.Time, q *TxnOffsetsRequest) (coord.Code, coord.TxnChange) {
	t := &q.TxnIdentity
	if q.Implicit {
		return b.txns.BeginCommitOffsets(now, t.TransactionalID, t.Producer.ID, t.Producer.Epoch, q.Group)
	}
	return b.txns.MayCommitOffsets(t.TransactionalID, t.Producer.ID, t.Producer.Epoch, q.Group), coord.TxnChange{}
}

// checkTxnMember says whether a member may commit offsets of its group. It is
// the leader's.
func (b *Broker) checkTxnMember(now time.Time, group string, m GroupMembership) coord.Code {
	who := coord.Membership{Group: group, MemberID: m.MemberID, InstanceID: m.InstanceID, Generation: m.Generation}
	if m == (GroupMembership{}) {
		who.Generation = coord.None
	}
	g := b.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	code := g.mu.coord.TxnCommitOffsets(now, who)
	if code == coord.OK {
		g.mu.idle.active(group)
	}
	return code
}

// codeMetadataTooLarge is Kafka's code for what no coordinator looks at.
const codeMetadataTooLarge = 12

// checkTxnOffsets returns the offsets that can be noted, and what is wrong with
// the others.
func (b *Broker) checkTxnOffsets(q *TxnOffsetsRequest) (offsets []offsetCommit, refused []error) {
	now := b.cfg.Now().UnixMilli()
	for i := range q.Offsets {
		o := &q.Offsets[i]
		p, err := b.partition(o.TopicPartition)
		if err == nil && len(o.Metadata) > maxMetadataBytes {
			err = fmt.Errorf("metadata of %d bytes for %s, at most %d: %w", len(o.Metadata), o.TopicPartition,
				maxMetadataBytes, &CodeError{codeMetadataTooLarge, "OFFSET_METADATA_TOO_LARGE"})
		}
		if err != nil {
			if refused == nil {
				refused = make([]error, len(q.Offsets))
			}
			refused[i] = err
			continue
		}
		noted := o.CommittedOffset
		noted.TimestampMillis = now
		offsets = append(offsets, offsetCommit{q.Group, p, noted})
	}
	return offsets, refused
}

// txnOffsets are the offsets of one open transaction, in the order in which
// their partitions came.
type txnOffsets struct {
	list []offsetCommit
	at   map[txnOffsetKey]int
}

type txnOffsetKey struct {
	group string
	p     *partition
}

// addTxnOffset notes an offset of the producer's open transaction. It returns
// how to take that back.
func (b *Broker) addTxnOffset(producerID int64, o offsetCommit) (undo func()) {
	pending := b.txnOffsets[producerID]
	if pending == nil {
		pending = &txnOffsets{at: map[txnOffsetKey]int{}}
		b.txnOffsets[producerID] = pending
	}
	key := txnOffsetKey{o.group, o.p}
	if i, found := pending.at[key]; found {
		before := pending.list[i]
		pending.list[i] = o
		return func() { pending.list[i] = before }
	}
	pending.at[key] = len(pending.list)
	pending.list = append(pending.list, o)
	return func() {
		pending.list = pending.list[:len(pending.list)-1]
		delete(pending.at, key)
		if len(pending.list) == 0 {
			delete(b.txnOffsets, producerID)
		}
	}
}

// noteTxnOffsets makes pending offsets part of the commit.
func (c *Commit) noteTxnOffsets(producerID int64, offsets []offsetCommit) {
	for i := range offsets {
		if offsets[i].p.topic.going {
			continue // it was deleted since
		}
		c.entries = append(c.entries, txnOffsetEntry{producerID, offsets[i].entry()})
		c.undo = append(c.undo, c.b.addTxnOffset(producerID, offsets[i]))
	}
}

// endTxnOffsets makes the pending offsets of a transaction good or drops them.
func (c *Commit) endTxnOffsets(e *coord.Ending, nowMillis int64) {
	b := c.b
	pending := b.txnOffsets[e.ProducerID]
	if pending == nil {
		return
	}
	delete(b.txnOffsets, e.ProducerID)
	c.undo = append(c.undo, func() { b.txnOffsets[e.ProducerID] = pending })
	if !e.Commit {
		return
	}
	for _, o := range pending.list {
		if o.p.topic.going {
			continue
		}
		o.o.TimestampMillis = nowMillis
		c.offsets = append(c.offsets, o)
	}
}
