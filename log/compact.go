package log

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// errStopped ends a pass because the log is closed.
var errStopped = errors.New("log is being closed")

// A pass compacts one partition once. It reads what is new and notes the newest
// offset of each key, as far as its memory goes. Then it writes all segments up
// to there anew, without the records that a newer one of their key has
// replaced. Each new segment is swapped in by a commit of its own; readers find
// one or the other, with the same records at the same offsets.
type pass struct {
	*compaction
	c    *cleaner
	to   Offset // keys are known below
	keys *offsetMap

	// Of the wall clock: what it says, but no less than what was confirmed before,
	// and what the cleaner believes has come.
	wall, now int64

	filter batchFilter
	buf    []byte
	stats  CleanerPass
}

// compact makes a pass. A partition that cannot be compacted is left alone:
// for now, or where its bytes make no sense until the log is opened again.
func (c *cleaner) compact(k *compaction, now int64) {
	begun := time.Now()
	p := &pass{compaction: k, c: c, wall: max(c.b.cfg.Now().UnixMilli(), c.clock.confirmed), now: now}
	p.stats.Partition = k.p.tp
	for _, s := range k.segments {
		p.stats.SizeBytes += s.SizeBytes()
	}
	err := p.run()
	p.stats.Duration = time.Since(begun)
	if err == nil {
		c.finished(&p.stats)
		return
	}
	if errors.Is(err, fs.ErrNotExist) && c.b.view(k.p).start > k.start {
		err = errStopped // segments went while they were read
	}
	c.giveUp(k.p, err)
}

// giveUp leaves a partition alone.
func (c *cleaner) giveUp(p *partition, err error) {
	c.skipped[p] = true
	switch {
	case errors.Is(err, errStopped), errors.Is(err, ErrClosed), errors.Is(err, ErrPoisoned), p.topic.gone.Load():
		return
	case errors.Is(err, ErrCorrupt), errors.Is(err, batch.ErrCorrupt), errors.Is(err, batch.ErrTooLarge), errors.Is(err, batch.ErrCompressed):
		c.refused[p] = true
		c.b.cfg.Logger.Error("partition is not compacted any more (run freshet log verify)",
			"topic", p.tp.Topic, "partition", p.tp.Partition, "err", err)
	default:
		c.tell(p, "compaction given up for now", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.stats.Failed++
}

func (p *pass) run() error {
	if err := p.removeLeftovers(); err != nil {
		return err
	}
	if err := p.readKeys(); err != nil {
		return err
	}
	p.filter = newBatchFilter(p)
	cleaned := Offset(0)
	groups := p.groups(p.to)
	for i, g := range groups {
		if i == len(groups)-1 {
			cleaned = p.to
		}
		if err := p.rewrite(g, cleaned); err != nil {
			return err
		}
	}
	p.stats.From, p.stats.To = p.from, p.to
	p.stats.RecordsKept, p.stats.RecordsDropped = p.filter.kept, p.filter.dropped
	return nil
}

// readKeys notes the keys of what is new. Where there are too many it stops,
// which is how far this pass gets.
func (p *pass) readKeys() error {
	p.keys = newOffsetMap(p.c.b.cfg.CleanerBufferBytes, int64(p.limit-p.from))
	p.to = p.limit
	aborted := abortedCursor(p.aborted)
	var o opener
	for _, s := range p.segments {
		if Offset(s.End()) <= p.from {
			continue
		}
		more, err := p.batches(s, p.from, func(h *batch.Header, b []byte) (bool, error) {
			if Offset(h.BaseOffset) >= p.limit {
				return false, nil
			}
			if h.Attributes&batch.Control != 0 || aborted.has(h) {
				return true, nil
			}
			b, err := o.open(h, b, p.cfg)
			if err != nil {
				return false, err
			}
			return p.noteKeys(b)
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (p *pass) noteKeys(b []byte) (more bool, err error) {
	var r batch.Reader
	if err := r.Reset(b); err != nil {
		return false, err
	}
	var rec batch.Record
	for r.Next(&rec) {
		switch o := Offset(rec.Offset); {
		case o >= p.limit:
			return false, nil
		case rec.Key != nil && o >= p.from && !p.keys.put(hashKey(rec.Key), o):
			p.to = o
			return false, nil
		}
	}
	return true, r.Err()
}

// cleanerReadBytes is how much is read at a time, but for larger batches.
const cleanerReadBytes = 256 << 10

// batches calls each for the batches of s, from the one that holds an offset,
// until that returns false or an error. Offsets are under no checksum, and are
// about to be written anew, so they have to follow each other.
func (p *pass) batches(s *segment.Segment, from Offset, each func(h *batch.Header, b []byte) (bool, error)) (more bool, err error) {
	var pos int64
	if int64(from) > s.Base() {
		if pos, err = s.Position(int64(from)); err != nil {
			return false, err
		}
	}
	next := int64(-1)
	for {
		b, err := s.ReadAt(pos, cleanerReadBytes, p.buf)
		if err != nil || len(b) == 0 {
			return err == nil, err
		}
		p.buf = b
		pos += int64(len(b))
		if err := p.account(&p.stats.BytesRead, len(b)); err != nil {
			return false, err
		}
		for len(b) > 0 {
			h, err := batch.ParseHeader(b)
			if err == nil && (next >= 0 && h.BaseOffset != next || h.BaseOffset < s.Base() || h.LastOffset() >= s.End()) {
				err = fmt.Errorf("batch of offsets %d to %d, want offset %d, in the segment of %d to %d: %w",
					h.BaseOffset, h.LastOffset(), next, s.Base(), s.End(), ErrCorrupt)
			}
			if err != nil {
				return false, err
			}
			next = h.LastOffset() + 1
			n := h.SizeBytes()
			if more, err := each(&h, b[:n:n]); err != nil || !more {
				return false, err
			}
			b = b[n:]
		}
	}
}

// account counts bytes and waits until they may have been read or written.
func (p *pass) account(count *int64, n int) error {
	*count += int64(n)
	rate := p.c.b.cfg.CleanerBytesPerSecond
	if p.c.stopped() {
		return errStopped
	}
	if rate == 0 || p.c.b.cfg.stepped {
		return nil
	}
	t := time.NewTimer(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-p.c.b.stop:
		return errStopped
	}
}

// An opener decompresses batches into memory that it uses again.
type opener struct{ scratch []byte }

// open returns the batch as it was before it was compressed, valid until the
// next call.
func (o *opener) open(h *batch.Header, b []byte, cfg *TopicConfig) ([]byte, error) {
	if h.Codec() == batch.None {
		return b, nil
	}
	out, err := batch.Decompress(o.scratch[:0], b, max(maxDecompressedBytes, cfg.MaxMessageBytes))
	if err != nil {
		return nil, fmt.Errorf("batch at offset %d: %w", h.BaseOffset, err)
	}
	o.scratch = out
	return out, nil
}

// removeLeftovers removes segments that a pass has begun and a crash has ended:
// of later generations, and in nobody's place. What they were made from is
// there.
func (p *pass) removeLeftovers() error {
	dir := vfs.Sub(p.c.b.fsys, partitionDir(p.p.at()))
	names, err := segment.List(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n.Generation == 0 || p.c.b.knows(p.p, n) {
			continue
		}
		if err := segment.Remove(dir, n.Base, n.Generation); err != nil {
			return err
		}
	}
	return nil
}

// knows reports whether a segment is in use, or about to be removed.
func (b *Broker) knows(p *partition, n segment.Name) bool {
	b.pub.RLock()
	defer b.pub.RUnlock()
	for _, s := range p.segments {
		if s.Base() == n.Base && s.Generation() == n.Generation {
			return true
		}
	}
	want := doomedEntry{p.at(), Offset(n.Base), n.Generation}
	for _, d := range b.pub.doomed {
		if d.doomedEntry == want {
			return true
		}
	}
	return false
}
