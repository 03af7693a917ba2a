package log

import (
	"errors"
	"sync"
	"time"
)

// The cleaner is the one goroutine that deletes old segments and compacts. It
// wakes every Config.CleanerBackoff, and goes on for as long as there is a
// partition that is worth compacting. Segments are its to read only: what it
// makes of them is a commit like others.
type cleaner struct {
	b            *Broker
	clock        settledClock
	retention    retention
	checkpointed time.Duration       // when the last checkpoint by time was asked for
	written      int64               // bytes of the journal by then
	reclaimed    doomedEntry         // the last for which a checkpoint was asked
	refused      map[*partition]bool // until the log is opened again
	skipped      map[*partition]bool // until the next step
	mu           struct {
		sync.Mutex
		stats CleanerStats
	}
}

func newCleaner(b *Broker) *cleaner {
	return &cleaner{b: b, clock: newSettledClock(b.cfg.RetentionCheckInterval), refused: map[*partition]bool{}, skipped: map[*partition]bool{}}
}

func (b *Broker) runCleaner() {
	defer b.background.Done()
	begun := time.Now()
	t := time.NewTicker(b.cfg.CleanerBackoff)
	defer t.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-t.C:
			b.cleaner.step(time.Since(begun))
		}
	}
}

// step does all there is to do, mono after the log was opened by a clock that
// does not jump.
func (c *cleaner) step(mono time.Duration) {
	if c.clock.due(mono) {
		c.clock.look(mono, c.b.cfg.Now().UnixMilli())
		c.retainAll(mono)
	}
	c.checkpoint(mono)
	c.reclaim()
	c.compactAll()
	c.reclaim()
}

// checkpoint has one written where none was for long and something was committed
// since: retention and compaction are about what a checkpoint has, also of topics
// in which little happens.
func (c *cleaner) checkpoint(mono time.Duration) {
	written, _ := c.b.journal.Written()
	if mono-c.checkpointed < c.b.cfg.CheckpointInterval || written == c.written {
		return
	}
	c.checkpointed, c.written = mono, written
	if err := c.b.reclaim(); err != nil {
		c.tell(nil, "no checkpoint", err)
	}
}

// compactAll makes passes for as long as one is worth it. In between the space
// comes back of what they replace, in portions.
func (c *cleaner) compactAll() {
	clear(c.skipped)
	for replaced := int64(0); !c.stopped() && c.b.Err() == nil; {
		now := c.clock.millis(c.b.cfg.Now().UnixMilli())
		k := c.choose(now)
		if k == nil {
			return
		}
		c.compact(k, now)
		for _, s := range k.segments {
			replaced += s.SizeBytes()
		}
		if replaced >= c.b.cfg.JournalBytes {
			c.reclaim()
			replaced = 0
		}
	}
}

func (c *cleaner) finished(p *CleanerPass) {
	c.b.cfg.Logger.Info("partition compacted", "topic", p.Partition.Topic, "partition", p.Partition.Partition, "from", p.From, "to", p.To,
		"kept", p.RecordsKept, "dropped", p.RecordsDropped, "read", p.BytesRead, "written", p.BytesWritten, "duration", p.Duration)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.mu.stats
	s.Passes++
	s.RecordsKept += p.RecordsKept
	s.RecordsDropped += p.RecordsDropped
	s.BytesRead += p.BytesRead
	s.BytesWritten += p.BytesWritten
	s.Duration += p.Duration
	s.Last = *p
}

func (c *cleaner) stopped() bool {
	select {
	case <-c.b.stop:
		return true
	default:
		return false
	}
}

// partitions returns all there are.
func (b *Broker) allPartitions() (ps []*partition) {
	b.pub.RLock()
	defer b.pub.RUnlock()
	for _, t := range b.topicsByNameLocked() {
		ps = append(ps, t.partitions()...)
	}
	return ps
}

func (c *cleaner) retainAll(mono time.Duration) {
	now := c.clock.millis(c.b.cfg.Now().UnixMilli())
	c.retention.begin()
	for _, p := range c.b.allPartitions() {
		if c.stopped() {
			return
		}
		c.tell(p, "segments not deleted", c.retain(p, mono, now))
	}
}

// reclaim has the space of what was deleted come back soon.
func (c *cleaner) reclaim() {
	c.b.pub.RLock()
	var last doomedEntry
	if n := len(c.b.pub.doomed); n > 0 {
		last = c.b.pub.doomed[n-1].doomedEntry
	}
	c.b.pub.RUnlock()
	if last == (doomedEntry{}) || last == c.reclaimed {
		return
	}
	if err := c.b.reclaim(); err != nil {
		c.tell(nil, "no checkpoint for what was deleted", err)
		return
	}
	c.reclaimed = last
}

// tell logs what went wrong and is tried again later. That the log was closed
// or poisoned, or a topic deleted, somebody else tells.
func (c *cleaner) tell(p *partition, what string, err error) {
	switch {
	case err == nil, errors.Is(err, ErrClosed), errors.Is(err, ErrPoisoned), errors.Is(err, ErrUnknownTopic):
		return
	case p == nil:
		c.b.cfg.Logger.Warn(what, "err", err)
	case !p.topic.gone.Load():
		c.b.cfg.Logger.Warn(what, "topic", p.tp.Topic, "partition", p.tp.Partition, "err", err)
	}
}
