package log

import (
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
)

// A Commit is what a [CommitBuilder] gathered: batches of any number of
// partitions and offsets of groups. It happens as a whole or not at all, and
// at most once.
type Commit struct {
	b       *Broker
	batches []commitBatch
	offsets []offsetCommit
	entries []entry // other changes
	fence   Fence
	entry   journal.Entry

	// Room for the most common commit, so that it is one allocation.
	oneBatch [1]commitBatch
	oneEnd   [1]PartitionOffset

	// The leader's.
	taken     bool         // it was given its offsets
	numbered  int          // how many of batches were
	sequenced func() error // checks and completes the commit when its turn comes
	undo      []func()     // takes back what was noted before it was written
}

type commitBatch struct {
	p           *partition
	bytes       []byte
	count       Offset
	header      *batch.Header // of a batch with a producer
	first, last Offset        // given when it is sequenced
	produced    *produced     // then known, of a batch with a producer
	place       place         // then known, of a batch that was placed
}

func (cb *commitBatch) span() segment.Span {
	return segment.Span{Bytes: cb.bytes, First: int64(cb.first), Last: int64(cb.last)}
}

// Committed says where the records of a commit went.
type Committed struct {
	// Ends has, for each partition that was written, the offset after its
	// last record of the commit.
	Ends []PartitionOffset
}

// A PartitionOffset is an offset of a partition.
type PartitionOffset struct {
	TopicPartition
	Offset Offset
}

// String returns it as topic-partition@offset.
func (o PartitionOffset) String() string { return fmt.Sprintf("%s@%d", o.TopicPartition, o.Offset) }

// Commit makes c visible and returns when it is as durable as the log's
// [Durability] says. Readers see all of it at once.
//
// After ErrFenced, ErrNoSpace, ErrClosed or ErrUnknownTopic (the topic was
// deleted meanwhile) nothing of c is in the log. After ErrPoisoned nobody knows
// until the log is opened again.
func (b *Broker) Commit(c *Commit) (Committed, error) {
	if err := b.commit(c); err != nil {
		return Committed{}, err
	}
	out := Committed{Ends: c.oneEnd[:0]}
	for i := range c.batches {
		cb := &c.batches[i]
		// Batches of one partition stand together, in order.
		if n := len(out.Ends); n > 0 && out.Ends[n-1].TopicPartition == cb.p.tp {
			out.Ends[n-1].Offset = cb.last + 1
			continue
		}
		out.Ends = append(out.Ends, PartitionOffset{cb.p.tp, cb.last + 1})
	}
	return out, nil
}

// commit is Commit for those who know where the records went.
func (b *Broker) commit(c *Commit) error {
	if b.readOnly {
		return ErrReadOnly
	}
	if err := b.waitForRoom(); err != nil {
		return err
	}
	began := time.Now()
	err := b.journal.Commit(&c.entry)
	if err == nil {
		b.counters.commitTime.observe(time.Since(began))
	}
	if b.cfg.stepped {
		b.runPending()
	}
	return err
}

// defaultPartBytes is the size at which a commit is split into several records
// of the journal.
const defaultPartBytes = 16 << 20

var errTwice = errors.New("commit was committed already (build another)")

// A sequencer gives offsets to commits and publishes them: the broker as the
// journal sees it.
type sequencer struct{ b *Broker }

// Sequence numbers the records of a commit and lays it out for the journal.
func (s sequencer) Sequence(e *journal.Entry) error {
	c := e.Commit.(*Commit)
	if c.taken {
		return errTwice // its batches belong to readers
	}
	err := s.b.checkGroups(c)
	if err == nil && c.sequenced != nil {
		err = c.sequenced()
	}
	if err == nil {
		err = c.checkTopics()
	}
	if err == nil {
		err = c.layOut()
	}
	if err != nil {
		c.unwind()
		return err
	}
	c.taken = true
	return nil
}

// unwind takes back what was noted, and the offsets that were given.
func (c *Commit) unwind() {
	for c.numbered > 0 {
		c.numbered--
		cb := &c.batches[c.numbered]
		cb.p.next = cb.first
	}
	c.entry.Parts, c.entry.Elsewhere = nil, 0
	for i := len(c.undo) - 1; i >= 0; i-- {
		c.undo[i]()
	}
	clear(c.undo)
	c.undo = c.undo[:0]
	c.unplace()
}

// checkTopics refuses what belongs to a topic that was deleted since it was
// gathered.
func (c *Commit) checkTopics() error {
	for i := range c.batches {
		if t := c.batches[i].p.topic; t.going {
			return fmt.Errorf("topic %q was deleted: %w", t.name, ErrUnknownTopic)
		}
	}
	for i := range c.offsets {
		if t := c.offsets[i].p.topic; t.going {
			return fmt.Errorf("topic %q was deleted: %w", t.name, ErrUnknownTopic)
		}
	}
	return nil
}

// Undo takes back what was noted of a group that was not written.
func (s sequencer) Undo(group []*journal.Entry) {
	for i := len(group) - 1; i >= 0; i-- {
		c := group[i].Commit.(*Commit)
		c.unwind()
		c.taken = false
	}
	s.b.endGroup()
}

// endGroup gives up what the leader held for a group.
func (b *Broker) endGroup() {
	b.releasePlaced()
	b.layout.reset()
}

// Lost lets go of what a group held that nobody knows the end of.
func (s sequencer) Lost([]*journal.Entry) { s.b.endGroup() }

// Publish makes a group visible, all of it in one step.
func (s sequencer) Publish(group []*journal.Entry) {
	b := s.b
	b.counters.published(group)
	b.pub.Lock()
	var err error
	for _, e := range group {
		err = errors.Join(err, b.publishLocked(e.Commit.(*Commit)))
		e.Parts, e.Elsewhere = nil, 0
	}
	b.endGroup()
	full := b.pub.tailBytes > b.cfg.TailBytes/tailFlushPart
	b.pub.Unlock()
	if err != nil { // it was checked before it was written
		b.cfg.Logger.Error("log poisoned", "err", b.journal.Poison(err))
	}
	if full {
		b.wakeFlusher()
	}
}

func (b *Broker) publishLocked(c *Commit) error {
	var errs error
	for _, e := range c.entries {
		errs = errors.Join(errs, b.applyLocked(e))
	}
	for i := range c.batches {
		cb := &c.batches[i]
		if len(cb.p.tail) == 0 {
			b.pub.dirty = append(b.pub.dirty, cb.p)
		}
		if cb.place.segment != nil {
			b.publishPlacedLocked(cb)
		}
		cb.p.publishLocked(cb.span(), b.epoch)
		if cb.header != nil {
			cb.p.producedLocked(*cb.produced)
		}
		b.pub.tailBytes += int64(len(cb.bytes))
		cb.bytes = nil // a commit that has happened keeps no memory
		cb.p.wakeLocked()
	}
	for _, o := range c.offsets {
		b.setOffsetLocked(o)
	}
	return errs
}

// Rolled begins a checkpoint of everything published so far, when enough
// journal files have gathered.
func (s sequencer) Rolled(first uint64) {
	b := s.b
	b.rolled = first
	if b.sealed++; b.sealed < journalFiles {
		return
	}
	b.checkpointFrom(first)
}

// checkpointFrom has a checkpoint written of everything published so far: all
// before the record first. Only the leader may call it.
func (b *Broker) checkpointFrom(first uint64) {
	b.sealed = 0
	b.pub.RLock()
	snapshot := b.snapshotLocked(first)
	b.pub.RUnlock()
	b.requestCheckpoint(snapshot)
}

// reclaim has a checkpoint written soon, so that the space of what is doomed
// comes back.
func (b *Broker) reclaim() error {
	err := b.journal.Exclusive(func() error {
		next := b.journal.Next()
		if b.rolled == next { // the open file is empty
			b.checkpointFrom(next)
			return nil
		}
		b.sealed = journalFiles
		return b.journal.Roll()
	})
	switch {
	case vfs.IsNoSpace(err):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrPoisoned):
		return b.journal.Poison(err)
	}
	if b.cfg.stepped {
		b.runPending()
	}
	return err
}
