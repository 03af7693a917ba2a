package verify

import (
	"errors"
	"fmt"
	"io/fs"
)

// batchEntry checks a batch in the journal, and moves the end of its partition.
func (v *verifier) batchEntry(s *stream) error {
	p, err := v.partitionOf(s)
	if err != nil {
		return err
	}
	size := s.left()
	if p.topic.going {
		s.skip(size)
		return nil
	}
	b, err := v.batch(s, p, p.end)
	switch {
	case err != nil:
		return fmt.Errorf("batch of %s: %w", p, err)
	case b.size != size:
		return fmt.Errorf("batch of %s: %d bytes, its length field makes it %d", p, size, b.size)
	}
	if b.last >= p.end {
		p.placed = placedEnd{held: true}
	}
	return v.append(p, &b)
}

// batch takes a batch of p and counts its records, if it ends behind from.
func (v *verifier) batch(s *stream, p *partition, from int64) (batch, error) {
	if v.each == nil {
		return s.batch(nil)
	}
	at, limit := s.pos, s.limit
	h, err := s.batchHeader()
	s.seek(at, limit)
	if err != nil || h.last < from {
		return s.batch(nil)
	}
	return s.batch(func(offset int64) { v.each(p, &h, offset) })
}

// append takes a batch of the journal in, unless a segment of the checkpoint has
// it. What is known of producers is as old as the checkpoint, so it is told of
// every batch.
func (v *verifier) append(p *partition, b *batch) error {
	if b.epoch != v.header.epoch {
		return fmt.Errorf("batch of %s: leader epoch %d, want %d", p, b.epoch, v.header.epoch)
	}
	if b.last >= p.end && b.base != p.end {
		return fmt.Errorf("batch of %s begins at offset %d, want %d", p, b.base, p.end)
	}
	p.journalFrom = min(p.journalFrom, b.base)
	if err := b.checkProducer(); err != nil {
		return fmt.Errorf("batch of %s at offset %d: %w", p, b.base, err)
	}
	if b.producerID >= 0 {
		if err := v.produced(p, b); err != nil {
			return fmt.Errorf("batch of %s at offset %d: %w", p, b.base, err)
		}
	}
	if b.last < p.end {
		return nil
	}
	p.end = b.last + 1
	v.report.Batches++
	v.report.Records += int64(b.count)
	return nil
}

// produced tells p of a batch with a producer.
func (v *verifier) produced(p *partition, b *batch) error {
	before, known := p.now[b.producerID]
	after, odd, wrong := before.note(b, known)
	if odd != nil {
		v.report.note(v.entryPath, 0, "partition %s, offset %d: %v; the log may have forgotten the producer between", p, b.base, odd)
	}
	p.now[b.producerID] = after
	if b.attributes&attrControl != 0 && !b.commits && known && before.txnFirst != none {
		p.later = append(p.later, abortedTxn{b.producerID, before.txnFirst, b.base, p.lastStable(b.last + 1)})
	}
	return wrong
}

// lastStable is the offset below which no transaction of p is open, end if none
// is.
func (p *partition) lastStable(end int64) int64 {
	for _, state := range p.now {
		if state.txnFirst != none {
			end = min(end, state.txnFirst)
		}
	}
	return end
}

// A placedEnd is where the next batch may be placed in the segments of a
// partition.
type placedEnd struct {
	held  bool // only in a new segment: the journal holds the batch before
	known bool // or at pos in the segment of base; else, behind the newest of the checkpoint
	base  int64
	pos   int64
}

// A placed is an entry that speaks of a batch in its segment.
type placed struct {
	p      *partition
	base   int64 // of the segment
	pos    int64
	header [batchHeaderBytes]byte
	b      batch
}

func (v *verifier) takePlaced(s *stream) (e placed, err error) {
	if e.p, err = v.partitionOf(s); err != nil {
		return e, err
	}
	e.base, e.pos = s.i64(), s.i64()
	at, limit := s.pos, s.limit
	copy(e.header[:], s.take(batchHeaderBytes))
	if s.err != nil {
		return e, s.err
	}
	s.seek(at, limit)
	e.b, err = s.batchHeader()
	if err == nil && (e.base < 0 || e.pos < 0) {
		err = fmt.Errorf("position %d of the segment of offset %d", e.pos, e.base)
	}
	return e, err
}

// findPlaced looks for the batches that the entries of s say are in their
// segments. It returns an error for the first that is not; what else is wrong
// with an entry is found when it is taken in.
func (v *verifier) findPlaced(s *stream) error {
	var missing error
	_, _ = eachEntry(s, func(kind byte) error {
		if kind != entryPlaced {
			s.skip(s.left())
			return nil
		}
		e, err := v.takePlaced(s)
		if err == nil && !e.p.topic.going && e.b.last >= e.p.end && missing == nil {
			if missing = v.findBatch(&e); missing != nil {
				missing = fmt.Errorf("batch of %s at offset %d is not at position %d of %s: %w", e.p, e.b.base, e.pos, e.name(), missing)
			}
		}
		return err
	})
	return missing
}

func (e *placed) name() string { return e.p.logName(segmentName{base: e.base}) }

// findBatch returns nil if the batch is in its place, with the right checksum.
func (v *verifier) findBatch(e *placed) error {
	s, err := v.openPlaced(e)
	if err != nil {
		return err
	}
	if got := s.take(batchHeaderBytes); string(got) != string(e.header[:]) {
		return errors.Join(s.err, errors.New("there are other bytes"))
	}
	s.seek(e.pos+crcStartBytes, e.pos+e.b.size)
	if got := s.crc(0, s.left()); s.err != nil || got != e.b.crc {
		return errors.Join(s.err, crcError(got, e.b.crc))
	}
	return nil
}

// placedEntry takes in a batch that was found.
func (v *verifier) placedEntry(s *stream) error {
	e, err := v.takePlaced(s)
	if err != nil {
		return err
	}
	if e.p.topic.going {
		return nil
	}
	b := e.b
	switch {
	case e.b.last < e.p.end && b.attributes&attrControl != 0:
		return fmt.Errorf("a marker of %s is placed", e.p)
	case e.b.last >= e.p.end:
		from, err := v.openPlaced(&e)
		if err == nil {
			b, err = v.batch(from, e.p, e.p.end)
		}
		if err != nil {
			return fmt.Errorf("batch of %s in %s: %w", e.p, e.name(), err)
		}
		if err := e.p.place(&e); err != nil {
			return err
		}
	}
	return v.append(e.p, &b)
}

// place checks that a batch stands where recovery goes on with the segment.
func (p *partition) place(e *placed) error {
	at := p.placed
	if n := len(p.segments); !at.held && !at.known && n > 0 && p.segments[n-1].generation == 0 {
		at = placedEnd{known: true, base: p.segments[n-1].base, pos: p.segments[n-1].size}
	}
	begun := e.pos == 0 && e.base == e.b.base
	if !begun && (!at.known || at.base != e.base || at.pos != e.pos) {
		return fmt.Errorf("batch of %s at offset %d is placed at position %d of the segment of offset %d, want %d of %d, or a new segment",
			p, e.b.base, e.pos, e.base, at.pos, at.base)
	}
	p.placed = placedEnd{known: true, base: e.base, pos: e.pos + e.b.size}
	return nil
}

// A placedFile is the segment that the last placed batch was in.
type placedFile struct {
	name string
	f    file
	s    stream
}

// openPlaced returns a stream at the place of a batch.
func (v *verifier) openPlaced(e *placed) (*stream, error) {
	name := e.name()
	if v.placing.name != name {
		v.closePlaced()
		f, err := openFile(v.fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("the file is missing")
		}
		if err != nil {
			return nil, &readError{err}
		}
		v.placing.name, v.placing.f = name, f
		v.placing.s.open(f, 0)
	}
	info, err := v.placing.f.Stat()
	if err != nil {
		return nil, &readError{err}
	}
	if size := info.Size(); e.pos > size || e.b.size > size-e.pos {
		return nil, fmt.Errorf("the file is %d bytes", size)
	}
	v.placing.s.forget()
	v.placing.s.seek(e.pos, e.pos+e.b.size)
	return &v.placing.s, nil
}

func (v *verifier) closePlaced() {
	if v.placing.f != nil {
		done(v.placing.f)
	}
	v.placing.name, v.placing.f = "", nil
}
