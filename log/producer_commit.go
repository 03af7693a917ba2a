package log

import (
	"errors"
	"fmt"
	"time"
)

// run commits what was gathered, whenever it is due, until the end of the
// producer or of its log.
func (a *asyncProducer) run() {
	defer close(a.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stop := a.p.b.stop
	for {
		g, linger, end := a.take()
		if g != nil {
			a.settle(g, a.commit(g))
			continue
		}
		if end {
			return
		}
		var due <-chan time.Time
		if linger > 0 {
			timer.Reset(linger)
			due = timer.C
		}
		select {
		case <-a.wakes:
		case <-due:
		case <-stop:
			a.mu.Lock()
			a.mu.closed = true
			a.mu.Unlock()
			stop = nil
		}
	}
}

// take returns what has to be committed now, or else how long that lingers; end
// says that there will be nothing more.
func (a *asyncProducer) take() (g *gathering, linger time.Duration, end bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g = a.mu.open
	if len(g.acks) == 0 {
		return nil, 0, a.mu.closed
	}
	linger = a.p.cfg.Linger - time.Since(a.mu.since)
	due := linger <= 0 || a.mu.closed || a.mu.flushTo > a.mu.settled || a.mu.crowded > 0 || g.builder.closed > 0
	if !due {
		return nil, linger, false
	}
	a.mu.open, a.mu.spare = a.mu.spare, nil
	a.mu.open.number = g.number + 1
	return g, 0, false
}

// A sentTo is what a commit has for one partition.
type sentTo struct {
	p     *partition
	first Offset
	err   error
}

// commit commits a gathering and says what became of each of its partitions.
func (a *asyncProducer) commit(g *gathering) []sentTo {
	p := a.p
	p.mu.Lock()
	c := p.commitLocked()
	p.mu.Unlock()
	g.builder.fill(c)
	var sent []sentTo
	for i := range c.batches {
		if i == 0 || c.batches[i-1].p != c.batches[i].p {
			sent = append(sent, sentTo{p: c.batches[i].p})
		}
	}
	if c.sequenced == nil {
		c.sequenced = func() error { return p.sequence(c, sent) }
	}
	err := p.b.commit(c)
	if err != nil && !errors.Is(err, errNothingLeft) {
		for i := range sent {
			sent[i].err = err
		}
		return sent
	}
	next := 0
	for i := range c.batches {
		if i > 0 && c.batches[i-1].p == c.batches[i].p {
			continue
		}
		for sent[next].p != c.batches[i].p {
			next++
		}
		sent[next].first = c.batches[i].first
	}
	if err == nil {
		p.putCommit(c)
	}
	return sent
}

// sequence leaves out what belongs to topics that were deleted meanwhile: the
// records of others have no part in that.
func (p *Producer) sequence(c *Commit, sent []sentTo) error {
	for i := range sent {
		if t := sent[i].p.topic; t.going {
			sent[i].err = fmt.Errorf("topic %q was deleted: %w", t.name, ErrUnknownTopic)
		}
	}
	kept := c.batches[:0]
	for _, cb := range c.batches {
		if !cb.p.topic.going {
			kept = append(kept, cb)
		}
	}
	clear(c.batches[len(kept):])
	c.batches = kept
	if len(kept) == 0 {
		return errNothingLeft
	}
	if p.cfg.Idempotent {
		return p.number(c)
	}
	return nil
}

// settle gives back the memory, tells about every record, and lets go on who
// waits.
func (a *asyncProducer) settle(g *gathering, sent []sentTo) {
	a.mu.Lock()
	a.mu.used -= g.bytes
	a.changedLocked()
	a.mu.Unlock()
	var lost error
	for i := range g.acks {
		k := &g.acks[i]
		to := &sent[k.group]
		r := ProduceResult{TopicPartition: to.p.tp, Offset: to.first + k.n, Err: to.err}
		if r.Err != nil {
			r.Offset = -1
		}
		if k.done != nil {
			k.done(r)
		} else if r.Err != nil && lost == nil {
			lost = fmt.Errorf("record to %s: %w", r.TopicPartition, r.Err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.settled += uint64(len(g.acks))
	if a.mu.lost == nil {
		a.mu.lost = lost
	}
	clear(g.acks)
	g.acks, g.bytes = g.acks[:0], 0
	a.mu.spare = g
	a.changedLocked()
}

func (a *asyncProducer) changedLocked() {
	if a.mu.waiting == 0 {
		return
	}
	close(a.mu.changed)
	a.mu.changed = make(chan struct{})
}
