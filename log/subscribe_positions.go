package log

import (
	"errors"
	"fmt"
)

// A heldPartition is a partition that a member has.
type heldPartition struct {
	next      Offset // of the record that Poll returns next
	known     bool   // next is known
	placed    bool   // the consumer reads it
	paused    bool
	committed Offset // by this member, or before it had the partition; -1 if nothing was
}

// giveUp tells the owner of partitions that it has no more, and drops them.
func (c *GroupConsumer) giveUp(tps []TopicPartition, tell func([]TopicPartition)) {
	if len(tps) == 0 {
		return
	}
	if tell != nil {
		tell(tps)
	}
	for _, tp := range tps {
		c.consumer.Unassign(tp)
		delete(c.held, tp)
	}
}

// take takes partitions over.
func (c *GroupConsumer) take(tps []TopicPartition) {
	if len(tps) == 0 {
		return
	}
	for _, tp := range tps {
		h := &heldPartition{committed: -1}
		if o, ok := c.b.Committed(c.cfg.Group, tp); ok {
			h.next, h.known, h.committed = o.Offset, true, o.Offset
		}
		c.held[tp] = h
	}
	c.unplaced = true
	if c.cfg.OnAssigned != nil {
		c.cfg.OnAssigned(tps)
	}
}

// place makes the consumer read what it does not yet.
func (c *GroupConsumer) place() error {
	if !c.unplaced {
		return nil
	}
	for _, tp := range sortedPlaces(c.held) {
		h := c.held[tp]
		if h.placed || h.paused {
			continue
		}
		err := c.placeOne(tp, h)
		if errors.Is(err, ErrUnknownTopic) {
			continue // it was deleted, and comes or goes with a rebalance
		}
		if err != nil {
			return err
		}
		h.placed = true
	}
	c.unplaced = false
	return nil
}

func (c *GroupConsumer) placeOne(tp TopicPartition, h *heldPartition) error {
	if h.known {
		err := c.consumer.Assign(tp, h.next)
		if !errors.Is(err, ErrOffsetOutOfRange) {
			return err
		}
	}
	var to OffsetSpec
	switch c.cfg.AutoOffsetReset {
	case ResetNone:
		return fmt.Errorf("partition %s has no offset in group %q that could be read (seek to one): %w", tp, c.cfg.Group, ErrOffsetOutOfRange)
	case ResetLatest:
		to = LatestOffset()
	}
	at, err := to.find(c.b, tp)
	if err != nil {
		return err
	}
	if err := c.consumer.Assign(tp, at); err != nil {
		return err
	}
	h.next, h.known = at, true
	return nil
}

// fetch returns what there is and notes how far that goes.
func (c *GroupConsumer) fetch(maxBytes int) ([]Fetch, error) {
	if err := c.place(); err != nil {
		return nil, err
	}
	fetches, err := c.consumer.Fetch(maxBytes)
	switch {
	case errors.Is(err, ErrOffsetOutOfRange), errors.Is(err, ErrUnknownTopic):
		if err := c.displaced(); err != nil {
			return nil, err
		}
		return nil, nil
	case err != nil:
		return nil, err
	}
	for i := range fetches {
		c.held[fetches[i].TopicPartition].next = fetches[i].Next
	}
	return fetches, nil
}

// displaced looks for partitions that are gone, or of which retention has
// dropped what would come next. The others go on.
func (c *GroupConsumer) displaced() error {
	var gone []TopicPartition
	for tp, h := range c.held {
		if !h.placed {
			continue
		}
		start, _, err := c.b.Offsets(tp)
		if f := c.consumer.position(tp); err != nil || f.p.topic.gone.Load() {
			gone = append(gone, tp)
		} else if h.next < start {
			c.consumer.Unassign(tp)
			h.placed, c.unplaced = false, true
		}
	}
	c.giveUp(gone, c.cfg.OnLost)
	if len(gone) > 0 {
		c.outside() // it may have been made anew, and be the member's again
	}
	notify(c.changed) // there may be more to fetch
	return c.place()
}

// Commit commits, for all partitions of the member, how far the records go that
// Poll has returned. The error matches ErrFenced where the group has gone on
// without the member, and ErrRebalancing while a rebalance waits for its
// leader; then nothing is committed, and the next Commit has all of it.
func (c *GroupConsumer) Commit() error {
	var offsets []GroupOffset
	for _, tp := range sortedPlaces(c.held) {
		if h := c.held[tp]; h.known && h.next != h.committed {
			offsets = append(offsets, GroupOffset{tp, CommittedOffset{Offset: h.next, LeaderEpoch: -1}})
		}
	}
	return c.CommitOffsets(offsets...)
}

// CommitOffsets commits offsets, as Commit does, that the caller knows.
func (c *GroupConsumer) CommitOffsets(offsets ...GroupOffset) error {
	if len(offsets) == 0 {
		return nil
	}
	errs, err := c.b.CommitOffsets(c.cfg.Group, c.Membership(), offsets)
	if err != nil {
		return err
	}
	for i, o := range offsets {
		if h := c.held[o.TopicPartition]; h != nil && errs[i] == nil {
			h.committed = o.Offset
		}
	}
	return errors.Join(errs...)
}

// Position returns the offset of the next record that Poll will return, and
// false where the partition is not the member's or has no position yet.
func (c *GroupConsumer) Position(tp TopicPartition) (Offset, bool) {
	h := c.held[tp]
	if h == nil || !h.known {
		return 0, false
	}
	return h.next, true
}

// Seek makes Poll go on in a partition with the record at an offset. It
// returns ErrUnknownTopic where the partition is not the member's, and
// ErrOffsetOutOfRange.
func (c *GroupConsumer) Seek(tp TopicPartition, to Offset) error {
	h := c.held[tp]
	if h == nil {
		return fmt.Errorf("partition %s is not assigned: %w", tp, ErrUnknownTopic)
	}
	if _, err := ExactOffset(to).find(c.b, tp); err != nil {
		return err
	}
	c.consumer.Unassign(tp)
	h.next, h.known, h.placed, c.unplaced = to, true, false, true
	return nil
}

// Pause makes Poll return nothing of some partitions, which the member keeps.
// A partition that it gives up and gets again is not paused.
func (c *GroupConsumer) Pause(tps ...TopicPartition) {
	for _, tp := range tps {
		if h := c.held[tp]; h != nil && !h.paused {
			c.consumer.Unassign(tp)
			h.paused, h.placed = true, false
		}
	}
}

// Resume ends a Pause.
func (c *GroupConsumer) Resume(tps ...TopicPartition) {
	for _, tp := range tps {
		if h := c.held[tp]; h != nil && h.paused {
			h.paused, c.unplaced = false, true
		}
	}
}
