package log

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log/internal/segment"
)

// A Consumer reads partitions assigned to it, each in order, and follows their
// ends. It belongs to one goroutine, but for Ready and Close.
type Consumer struct {
	b        *Broker
	assigned []*fetchPosition
	first    int // whose turn it is to be fetched first
	reuse    bool
	ready    chan struct{}
	closed   chan struct{}
	once     sync.Once
}

// A fetchPosition is where a consumer stands in a partition.
type fetchPosition struct {
	p    *partition
	next Offset

	// Where next is in a segment, if the last fetch was from one.
	segment  *segment.Segment
	position int64
	buf      []byte // of that fetch, if memory is reused
}

// A Fetch is a run of records of one partition.
type Fetch struct {
	TopicPartition
	Records Records
	Next    Offset // after the last of Records: where the consumer stands now
	End     Offset // of the partition when it was fetched
	Bytes   int    // of the batches
}

// NewConsumer returns a consumer with nothing assigned.
func (b *Broker) NewConsumer() *Consumer {
	return &Consumer{b: b, ready: make(chan struct{}, 1), closed: make(chan struct{})}
}

// ReuseMemory makes what Fetch returns valid only until the next Fetch, which
// then needs no new memory for what it reads from segments. It is for callers
// that keep nothing of a record, or copy it.
func (c *Consumer) ReuseMemory() { c.reuse = true }

// Assign makes the consumer read tp from an offset on, also where it read the
// partition already. It returns ErrUnknownTopic, or ErrOffsetOutOfRange where
// the offset is below the start or past the end.
func (c *Consumer) Assign(tp TopicPartition, from Offset) error {
	p, err := c.b.partition(tp)
	if err != nil {
		return err
	}
	c.b.pub.Lock()
	defer c.b.pub.Unlock()
	if c.isClosed() {
		return ErrClosed
	}
	c.unassignLocked(tp)
	if from < p.start || from > p.end {
		return fmt.Errorf("partition %s, offset %d, has %d to %d: %w", tp, from, p.start, p.end, ErrOffsetOutOfRange)
	}
	p.consumers = append(p.consumers, c)
	c.assigned = append(c.assigned, &fetchPosition{p: p, next: from})
	c.wake()
	return nil
}

// Unassign makes the consumer read tp no more.
func (c *Consumer) Unassign(tp TopicPartition) {
	c.b.pub.Lock()
	defer c.b.pub.Unlock()
	c.unassignLocked(tp)
}

// unassignLocked also keeps Close, which may come from any goroutine, from
// seeing half a change.
func (c *Consumer) unassignLocked(tp TopicPartition) {
	for i, f := range c.assigned {
		if f.p.tp == tp {
			c.assigned = append(c.assigned[:i], c.assigned[i+1:]...)
			f.p.removeConsumerLocked(c)
			return
		}
	}
}

func (c *Consumer) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func (p *partition) removeConsumerLocked(c *Consumer) {
	for i, other := range p.consumers {
		if other == c {
			p.consumers = append(p.consumers[:i], p.consumers[i+1:]...)
			return
		}
	}
}

// wakeLocked tells the consumers of p that it has grown.
func (p *partition) wakeLocked() {
	for _, c := range p.consumers {
		c.wake()
	}
}

func (c *Consumer) wake() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Ready has a token when there may be something to fetch since it was last
// taken. Take it, then Fetch until that returns nothing.
func (c *Consumer) Ready() <-chan struct{} { return c.ready }

// Fetch returns what is there, at most about maxBytes of it, and never waits.
// Each partition has at most one Fetch in the result; the first batch is
// returned even if it alone is larger. All partitions are seen at one moment,
// that of Fetch.End: of a commit to several of them, all is below it or none.
// How far a Fetch gets towards it depends on maxBytes and on where the records
// are kept.
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
	for i := range plan {
		f, err := plan[i].fetch(max(left, 1), c.reuse)
		if errors.Is(err, fs.ErrClosed) {
			return nil, ErrClosed // the broker, while we read
		}
		if err != nil {
			return nil, fmt.Errorf("fetch %s: %w", plan[i].pos.p.tp, err)
		}
		out = append(out, f)
		if left -= f.Bytes; left <= 0 {
			break
		}
	}
	return out, nil
}

// A fetchPlan is where the records of one partition are, as of one moment.
type fetchPlan struct {
	pos     *fetchPosition
	end     Offset
	tail    []segment.Span
	segment *segment.Segment // if not in the tail
}

func (c *Consumer) plan() ([]fetchPlan, error) {
	c.b.pub.RLock()
	defer c.b.pub.RUnlock()
	if c.b.pub.closed || c.isClosed() {
		return nil, ErrClosed
	}
	var plan []fetchPlan
	for i := range c.assigned {
		f := c.assigned[(c.first+i)%len(c.assigned)]
		switch {
		case f.next < f.p.start:
			return nil, fmt.Errorf("partition %s, offset %d, begins at %d now: %w", f.p.tp, f.next, f.p.start, ErrOffsetOutOfRange)
		case f.next >= f.p.end:
			continue
		}
		fp := fetchPlan{pos: f, end: f.p.end}
		var inTail bool
		if fp.tail, inTail = f.p.tailFromLocked(f.next); !inTail {
			fp.segment = f.p.segmentFromLocked(f.next)
		}
		plan = append(plan, fp)
	}
	if err := c.b.pub.followErr; err != nil && len(plan) == 0 {
		return nil, fmt.Errorf("cannot follow the log: %w", err)
	}
	return plan, nil
}

func (fp *fetchPlan) fetch(maxBytes int, reuse bool) (Fetch, error) {
	f := Fetch{TopicPartition: fp.pos.p.tp, End: fp.end}
	if fp.segment != nil {
		return fp.fromSegment(f, maxBytes, reuse)
	}
	n := 0
	for n < len(fp.tail) && (n == 0 || f.Bytes+len(fp.tail[n].Bytes) <= maxBytes) {
		f.Bytes += len(fp.tail[n].Bytes)
		n++
	}
	f.Records = Records{spans: fp.tail[:n], from: fp.pos.next}
	fp.pos.next = Offset(fp.tail[n-1].Last + 1)
	fp.pos.segment = nil
	f.Next = fp.pos.next
	return f, nil
}

func (fp *fetchPlan) fromSegment(f Fetch, maxBytes int, reuse bool) (Fetch, error) {
	pos := fp.pos
	if pos.segment != fp.segment {
		at, err := fp.segment.Position(int64(pos.next))
		if err != nil {
			return f, err
		}
		pos.segment, pos.position = fp.segment, at
	}
	b, err := fp.segment.ReadAt(pos.position, maxBytes, pos.buf)
	if err != nil {
		return f, err
	}
	if reuse {
		pos.buf = b
	}
	if len(b) == 0 {
		return f, fmt.Errorf("offset %d is not in its segment: %w", pos.next, ErrCorrupt)
	}
	next, n, err := fp.within(b)
	if err != nil {
		return f, err
	}
	b = b[:n:n]
	f.Records = Records{bytes: b, from: pos.next}
	f.Bytes = n
	pos.position += int64(n)
	pos.next = next
	f.Next = next
	return f, nil
}

// within returns how many bytes of b are batches that were visible when the
// fetch was planned, and the offset after them. Offsets are under no checksum,
// so it sees to it that they follow each other.
func (fp *fetchPlan) within(b []byte) (next Offset, n int, err error) {
	next = fp.pos.next
	for n < len(b) {
		h, err := batch.ParseHeader(b[n:])
		if err != nil {
			return 0, 0, err
		}
		first, last := Offset(h.BaseOffset), Offset(h.LastOffset())
		inside := n == 0 && first <= next && next <= last // a fetch may begin inside a batch
		if first != next && !inside {
			return 0, 0, fmt.Errorf("batch with offsets %d to %d, want offset %d: %w", first, last, next, ErrCorrupt)
		}
		if first >= fp.end {
			break
		}
		n += h.SizeBytes()
		next = last + 1
	}
	return next, n, nil
}

// Poll is Fetch that waits until there is something, or ctx ends.
func (c *Consumer) Poll(ctx context.Context, maxBytes int) ([]Fetch, error) {
	for {
		fetches, err := c.Fetch(maxBytes)
		if err != nil || len(fetches) > 0 {
			return fetches, err
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.closed:
			return nil, ErrClosed
		case <-c.b.stop:
			return nil, ErrClosed
		}
	}
}

// Position returns the offset of the next record that Fetch will return, and
// false where tp is not assigned.
func (c *Consumer) Position(tp TopicPartition) (Offset, bool) {
	for _, f := range c.assigned {
		if f.p.tp == tp {
			return f.next, true
		}
	}
	return 0, false
}

// Close gives the assigned partitions up and ends a Poll. What was fetched
// stays valid.
func (c *Consumer) Close() {
	c.once.Do(func() {
		close(c.closed)
		c.b.pub.Lock()
		defer c.b.pub.Unlock()
		for _, f := range c.assigned {
			f.p.removeConsumerLocked(c)
		}
	})
}
