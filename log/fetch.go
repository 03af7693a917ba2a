package log

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/freshet/freshet/log/internal/segment"
)

// A Fetch is a run of records of one partition. It may have none and yet move
// the consumer on: past what transactions have left, or what compaction has
// removed.
type Fetch struct {
	TopicPartition
	Records   Records
	Next      Offset // after the last of Records: where the consumer stands now
	Start     Offset // of the partition's oldest record when it was fetched
	End       Offset // of the partition then: the high watermark
	StableEnd Offset // below it no transaction was open: the last stable offset
	Bytes     int    // of the batches, as they are stored
}

// Fetch returns what is there, at most about maxBytes of it, and never waits.
// Each partition has at most one Fetch in the result; the first batch is
// returned even if it alone is larger. All partitions are seen at one moment,
// that of Fetch.End: of a commit to several of them, all is below it or none.
// How far a Fetch gets towards it depends on maxBytes and on where the records
// are kept.
//
// It returns ErrUnknownTopic once a topic was deleted, and ErrOffsetOutOfRange
// where retention has passed the consumer: Unassign, or Seek, and go on. What
// was fetched of other partitions is not lost by an error: it comes first.
//
// The records are valid for ever, unless the consumer reuses memory.
func (c *Consumer) Fetch(maxBytes int) ([]Fetch, error) {
	plan, err := c.plan()
	if err != nil || len(plan) == 0 {
		return nil, err
	}
	c.first = (c.first + 1) % len(c.assigned)
	out := make([]Fetch, 0, len(plan))
	left := maxBytes
	defer func() { c.b.counters.fetched(maxBytes - left) }()
	for i := range plan {
		fp := &plan[i]
		from := fp.pos.next
		r, err := c.read(fp, left)
		if errors.Is(err, errLater) {
			continue
		}
		if err != nil && len(out) > 0 {
			c.wake()
			break
		}
		if err != nil {
			return nil, err
		}
		f := fp.fetch(r, from)
		if c.reuse {
			f.Records.scratch = fp.pos.scratch.begin()
		}
		out = append(out, f)
		if left -= r.size; left <= 0 {
			break
		}
	}
	return out, nil
}

func (fp *fetchPlan) fetch(r run, from Offset) Fetch {
	return Fetch{
		TopicPartition: fp.pos.p.tp, Next: fp.pos.next, Start: fp.start, End: fp.end, StableEnd: fp.stable, Bytes: r.size,
		Records: Records{spans: r.spans, bytes: r.bytes, from: from, aborted: fp.aborted},
	}
}

// A fetchPlan is where the records of one partition are, as of one moment.
type fetchPlan struct {
	pos                *fetchPosition
	start, end, stable Offset
	limit              Offset // where this consumer has to stop
	aborted            []AbortedTxn
	tail               []segment.Span
	segment            *segment.Segment // if not in the tail
}

func (c *Consumer) plan() ([]fetchPlan, error) {
	c.b.pub.RLock()
	defer c.b.pub.RUnlock()
	if err := c.closedLocked(); err != nil {
		return nil, err
	}
	var plan []fetchPlan
	for i := range c.assigned {
		fp, err := c.planLocked(c.assigned[(c.first+i)%len(c.assigned)])
		if err != nil {
			return nil, err
		}
		if fp.pos.next < fp.limit {
			plan = append(plan, fp)
		}
	}
	if err := c.b.pub.followErr; err != nil && len(plan) == 0 {
		return nil, fmt.Errorf("cannot follow the log: %w", err)
	}
	return plan, nil
}

func (c *Consumer) closedLocked() error {
	switch {
	case c.b.pub.closed:
		return ErrClosed
	case c.isClosed():
		return errConsumerClosed
	}
	return nil
}

func (c *Consumer) planLocked(pos *fetchPosition) (fetchPlan, error) {
	p := pos.p
	fp := fetchPlan{pos: pos, start: p.start, end: p.end, stable: p.stableEndLocked()}
	fp.limit = fp.end
	if c.stable {
		fp.limit = fp.stable
	}
	if err := fp.checkLocked(); err != nil || pos.next >= fp.limit {
		return fp, err
	}
	if c.stable {
		fp.aborted = p.abortedFromLocked(pos.next)
	}
	fp.locateLocked()
	return fp, nil
}

func (fp *fetchPlan) checkLocked() error {
	p := fp.pos.p
	switch {
	case p.topic.gone.Load():
		return p.deleted()
	case fp.pos.next < p.start:
		return fmt.Errorf("partition %s, offset %d, begins at %d now: %w", p.tp, fp.pos.next, p.start, ErrOffsetOutOfRange)
	}
	return nil
}

// locateLocked finds the memory or the segment that has the next record.
func (fp *fetchPlan) locateLocked() {
	var inTail bool
	fp.segment = nil
	if fp.tail, inTail = fp.pos.p.tailFromLocked(fp.pos.next); !inTail {
		fp.segment = fp.pos.p.segmentFromLocked(fp.pos.next)
	}
}

// errLater says that nothing can be read now, but will soon.
var errLater = errors.New("records are moving")

const (
	// locateTries bounds how often one fetch looks where its records are:
	// segments that compaction has emptied, and swaps while it reads.
	locateTries = 1000

	// vanishedTries bounds how often in a row a reader beside the owner finds
	// that the owner has removed a segment that it knows of.
	vanishedTries = 100
)

// read reads what is next in a partition. Where that has moved since the plan it
// looks again, but reads nothing that is newer than the plan.
func (c *Consumer) read(fp *fetchPlan, maxBytes int) (run, error) {
	if fp.pos.most > 0 {
		maxBytes = min(maxBytes, fp.pos.most)
	}
	for range locateTries {
		r, err := fp.read(max(maxBytes, 1), c.reuse)
		switch {
		case errors.Is(err, fs.ErrClosed):
			return run{}, ErrClosed // the broker, while we read
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return run{}, fmt.Errorf("fetch %s: %w", fp.pos.p.tp, err)
		case err == nil && (r.size > 0 || fp.pos.next >= fp.limit):
			fp.pos.vanished = 0
			return r, nil
		}
		before := fp.segment
		if lost := c.relocate(fp); lost != nil {
			return run{}, lost
		}
		if err != nil && fp.segment == before {
			return run{}, c.gone(fp, err)
		}
	}
	return run{}, nil // the rest of what is empty comes next time
}

func (c *Consumer) relocate(fp *fetchPlan) error {
	c.b.pub.RLock()
	defer c.b.pub.RUnlock()
	if err := c.closedLocked(); err != nil {
		return err
	}
	if err := fp.checkLocked(); err != nil {
		return err
	}
	fp.locateLocked()
	return nil
}

// gone answers a segment that is where it must be, but has no file. The owner
// of a log knows better; beside it, the news may not be here yet.
func (c *Consumer) gone(fp *fetchPlan, err error) error {
	fp.pos.vanished++
	if !c.b.readOnly || fp.pos.vanished > vanishedTries {
		return fmt.Errorf("fetch %s: %w", fp.pos.p.tp, err)
	}
	time.AfterFunc(followInterval, c.wake)
	return errLater
}
