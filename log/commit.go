package log

import (
	"errors"

	"github.com/freshet/freshet/internal/batch"
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
	topics  []*topic // to be created
	fence   Fence
	entry   *journal.Entry
	taken   bool // the leader's: it was given its offsets
}

type commitBatch struct {
	p           *partition
	bytes       []byte
	count       Offset
	first, last Offset // given when it is sequenced
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

// Commit makes c visible and returns when it is as durable as the log's
// [Durability] says. Readers see all of it at once.
//
// After ErrFenced, ErrNoSpace or ErrClosed nothing of c is in the log. After
// ErrPoisoned nobody knows until the log is opened again.
func (b *Broker) Commit(c *Commit) (Committed, error) {
	if b.readOnly {
		return Committed{}, ErrReadOnly
	}
	if err := b.waitForRoom(); err != nil {
		return Committed{}, err
	}
	err := b.journal.Commit(c.entry)
	if b.cfg.stepped {
		b.runPending()
	}
	if err != nil {
		return Committed{}, err
	}
	var out Committed
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
	if err := s.b.checkFence(c.fence); err != nil {
		return err
	}
	c.taken = true
	meta := make([]byte, 0, len(c.batches)*(entryHeaderBytes+batchPrefixBytes)+len(c.offsets)*64)
	var part [][]byte
	size := 0
	for i := range c.batches {
		cb := &c.batches[i]
		cb.first = cb.p.next
		cb.last = cb.first + cb.count - 1
		cb.p.next = cb.last + 1
		batch.Stamp(cb.bytes, int64(cb.first), s.b.epoch)
		if size > 0 && size+len(cb.bytes) > s.b.cfg.partBytes {
			e.Parts = append(e.Parts, part)
			part, size = nil, 0
		}
		begin := len(meta)
		meta = appendBatchHeader(meta, cb.p.topic.id, cb.p.id, len(cb.bytes))
		part = append(part, meta[begin:len(meta):len(meta)], cb.bytes)
		size += len(cb.bytes)
	}
	begin := len(meta)
	for _, t := range c.topics {
		meta = appendTopicEntry(meta, t.id, t.name, t.cfg)
	}
	for _, o := range c.offsets {
		meta = appendOffsetEntry(meta, o.group, o.p.topic.id, o.p.id, o.o)
	}
	part = append(part, meta[begin:])
	e.Parts = append(e.Parts, part)
	return nil
}

// Undo takes back the offsets of a group that was not written.
func (s sequencer) Undo(group []*journal.Entry) {
	s.b.pub.RLock()
	defer s.b.pub.RUnlock()
	for _, e := range group {
		c := e.Commit.(*Commit)
		for i := range c.batches {
			p := c.batches[i].p
			p.next = p.end
		}
		c.taken = false
		e.Parts = nil
	}
}

// Publish makes a group visible, all of it in one step.
func (s sequencer) Publish(group []*journal.Entry) {
	b := s.b
	b.pub.Lock()
	for _, e := range group {
		b.publishLocked(e.Commit.(*Commit))
		e.Parts = nil
	}
	full := b.pub.tailBytes > b.cfg.TailBytes/tailFlushPart
	b.pub.Unlock()
	if full {
		b.wakeFlusher()
	}
}

func (b *Broker) publishLocked(c *Commit) {
	for _, t := range c.topics {
		b.addTopicLocked(t)
	}
	for i := range c.batches {
		cb := &c.batches[i]
		if len(cb.p.tail) == 0 {
			b.pub.dirty = append(b.pub.dirty, cb.p)
		}
		cb.p.publishLocked(segment.Span{Bytes: cb.bytes, First: int64(cb.first), Last: int64(cb.last)}, b.epoch)
		b.pub.tailBytes += int64(len(cb.bytes))
		cb.p.wakeLocked()
	}
	for _, o := range c.offsets {
		b.setOffsetLocked(o)
	}
}

// Rolled begins a checkpoint of everything published so far, when enough
// journal files have gathered.
func (s sequencer) Rolled(first uint64) {
	b := s.b
	if b.sealed++; b.sealed < journalFiles {
		return
	}
	b.sealed = 0
	b.pub.RLock()
	snapshot := b.snapshotLocked(first)
	b.pub.RUnlock()
	b.requestCheckpoint(snapshot)
}
