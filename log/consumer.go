package log

import (
	"context"
	"fmt"
	"sync"

	"github.com/freshet/freshet/log/internal/segment"
)

// A Consumer reads partitions assigned to it, each in order, and follows their
// ends. It belongs to one goroutine, but for Ready and Close.
type Consumer struct {
	b        *Broker
	assigned []*fetchPosition
	first    int // whose turn it is to be fetched first
	reuse    bool
	stable   bool // nothing of open or aborted transactions
	ready    chan struct{}
	closed   chan struct{}
	once     sync.Once
}

// A fetchPosition is where a consumer stands in a partition.
type fetchPosition struct {
	p    *partition
	next Offset
	most int // bytes of one fetch; 0: as many as there may be of all partitions

	// Where next is in a segment, if the last fetch was from one.
	segment  *segment.Segment
	position int64
	vanished int // how often in a row its file was not there

	// Memory that is used again, if the consumer wants that.
	buf     []byte // of what was read
	scratch scratch
}

// NewConsumer returns a consumer with nothing assigned.
func (b *Broker) NewConsumer() *Consumer {
	return &Consumer{b: b, ready: make(chan struct{}, 1), closed: make(chan struct{})}
}

// ReuseMemory makes what Fetch returns valid only until the next Fetch, which
// then needs no new memory for what it reads from segments. It is for callers
// that keep nothing of a record, or copy it.
func (c *Consumer) ReuseMemory() { c.reuse = true }

// ReadCommitted makes the consumer read nothing of transactions that were
// aborted, and nothing past the last stable offset: the first record of a
// transaction that is still open. Without it a consumer reads all records, as
// soon as they are durable. It is called before the first Fetch.
//
// Kafka calls it isolation.level=read_committed.
func (c *Consumer) ReadCommitted() { c.stable = true }

// Assign makes the consumer read tp from an offset on, also where it read the
// partition already. [Broker.Offsets] and [Broker.OffsetForTime] tell offsets to
// begin with; there are no special ones.
//
// It returns ErrUnknownTopic, or ErrOffsetOutOfRange where the offset is below
// the start or past the end; then the consumer goes on as before.
func (c *Consumer) Assign(tp TopicPartition, from Offset) error {
	p, err := c.b.partition(tp)
	if err != nil {
		return err
	}
	c.b.pub.Lock()
	defer c.b.pub.Unlock()
	if c.isClosed() {
		return errConsumerClosed
	}
	if err := p.checkOffsetLocked(from); err != nil {
		return err
	}
	c.unassignLocked(tp)
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

// Seek moves the consumer to another offset of a partition that it reads. It
// returns ErrUnknownTopic where the partition is not assigned or was deleted, or
// ErrOffsetOutOfRange as Assign does; then the consumer stays where it was.
func (c *Consumer) Seek(tp TopicPartition, to Offset) error {
	f := c.position(tp)
	if f == nil {
		return fmt.Errorf("partition %s is not assigned: %w", tp, ErrUnknownTopic)
	}
	c.b.pub.RLock()
	defer c.b.pub.RUnlock()
	if f.p.topic.gone.Load() {
		return f.p.deleted()
	}
	if err := f.p.checkOffsetLocked(to); err != nil {
		return err
	}
	if to != f.next {
		f.next, f.segment = to, nil
	}
	c.wake()
	return nil
}

// LimitBytes bounds what one fetch returns of a partition that the consumer
// reads, beside the bound for all partitions; 0 takes the bound away. A first
// batch that is larger is returned all the same.
func (c *Consumer) LimitBytes(tp TopicPartition, maxBytes int) {
	if f := c.position(tp); f != nil {
		f.most = maxBytes
	}
}

func (p *partition) checkOffsetLocked(o Offset) error {
	if o < p.start || o > p.end {
		return fmt.Errorf("partition %s, offset %d, has %d to %d: %w", p.tp, o, p.start, p.end, ErrOffsetOutOfRange)
	}
	return nil
}

func (p *partition) deleted() error {
	return fmt.Errorf("partition %s was deleted: %w", p.tp, ErrUnknownTopic)
}

func (c *Consumer) position(tp TopicPartition) *fetchPosition {
	for _, f := range c.assigned {
		if f.p.tp == tp {
			return f
		}
	}
	return nil
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

// Poll is Fetch that waits until there is something. What there is may be a
// Fetch without records, that only moves the consumer on. When ctx ends it
// returns the error of ctx, and so it does with nothing assigned.
func (c *Consumer) Poll(ctx context.Context, maxBytes int) ([]Fetch, error) {
	for {
		fetches, err := c.Fetch(maxBytes)
		if err != nil || len(fetches) > 0 {
			return fetches, err
		}
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// wait returns nil when something may have changed since the last time.
func (c *Consumer) wait(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closed:
		return errConsumerClosed
	case <-c.b.stop:
		return ErrClosed
	}
}

// Position returns the offset of the next record that Fetch will return, and
// false where tp is not assigned.
func (c *Consumer) Position(tp TopicPartition) (Offset, bool) {
	if f := c.position(tp); f != nil {
		return f.next, true
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
