package log

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// The flusher is the one goroutine that writes segments and checkpoints. It
// wakes when the tails have grown past a part of Config.TailBytes, and when a
// journal file was sealed.

// tailFlushPart is the part of Config.TailBytes at which the tails are written
// to their segments: as little as lets a consumer that is somewhat behind find
// its records in memory.
const tailFlushPart = 8

// flushBufBytes is how much goes to a segment in one write.
const flushBufBytes = 256 << 10

func (b *Broker) wakeFlusher() {
	select {
	case b.flushNow <- struct{}{}:
	default:
	}
}

// requestCheckpoint hands a snapshot to the flusher. While it still works on
// one, the newer waits; only the newest counts.
func (b *Broker) requestCheckpoint(s *snapshot) {
	select {
	case <-b.checkpoints: // an older one that was not begun
	default:
	}
	b.checkpoints <- s
}

func (b *Broker) runFlusher() {
	defer b.background.Done()
	for {
		select {
		case <-b.stop:
			return
		case <-b.flushNow:
			b.flushed(b.flush())
		case s := <-b.checkpoints:
			b.flushed(b.checkpoint(s, false))
		case s := <-b.seals:
			s.done <- b.seal(s.p)
		}
	}
}

// runPending does what the flusher was woken for, in its place.
func (b *Broker) runPending() {
	for {
		select {
		case <-b.flushNow:
			b.flushed(b.flush())
		case s := <-b.checkpoints:
			b.flushed(b.checkpoint(s, false))
		default:
			return
		}
	}
}

// flushed lets commits go on that wait for room, or gives them the error. A
// full disk may pass, anything else poisons the log.
func (b *Broker) flushed(err error) {
	switch {
	case err == nil:
	case vfs.IsNoSpace(err):
		err = fmt.Errorf("%w: %w", ErrNoSpace, err)
		b.cfg.Logger.Warn("segments not written, disk full", "err", err)
	default:
		err = b.journal.Poison(err)
		b.cfg.Logger.Error("log poisoned", "err", err)
	}
	b.pub.Lock()
	defer b.pub.Unlock()
	b.pub.flushErr = err
	close(b.pub.room)
	b.pub.room = make(chan struct{})
}

// waitForRoom blocks while the tails take all the memory they may.
func (b *Broker) waitForRoom() error {
	for {
		b.pub.RLock()
		full, room, err, closed := b.pub.tailBytes > b.cfg.TailBytes, b.pub.room, b.pub.flushErr, b.pub.closed
		b.pub.RUnlock()
		switch {
		case closed:
			return ErrClosed
		case !full:
			return nil
		case err != nil:
			b.wakeFlusher() // there may be room again by now; the next commit will know
			return err
		}
		b.wakeFlusher()
		if b.cfg.stepped {
			b.runPending()
			continue
		}
		select {
		case <-room:
		case <-b.stop:
			return ErrClosed
		}
	}
}

// flush writes every tail to its segments.
func (b *Broker) flush() error {
	b.pub.Lock()
	dirty := b.pub.dirty
	b.pub.dirty = nil
	b.pub.Unlock()
	for i, p := range dirty {
		if err := b.flushPartition(p); err != nil {
			b.pub.Lock()
			b.pub.dirty = append(dirty[i:], b.pub.dirty...)
			b.pub.Unlock()
			return err
		}
	}
	return nil
}

// flushPartition writes the tail of p as it is now, segment by segment, so that
// what is in one is never written again should the next have no room. Only the
// flusher, and whoever runs in its place, calls it.
func (b *Broker) flushPartition(p *partition) error {
	if len(b.unplaced(p)) == 0 {
		return nil // the leader may be placing: do not stand in its way
	}
	p.appending.Lock()
	defer p.appending.Unlock()
	tail := b.unplaced(p)
	for len(tail) > 0 && !p.topic.gone.Load() {
		n, err := b.flushSegment(p, tail)
		if err != nil {
			return fmt.Errorf("partition %s: %w", p.tp, err)
		}
		tail = tail[n:]
	}
	return nil
}

// unplaced gives up the batches of the tail that were placed, and returns the
// others.
func (b *Broker) unplaced(p *partition) []segment.Span {
	b.pub.Lock()
	defer b.pub.Unlock()
	b.pub.tailBytes -= p.flushedLocked(p.placed, &b.buffers)
	return p.tail[:len(p.tail):len(p.tail)]
}

// flushSegment moves as many spans of the tail into one segment as it takes.
func (b *Broker) flushSegment(p *partition, tail []segment.Span) (n int, err error) {
	s, begun, err := b.activeSegment(p, &tail[0])
	if err != nil {
		return 0, err
	}
	p.plain.Store(true)
	if n, err = b.fitting(p, s, tail); err == nil {
		err = s.Append(tail[:n], b.flushBuf)
	}
	if err != nil {
		if begun { // for this, and nobody knows of it yet
			err = errors.Join(err, s.Close())
		}
		return 0, err
	}
	b.unsynced.add(s, p)
	b.pub.Lock()
	defer b.pub.Unlock()
	if p.topic.gone.Load() { // its tail is, already
		if begun {
			err = s.Forget()
		}
		return n, err
	}
	if begun {
		p.segments = append(slices.Clip(p.segments), s)
	}
	b.pub.tailBytes -= p.flushedLocked(n, &b.buffers)
	if n == len(tail) && len(p.tail) > 0 {
		b.pub.dirty = append(b.pub.dirty, p)
	}
	return n, nil
}

// activeSegment returns the segment that the next span goes to, and whether it
// was begun for it: where there is none, or the last is full or old.
func (b *Broker) activeSegment(p *partition, next *segment.Span) (s *segment.Segment, begun bool, err error) {
	if s := b.lastSegment(p); s != nil && s.Generation() == 0 {
		limits, err := b.limits(p, s, next)
		if err != nil || limits.fits(s.SizeBytes(), next) {
			return s, false, err
		}
	}
	dir, err := b.partitionFS(p)
	if err != nil {
		return nil, false, err
	}
	s, err = segment.Create(b.files, dir, next.First, 0)
	return s, true, err
}

// A sealing asks the flusher to begin a new segment behind the newest one, so
// that this may go.
type sealing struct {
	p    *partition
	done chan error // room for the answer
}

// seal is that, for the flusher. It does nothing where the newest segment is
// empty, or goes on in the tail.
func (b *Broker) seal(p *partition) error {
	p.appending.Lock()
	defer p.appending.Unlock()
	s := b.lastSegment(p)
	b.pub.RLock()
	waiting := len(p.tail) > p.placed
	b.pub.RUnlock()
	if s == nil || waiting || s.End() == s.Base() || p.topic.gone.Load() {
		return nil
	}
	dir, err := b.partitionFS(p)
	if err != nil {
		return err
	}
	next, err := segment.Create(b.files, dir, s.End(), 0)
	if err != nil {
		return fmt.Errorf("partition %s: %w", p.tp, err)
	}
	p.plain.Store(false)
	b.unsynced.add(next, p)
	b.pub.Lock()
	defer b.pub.Unlock()
	if p.topic.gone.Load() {
		return next.Forget()
	}
	p.segments = append(slices.Clip(p.segments), next)
	return nil
}

// lastSegment returns the newest segment, which only the flusher replaces.
func (b *Broker) lastSegment(p *partition) *segment.Segment {
	b.pub.RLock()
	defer b.pub.RUnlock()
	if n := len(p.segments); n > 0 {
		return p.segments[n-1]
	}
	return nil
}

// fitting returns how many spans the segment takes before it is full, at
// least one.
func (b *Broker) fitting(p *partition, s *segment.Segment, spans []segment.Span) (int, error) {
	limits, err := b.limits(p, s, &spans[0])
	size := s.SizeBytes()
	for n := range spans {
		if n > 0 && !limits.fits(size, &spans[n]) {
			return n, nil
		}
		size += int64(len(spans[n].Bytes))
	}
	return len(spans), err
}

// segmentLimits say when a segment is full.
type segmentLimits struct {
	sizeBytes  int64
	lastOffset int64
	lastMillis int64 // as Kafka does it, age is that of the records: segment.ms after the first batch
}

func (b *Broker) limits(p *partition, s *segment.Segment, next *segment.Span) (segmentLimits, error) {
	cfg := p.topic.config()
	l := segmentLimits{sizeBytes: cfg.SegmentBytes, lastOffset: s.Base() + math.MaxInt32, lastMillis: math.MaxInt64}
	if l.sizeBytes == 0 {
		l.sizeBytes = b.cfg.SegmentBytes
	}
	h, err := batch.ParseHeader(next.Bytes)
	first := h.MaxTimestampMillis
	if s.SizeBytes() > 0 {
		first, err = s.FirstTimestamp()
	}
	if age := cfg.SegmentAge.Milliseconds(); first <= math.MaxInt64-age {
		l.lastMillis = first + age
	}
	return l, err
}

// fits reports whether a span may follow what has sizeBytes already.
func (l segmentLimits) fits(sizeBytes int64, sp *segment.Span) bool {
	h, err := batch.ParseHeader(sp.Bytes)
	return sizeBytes < l.sizeBytes && sp.Last <= l.lastOffset && (err != nil || h.MaxTimestampMillis <= l.lastMillis)
}

// runSyncer syncs the journal every interval, for the interval durability.
func (b *Broker) runSyncer() {
	defer b.background.Done()
	t := time.NewTicker(b.cfg.SyncInterval)
	defer t.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-t.C:
			if err := b.journal.SyncNow(); err != nil {
				b.cfg.Logger.Error("log poisoned", "err", err)
				return
			}
		}
	}
}
