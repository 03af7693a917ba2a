package log

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
)

// A large batch need not be written twice. The leader of the journal writes it
// to its segment at once, and the journal holds only its header, which has the
// checksum, and its place. Recovery looks whether it is there: a crash of the
// machine may have lost it, and then the log ends before it, as it does at a
// torn record.
//
// A batch is placed only where recovery finds everything as it was: since the
// last checkpoint nothing was written to the segment but placed batches, so that
// what it writes again goes over none of them.

// placeBytes is the size from which writing a batch twice costs more than a
// write of its own.
const placeBytes = 8 << 10

// placeSyncBytes is that in the sync mode, where it takes a sync of the segment
// beside that of the journal.
const placeSyncBytes = 64 << 10

func (b *Broker) leastPlaced() int {
	if b.cfg.Durability == Sync {
		return b.cfg.placeSyncBytes
	}
	return b.cfg.placeBytes
}

// A placing is what the leader has placed in a partition, and not published.
type placing struct {
	held    bool // partition.appending is
	segment *segment.Segment
	begun   bool  // the segment was, for this
	pos     int64 // where the next batch goes
	batches int
	ended   bool // a batch that the journal holds came behind them
}

// A place is where a batch stands.
type place struct {
	segment *segment.Segment
	pos     int64
}

// place writes a batch to its segment, if it may. It reports false where the
// journal has to hold it.
func (b *Broker) place(cb *commitBatch) (bool, error) {
	p := cb.p
	if len(cb.bytes) < b.leastPlaced() {
		p.placing.ended = true
		return false, nil
	}
	sp := cb.span()
	ok, err := b.mayPlace(p, &sp)
	if !ok || err != nil {
		p.placing.ended = true
		return false, err
	}
	at := place{p.placing.segment, p.placing.pos}
	if err := at.segment.Place(cb.bytes, at.pos); err != nil {
		b.releaseUnused(p)
		return false, placeError(p, err)
	}
	cb.place = at
	b.unsyncedPlaced.add(at.segment, p)
	p.placing.pos += int64(len(cb.bytes))
	p.placing.batches++
	return true, nil
}

// mayPlace takes hold of the end of p's segments.
func (b *Broker) mayPlace(p *partition, sp *segment.Span) (bool, error) {
	pl := &p.placing
	if pl.held {
		if pl.ended {
			return false, nil
		}
		limits, err := b.limits(p, pl.segment, sp)
		return err == nil && limits.fits(pl.pos, sp), err
	}
	if Offset(sp.First) != p.end || !p.appending.TryLock() {
		return false, nil
	}
	b.pub.RLock()
	waiting := len(p.tail) > p.placed
	b.pub.RUnlock()
	if waiting {
		p.appending.Unlock()
		return false, nil
	}
	s, begun, err := b.activeSegment(p, sp)
	if err != nil || p.plain.Load() && !begun {
		p.appending.Unlock()
		if err != nil {
			err = placeError(p, err)
		}
		return false, err
	}
	*pl = placing{held: true, segment: s, begun: begun, pos: s.SizeBytes()}
	b.placing = append(b.placing, p)
	return true, nil
}

// placeError is the answer to a batch whose segment could not be written: a full
// disk refuses the commit, anything else may have left its trace.
func placeError(p *partition, err error) error {
	err = fmt.Errorf("partition %s: %w", p.tp, err)
	if vfs.IsNoSpace(err) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// unplace takes back the batches of a commit that was refused.
func (c *Commit) unplace() {
	for i := len(c.batches) - 1; i >= 0; i-- {
		cb := &c.batches[i]
		if cb.place.segment == nil {
			continue
		}
		cb.p.placing.pos = cb.place.pos
		cb.p.placing.batches--
		cb.place = place{}
		c.b.releaseUnused(cb.p)
	}
}

// releaseUnused lets go of a partition in which nothing is placed after all.
func (b *Broker) releaseUnused(p *partition) {
	if p.placing.held && p.placing.batches == 0 {
		b.release(p)
	}
}

func (b *Broker) release(p *partition) {
	if !p.placing.held {
		return
	}
	if p.placing.begun { // and nobody knows of it: also a sync of the journal does without it
		if err := p.placing.segment.Forget(); err != nil {
			b.cfg.Logger.Warn("segment not closed", "partition", p.tp, "err", err)
		}
	}
	p.placing = placing{}
	p.appending.Unlock()
}

// releasePlaced ends a group of the journal.
func (b *Broker) releasePlaced() {
	for i, p := range b.placing {
		b.release(p)
		b.placing[i] = nil
	}
	b.placing = b.placing[:0]
}

// publishPlacedLocked makes a placed batch a part of its segment. Memory keeps it
// for a while, as it does others.
func (b *Broker) publishPlacedLocked(cb *commitBatch) {
	p := cb.p
	if p.placing.begun && p.placing.segment == cb.place.segment {
		p.segments = append(p.segments[:len(p.segments):len(p.segments)], cb.place.segment)
		p.placing.begun = false
		p.plain.Store(false)
	}
	cb.place.segment.Publish([]segment.Span{cb.span()})
	p.placed++
	b.unsynced.add(cb.place.segment, p)
}

// syncPlaced returns what syncs that which was placed, for the journal, or has
// done it.
func (b *Broker) syncPlaced() (later func() error, err error) {
	b.unsyncedPlaced.mu.Lock()
	none := len(b.unsyncedPlaced.segments) == 0
	b.unsyncedPlaced.mu.Unlock()
	if none {
		return nil, nil
	}
	all := func() error { return b.unsyncedPlaced.each((*segment.Segment).SyncData) }
	if b.cfg.stepped {
		return nil, all()
	}
	return all, nil
}

// find returns the bytes of a placed batch, none where its segment has it by the
// checkpoint. It returns journal.ErrMissing where it is not there any more.
func (l loader) find(e placedEntry) (b []byte, err error) {
	h, err := batch.ParseHeader(e.header)
	if err != nil {
		return nil, fmt.Errorf("placed batch: %w", err)
	}
	p, err := l.b.partitionByIDLocked(e.at)
	if err != nil || p.topic.going || Offset(h.LastOffset()) < p.end {
		return nil, err
	}
	s, err := l.segmentAt(p, e.base)
	if err == nil {
		b, err = s.ReadPlaced(e.pos, h.SizeBytes())
	}
	if s != nil && s != p.last() {
		err = errors.Join(err, s.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if err == nil && (!bytes.Equal(b[:batch.HeaderBytes], e.header) || batch.Verify(b) != nil) {
		err = errors.New("there are other bytes in its place")
	}
	if err != nil {
		return nil, fmt.Errorf("batch of %s at offset %d: %w: %w", p.tp, h.BaseOffset, journal.ErrMissing, err)
	}
	return b, nil
}

// segmentAt returns the segment of a placed batch: the newest, or the one that
// follows it.
func (l loader) segmentAt(p *partition, base Offset) (*segment.Segment, error) {
	if s := p.last(); s != nil && Offset(s.Base()) == base {
		return s, nil
	}
	dir := vfs.Sub(l.b.fsys, partitionDir(p.at()))
	if l.b.readOnly {
		return segment.OpenReadOnly(l.b.files, dir, segment.Meta{
			Base: int64(base), First: int64(base), End: int64(base), FirstTimestampMillis: segment.Unknown, MaxTimestampMillis: segment.Unknown,
		})
	}
	return segment.Resume(l.b.files, dir, int64(base))
}

// placed takes in a placed batch that was found.
func (l loader) placed(e placedEntry, b []byte) error {
	p, err := l.b.partitionByIDLocked(e.at)
	if err != nil {
		return err
	}
	if b == nil {
		return l.produced(p, e.header)
	}
	if l.b.readOnly {
		return l.batch(batchEntry{e.at, b}) // segments are as the checkpoint has them
	}
	sp, h, err := spanOf(b)
	if err == nil && Offset(sp.First) != p.end {
		err = fmt.Errorf("begins at offset %d, want %d", sp.First, p.end)
	}
	if err == nil {
		err = l.produced(p, b)
	}
	if err != nil {
		return fmt.Errorf("placed batch of %s: %w", p.tp, err)
	}
	// What the journal held comes before it, also in the segments.
	// A reader has nothing to write, and no tail here.
	if !l.b.readOnly {
		if err := l.b.flushPartition(p); err != nil {
			return err
		}
	}
	s, err := l.segmentAt(p, e.base)
	if err == nil {
		err = s.Adopt(sp, e.pos)
	}
	if err != nil {
		return err
	}
	if s != p.last() {
		p.segments = append(p.segments[:len(p.segments):len(p.segments)], s)
	}
	l.b.unsynced.add(s, p)
	l.b.unsyncedPlaced.add(s, p)
	p.epochLocked(h.LeaderEpoch, Offset(sp.First))
	p.end = Offset(sp.Last + 1)
	p.next = p.end
	p.wakeLocked()
	return nil
}

// last returns the newest segment, or nil.
func (p *partition) last() *segment.Segment {
	if n := len(p.segments); n > 0 {
		return p.segments[n-1]
	}
	return nil
}
