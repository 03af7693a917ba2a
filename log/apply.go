package log

import (
	"fmt"
	"slices"

	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// applyLocked makes a change visible: one that was just written to the journal,
// or one that is read back from it. Batches are the exception, see publishLocked
// and loader.
func (b *Broker) applyLocked(e entry) error {
	switch e := e.(type) {
	case topicEntry:
		return b.applyTopicLocked(e)
	case topicDeletedEntry:
		return b.applyTopicDeletedLocked(e.id)
	case logStartEntry:
		p, err := b.partitionByIDLocked(e.at)
		if err != nil {
			return err
		}
		return b.applyLogStartLocked(p, e.start)
	case offsetEntry:
		p, err := b.partitionByIDLocked(e.at)
		if err != nil {
			return err
		}
		b.setOffsetLocked(offsetCommit{e.group, p, e.o})
		return nil
	case offsetGoneEntry:
		p, err := b.partitionByIDLocked(e.at)
		if err != nil {
			return err
		}
		delete(b.pub.committed[e.group], p.tp)
		if len(b.pub.committed[e.group]) == 0 {
			delete(b.pub.committed, e.group)
		}
		return nil
	case txnEntry:
		b.noteOpenLocked(&e.txn)
		return nil
	case txnGoneEntry:
		delete(b.pub.openTxns, e.id)
		return nil
	case producerIDEntry:
		b.pub.producerIDs = max(b.pub.producerIDs, e.next)
		return nil
	case txnOffsetEntry:
		return nil // the coordinator knows
	case swapEntry:
		return b.applySwapLocked(e)
	case groupEntry:
		if e.group == "" || e.generation < 0 {
			return fmt.Errorf("group %q has generation %d", e.group, e.generation)
		}
		b.pub.groups[e.group] = e
		return nil
	case groupGoneEntry:
		delete(b.pub.groups, e.group)
		delete(b.pub.committed, e.group)
		return nil
	case doomedEntry:
		b.pub.doomed = append(b.pub.doomed, doomed{doomedEntry: e})
		return nil
	}
	return fmt.Errorf("entry %T is out of place", e)
}

func (b *Broker) partitionByIDLocked(at partitionID) (*partition, error) {
	t, ok := b.pub.byID[at.topic]
	if ok {
		if ps := t.partitions(); uint(at.partition) < uint(len(ps)) {
			return ps[at.partition], nil
		}
	}
	return nil, fmt.Errorf("partition %d of topic %s was never made", at.partition, at.topic)
}

func (b *Broker) applyTopicLocked(e topicEntry) error {
	if e.cfg.Partitions < 1 || e.cfg.Partitions > maxPartitions {
		return fmt.Errorf("topic %s has %d partitions", e.name, e.cfg.Partitions)
	}
	b.topicChanges.Add(1)
	if t, ok := b.pub.byID[e.id]; ok {
		t.alter(e.cfg)
		return nil
	}
	if t, ok := b.pub.topics[e.name]; ok {
		return fmt.Errorf("topic %s with id %s is made anew with id %s", e.name, t.id, e.id)
	}
	b.addTopicLocked(newTopic(e.id, e.name, e.cfg))
	return nil
}

func (b *Broker) applyTopicDeletedLocked(id uuid.UUID) error {
	t, ok := b.pub.byID[id]
	if !ok {
		return fmt.Errorf("topic %s, which is deleted, was never made", id)
	}
	t.going = true
	t.gone.Store(true)
	b.topicChanges.Add(1)
	delete(b.pub.byID, id)
	delete(b.pub.topics, t.name)
	d := doomed{doomedEntry: doomedEntry{at: partitionID{id, allPartitions}}}
	for _, p := range t.partitions() {
		d.segments = append(d.segments, p.segments...)
		b.pub.tailBytes -= p.tailBytes
		p.tail, p.tailBytes, p.placed = nil, 0, 0
		p.wakeLocked()
	}
	b.pub.dirty = slices.DeleteFunc(b.pub.dirty, func(p *partition) bool { return p.topic == t })
	for group, offsets := range b.pub.committed {
		for tp := range offsets {
			if tp.Topic == t.name {
				delete(offsets, tp)
			}
		}
		if len(offsets) == 0 {
			delete(b.pub.committed, group)
		}
	}
	b.pub.doomed = append(b.pub.doomed, d)
	return nil
}

// applyLogStartLocked gives up what is below an offset. The newest segment
// stays: it is the flusher's.
func (b *Broker) applyLogStartLocked(p *partition, start Offset) error {
	if start > p.end {
		return fmt.Errorf("partition %s: start moves to offset %d, past the end at %d", p.tp, start, p.end)
	}
	if start < p.start {
		return nil
	}
	p.start = start
	n := 0
	for n < len(p.segments)-1 && Offset(p.segments[n].End()) <= start {
		n++
	}
	b.doomLocked(p, p.segments[:n])
	p.segments = p.segments[n:]
	for len(p.epochs) > 1 && p.epochs[1].start <= start {
		p.epochs = p.epochs[1:]
	}
	p.forgetAbortedLocked(start)
	return nil
}

// doomLocked notes segments whose files are removed after the next checkpoint,
// when no recovery can ask for them any more.
func (b *Broker) doomLocked(p *partition, segments []*segment.Segment) {
	for _, s := range segments {
		b.pub.doomed = append(b.pub.doomed, doomed{
			doomedEntry{p.at(), Offset(s.Base()), s.Generation()}, []*segment.Segment{s},
		})
	}
}
