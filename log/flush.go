package log

import (
	"errors"
	"fmt"
	"slices"
	"time"

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
	b.pub.RLock()
	tail := p.tail[:len(p.tail):len(p.tail)]
	b.pub.RUnlock()
	for len(tail) > 0 {
		n, err := b.flushSegment(p, tail)
		if err != nil {
			return fmt.Errorf("partition %s: %w", p.tp, err)
		}
		tail = tail[n:]
	}
	return nil
}

// flushSegment moves as many spans of the tail into one segment as it takes.
func (b *Broker) flushSegment(p *partition, tail []segment.Span) (n int, err error) {
	s, segments, err := b.activeSegment(p, Offset(tail[0].First))
	if err != nil {
		return 0, err
	}
	n = fitting(s, tail, b.cfg.SegmentBytes)
	if err := s.Append(tail[:n], b.flushBuf); err != nil {
		if len(segments) > len(p.segments) { // begun for this, and nobody knows of it yet
			err = errors.Join(err, s.Close())
		}
		return 0, err
	}
	b.unsynced[s] = p
	b.pub.Lock()
	defer b.pub.Unlock()
	b.pub.tailBytes -= p.flushedLocked(n, segments, &b.buffers)
	if n == len(tail) && len(p.tail) > 0 {
		b.pub.dirty = append(b.pub.dirty, p)
	}
	return n, nil
}

// fitting returns how many spans the segment takes before it is full, at
// least one.
func fitting(s *segment.Segment, spans []segment.Span, segmentBytes int64) int {
	size := s.SizeBytes()
	for n, sp := range spans {
		if n > 0 && (size >= segmentBytes || !s.FitsOffset(sp.Last)) {
			return n
		}
		size += int64(len(sp.Bytes))
	}
	return len(spans)
}

// activeSegment returns the segment that the batch at offset next goes to,
// beginning one where there is none or the last is full, and the segments of p
// with it.
func (b *Broker) activeSegment(p *partition, next Offset) (*segment.Segment, []*segment.Segment, error) {
	if n := len(p.segments); n > 0 {
		s := p.segments[n-1]
		if s.SizeBytes() < b.cfg.SegmentBytes && s.FitsOffset(int64(next)) {
			return s, p.segments, nil
		}
	}
	dir, err := b.partitionFS(p)
	if err != nil {
		return nil, nil, err
	}
	s, err := segment.Create(b.files, dir, int64(next), 0)
	if err != nil {
		return nil, nil, err
	}
	return s, append(slices.Clone(p.segments), s), nil
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
