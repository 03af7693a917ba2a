package log

import "fmt"

// HighWatermark, as the offset of [Broker.DeleteRecords], is the end of the
// partition.
const HighWatermark Offset = -1

// DeleteRecords gives up the records of tp below an offset, and returns the
// offset that the partition starts at now. Readers that stand below get
// ErrOffsetOutOfRange. Whole segments are removed in the background; until then
// the disk has the records.
//
// An offset at or below the start changes nothing. One past the end, or a
// negative one other than HighWatermark, is ErrOffsetOutOfRange. As in Kafka the topic's cleanup policy must have
// delete, or it is ErrPolicyViolation: a key's last value is not to be lost.
func (b *Broker) DeleteRecords(tp TopicPartition, before Offset) (start Offset, err error) {
	if b.readOnly {
		return 0, ErrReadOnly
	}
	p, err := b.partition(tp)
	if err != nil {
		return 0, fmt.Errorf("delete records: %w", err)
	}
	if cfg := p.topic.config(); !cfg.deletes() {
		return 0, fmt.Errorf("delete records of %s: cleanup.policy is %s: %w", tp, cfg.CleanupPolicy, ErrPolicyViolation)
	}
	b.pub.RLock()
	start, end := p.start, p.end
	b.pub.RUnlock()
	if before == HighWatermark {
		before = end
	}
	if before < 0 || before > end {
		return 0, fmt.Errorf("delete records of %s below offset %d, has %d to %d: %w", tp, before, start, end, ErrOffsetOutOfRange)
	}
	if before <= start {
		return start, nil
	}
	if err := b.moveLogStart(p, before); err != nil {
		return 0, fmt.Errorf("delete records of %s: %w", tp, err)
	}
	b.cfg.Logger.Info("records deleted", "topic", tp.Topic, "partition", tp.Partition, "offset", before)
	return before, nil
}

// moveLogStart gives up what is below start, which is not past the end. With
// the start that p has it drops segments that are below it still.
func (b *Broker) moveLogStart(p *partition, start Offset) error {
	c := b.newCommit()
	c.entries = []entry{logStartEntry{p.at(), start}}
	c.sequenced = func() error {
		if p.topic.going {
			return fmt.Errorf("topic %q was deleted: %w", p.topic.name, ErrUnknownTopic)
		}
		return nil
	}
	return b.commitFreeing(c)
}

// commitFreeing commits what frees memory or disk, and so does not wait for
// room as others do.
func (b *Broker) commitFreeing(c *Commit) error {
	err := b.journal.Commit(&c.entry)
	if b.cfg.stepped {
		b.runPending()
	}
	return err
}
