package log

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
)

// A BatchFetch is a run of batches of one partition as they are stored, for
// those who pass them on: compressed, with the batches of aborted transactions
// and the markers that end one.
type BatchFetch struct {
	TopicPartition

	// Batches are whole batches, one or more in each slice, all one behind the
	// other. The first may begin before the offset that was asked for, and may
	// be larger than what was. They are not to be changed.
	Batches [][]byte
	Bytes   int // of Batches together

	Next        Offset // behind Batches: where the consumer stands now
	Start       Offset // of the partition's oldest record
	End         Offset // that its next record will get: the high watermark
	StableEnd   Offset // below it no transaction is open: the last stable offset
	LeaderEpoch int32  // of this opening of the log

	// Aborted are the aborted transactions that Batches may have records of,
	// where the consumer is one of committed records. It skips what their
	// producers wrote.
	Aborted []AbortedTxn

	// Err says why nothing was read of this partition: ErrUnknownTopic once it
	// was deleted, ErrOffsetOutOfRange where retention has passed the consumer,
	// ErrCorrupt.
	Err error
}

// FetchBatches is Fetch for batches as they are stored. Every partition that is
// assigned is in the result, also those with nothing to read. Nothing is copied,
// decompressed or decoded; the checksums of what comes from segments are
// verified. Where the consumer reuses memory, Batches is valid until its next
// fetch.
//
// The error is ErrClosed, or that a read-only log cannot be followed.
func (c *Consumer) FetchBatches(maxBytes int) ([]BatchFetch, error) {
	plan, out, err := c.planBatches()
	if err != nil {
		return nil, err
	}
	if len(plan) > 0 {
		c.first = (c.first + 1) % len(plan)
	}
	left := maxBytes
	defer func() { c.b.counters.fetched(maxBytes - left) }()
	for i := range plan {
		fp, f := &plan[i], &out[i]
		if f.Err != nil || fp.pos.next >= fp.limit || left <= 0 {
			continue
		}
		from := fp.pos.next
		r, err := c.read(fp, left)
		switch {
		case errors.Is(err, errLater):
			continue
		case errors.Is(err, ErrClosed):
			return nil, err
		case err != nil:
			f.Err = err
			continue
		}
		f.take(r)
		f.Next = fp.pos.next
		f.Aborted = abortedCursor(fp.aborted).between(from, f.Next)
		left -= r.size
	}
	return out, nil
}

func (f *BatchFetch) take(r run) {
	f.Bytes = r.size
	if len(r.bytes) > 0 {
		f.Batches = [][]byte{r.bytes}
		return
	}
	f.Batches = make([][]byte, len(r.spans))
	for i := range r.spans {
		f.Batches[i] = r.spans[i].Bytes
	}
}

// planBatches plans for every partition and says what there is to say of it.
func (c *Consumer) planBatches() ([]fetchPlan, []BatchFetch, error) {
	c.b.pub.RLock()
	defer c.b.pub.RUnlock()
	if err := c.closedLocked(); err != nil {
		return nil, nil, err
	}
	if err := c.b.pub.followErr; err != nil {
		return nil, nil, fmt.Errorf("cannot follow the log: %w", err)
	}
	plan := make([]fetchPlan, len(c.assigned))
	out := make([]BatchFetch, len(c.assigned))
	for i := range c.assigned {
		pos := c.assigned[(c.first+i)%len(c.assigned)]
		fp, err := c.planLocked(pos)
		plan[i] = fp
		out[i] = BatchFetch{
			TopicPartition: pos.p.tp, Next: pos.next, Start: fp.start, End: fp.end, StableEnd: fp.stable,
			LeaderEpoch: c.b.epoch, Err: err,
		}
	}
	return plan, out, nil
}

// PollBatches is FetchBatches that waits until about minBytes are there to
// return, or something is wrong with a partition. At the deadline of ctx it
// returns what there is; when ctx is cancelled, its error.
//
// Of what is in segments the size is not always known beforehand: then it does
// not wait.
func (c *Consumer) PollBatches(ctx context.Context, minBytes, maxBytes int) ([]BatchFetch, error) {
	for !c.enough(min(minBytes, maxBytes)) {
		err := c.wait(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return c.FetchBatches(maxBytes)
}

// enough reports whether minBytes are there, or there is an error to return.
func (c *Consumer) enough(minBytes int) bool {
	c.b.pub.RLock()
	defer c.b.pub.RUnlock()
	if c.closedLocked() != nil || c.b.pub.followErr != nil {
		return true
	}
	left := int64(minBytes)
	for _, pos := range c.assigned {
		fp := fetchPlan{pos: pos}
		if fp.checkLocked() != nil {
			return true
		}
		left -= c.bytesLocked(pos)
	}
	return left <= 0
}

// bytesLocked returns about how much there is to read.
func (c *Consumer) bytesLocked(pos *fetchPosition) int64 {
	p, limit := pos.p, pos.p.end
	if c.stable {
		limit = p.stableEndLocked()
	}
	if pos.next >= limit {
		return 0
	}
	if len(p.tail) == 0 || Offset(p.tail[0].First) > pos.next {
		s := p.segmentFromLocked(pos.next)
		if s == nil || s != pos.segment || limit < p.end {
			return math.MaxInt32
		}
		n := p.tailBytes - pos.position
		for i := len(p.segments) - 1; i >= 0 && p.segments[i].End() >= s.End(); i-- {
			n += p.segments[i].SizeBytes()
		}
		return n
	}
	n := int64(0)
	i := sort.Search(len(p.tail), func(i int) bool { return Offset(p.tail[i].Last) >= pos.next })
	for ; i < len(p.tail) && Offset(p.tail[i].First) < limit; i++ {
		n += int64(len(p.tail[i].Bytes))
	}
	return n
}
