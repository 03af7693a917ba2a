package log

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/log/internal/segment"
)

// A cleanerView is a partition as of one moment, for the cleaner.
type cleanerView struct {
	p           *partition
	start       Offset
	stableEnd   Offset
	cleaned     Offset
	durable     Offset
	segments    []*segment.Segment
	waiting     int   // batches that are in no segment yet
	waitBytes   int64 // of them
	aborted     []AbortedTxn
	cfg         *TopicConfig
	limitedSize int64 // at which a segment is full
}

func (b *Broker) view(p *partition) cleanerView {
	b.pub.RLock()
	defer b.pub.RUnlock()
	v := cleanerView{
		p: p, start: p.start, stableEnd: p.stableEndLocked(), cleaned: p.cleaned, durable: p.durable, segments: p.segments,
		waiting: len(p.tail) - p.placed, waitBytes: p.waitingBytesLocked(), aborted: p.aborted, cfg: p.topic.config(),
	}
	if v.limitedSize = v.cfg.SegmentBytes; v.limitedSize == 0 {
		v.limitedSize = b.cfg.SegmentBytes
	}
	return v
}

// A sighting is when a segment was first seen as it is.
type sighting struct {
	mono time.Duration
	end  int64
}

// retention deletes the oldest segments of partitions whose policy has delete,
// and what the log start has left behind of any.
type retention struct {
	seen, seenBefore map[*segment.Segment]sighting
}

// begin starts a check: what is not seen in it is forgotten.
func (r *retention) begin() {
	r.seenBefore, r.seen = r.seen, make(map[*segment.Segment]sighting, len(r.seen))
}

// excess returns how many of the oldest segments may go, and why the last of
// them may.
func (r *retention) excess(v *cleanerView, mono time.Duration, now int64) (n int, why string, err error) {
	over := v.waitBytes - v.cfg.RetentionBytes
	expired := make([]bool, len(v.segments))
	for i, s := range v.segments {
		over += s.SizeBytes()
		if !v.cfg.deletes() {
			continue
		}
		if expired[i], err = r.expired(s, v.cfg.Retention, mono, now); err != nil {
			return 0, "", err
		}
	}
	for i, s := range v.segments {
		large := v.cfg.deletes() && v.cfg.RetentionBytes >= 0 && over >= s.SizeBytes()
		switch end := Offset(s.End()); {
		case end <= v.start:
			why = "log start"
		case end > v.stableEnd:
			return n, why, nil
		case expired[i]:
			why = "retention.ms"
		case large:
			why = "retention.bytes"
		default:
			return n, why, nil
		}
		over -= s.SizeBytes()
		n++
	}
	return n, why, nil
}

// expired reports whether all of a segment is older than the retention. By its
// newest timestamp, if that is known and has come; else by the monotonic clock,
// from when the segment was first seen: a record from the future does not keep
// its segment for ever.
func (r *retention) expired(s *segment.Segment, limit time.Duration, mono time.Duration, now int64) (bool, error) {
	if limit < 0 {
		return false, nil
	}
	if s.SizeBytes() == 0 {
		return true, nil // what compaction left of it
	}
	millis, err := s.MaxTimestamp()
	if err != nil {
		return false, err
	}
	if millis >= 0 && millis <= now {
		return longAgo(millis, now, limit), nil
	}
	seen, ok := r.seenBefore[s]
	if !ok || seen.end != s.End() {
		seen = sighting{mono, s.End()}
	}
	r.seen[s] = seen
	return mono-seen.mono > limit, nil
}

// retain deletes what may go of a partition. The newest segment is sealed
// first, unless it goes on in the tail; then it stays until that is written.
func (c *cleaner) retain(p *partition, mono time.Duration, now int64) error {
	v := c.b.view(p)
	n, why, err := c.retention.excess(&v, mono, now)
	if err == nil && n == len(v.segments) && n > 0 {
		if v.waiting > 0 || v.segments[n-1].SizeBytes() == 0 {
			n--
		} else if err = c.b.sealNewest(p); err == nil {
			// By now it may have more, which stays.
			v = c.b.view(p)
			n, why, err = c.retention.excess(&v, mono, now)
			n = max(min(n, len(v.segments)-1), 0)
		}
	}
	if err != nil {
		return fmt.Errorf("retention of partition %s: %w", p.tp, err)
	}
	if n == 0 {
		return nil
	}
	start := max(v.start, Offset(v.segments[n-1].End()))
	if err := c.b.moveLogStart(p, start); err != nil {
		return fmt.Errorf("retention of partition %s: %w", p.tp, err)
	}
	for _, s := range v.segments[:n] {
		c.b.counters.expiredSegments.Add(1)
		c.b.counters.expiredBytes.Add(s.SizeBytes())
	}
	c.b.cfg.Logger.Info("segments deleted", "topic", p.tp.Topic, "partition", p.tp.Partition, "segments", n, "offset", start, "by", why)
	return nil
}

// sealNewest has the flusher begin a new segment.
func (b *Broker) sealNewest(p *partition) error {
	if b.cfg.stepped {
		return b.seal(p)
	}
	s := sealing{p, make(chan error, 1)}
	select {
	case b.seals <- s:
	case <-b.stop:
		return ErrClosed
	}
	select {
	case err := <-s.done:
		return err
	case <-b.stop:
		return ErrClosed
	}
}
