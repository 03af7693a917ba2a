package segment

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// load makes the indexes ready: it reads the files once, to see whether they are
// what the owner remembers, and walks the batches behind the last entry. Where
// they are not it walks all batches, and the owner writes the files anew.
//
// An index is never a reason to fail, and damage in the .log is not either:
// whoever reads there will hear of it. The result does not change any more.
func (s *Segment) load() (indexes, error) {
	if x := s.current(); x.ready {
		return x, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	x := s.current()
	if x.ready {
		return x, nil
	}
	if want := x.want; want != (Sums{}) {
		x.reset()
		ok, err := s.trust(&x, want)
		if err != nil {
			return x, err
		}
		if !ok {
			x.reset()
		}
	}
	if err := s.complete(&x); err != nil {
		return x, err
	}
	x.ready = true
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.indexes = x
	if x.broken == nil && x.walked > 0 {
		s.mu.maxTime = x.maxTime
	}
	return x, nil
}

// current returns the indexes as they are.
func (s *Segment) current() indexes {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.indexes
}

// trust takes the files over if they are as the sums say, and their last
// entries are true of the batches.
func (s *Segment) trust(x *indexes, want Sums) (bool, error) {
	most := s.size.Load() / indexIntervalBytes
	if int64(want.OffsetEntries) > most || int64(want.TimeEntries) > most {
		return false, nil
	}
	if !s.checksum(offsetIndexFile, &x.offsets, want.OffsetEntries, want.OffsetCRC) ||
		!s.checksum(timeIndexFile, &x.times, want.TimeEntries, want.TimeCRC) {
		return false, nil
	}
	last := x.offsets.last
	w, err := s.walkFrom(int64(last.value))
	if err != nil {
		return false, err
	}
	defer w.close()
	pos, h, err := w.next()
	if errors.Is(err, io.EOF) || errors.Is(err, vfs.ErrCorrupt) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if h.LastOffset()-s.id.Base != last.key {
		return false, nil
	}
	x.maxTime, x.maxTimeAt = x.times.last.key, x.times.last.value
	x.sinceLast = int64(h.SizeBytes())
	x.walked, x.next = pos+int64(h.SizeBytes()), h.LastOffset()+1
	return true, nil
}

// verifyBytes is how much of an index is read at a time. It is a multiple of
// the size of either kind of entry.
const verifyBytes = 48 << 10

// checksum reads the first n entries of an index file, and takes them over if
// the checksum is right. A file that cannot be read is as bad as a wrong one.
func (s *Segment) checksum(k kind, x *entries, n, want uint32) bool {
	f := &s.files[k]
	o, err := f.acquire(0)
	if err != nil {
		return false
	}
	defer f.release(o)
	left := int64(n) * int64(entryBytes[k])
	if size, err := o.Size(); err != nil || size < left {
		return false
	}
	b := make([]byte, min(left, verifyBytes))
	var crc uint32
	for pos := int64(0); left > 0; {
		b = b[:min(left, int64(len(b)))]
		if got, _ := o.ReadAt(b, pos); got < len(b) {
			return false
		}
		crc = crc32.Update(crc, castagnoli, b)
		pos += int64(len(b))
		left -= int64(len(b))
	}
	if crc != want || n == 0 {
		return false
	}
	x.saved, x.count, x.crc = int(n), int(n), crc
	x.last = decodeEntry(b[len(b)-entryBytes[k]:], k)
	return true
}

// complete indexes the batches from x.walked on. The owner saves the entries,
// so that memory has few at a time; where that is not possible they are
// thinned out.
func (s *Segment) complete(x *indexes) error {
	w, err := s.walkFrom(x.walked)
	if err != nil {
		return err
	}
	defer w.close()
	save := !s.readOnly
	x.broken = nil
	for {
		pos, h, err := w.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = s.checkOffsets(x, pos, h)
		}
		if errors.Is(err, vfs.ErrCorrupt) {
			x.broken = err
			break
		}
		if err != nil {
			return err
		}
		x.add(uint32(h.LastOffset()-s.id.Base), pos, h)
		if len(x.offsets.tail) < maxTail {
			continue
		}
		save = save && s.saveAll(x) == nil
		x.offsets.thin()
		x.times.thin()
	}
	if save && x.broken == nil {
		_ = s.saveAll(x) // the next Sync tries again, and tells
	}
	return nil
}

// checkOffsets sees to it that batches follow each other, as their checksums do
// not cover that.
func (s *Segment) checkOffsets(x *indexes, pos int64, h batch.Header) error {
	switch {
	case x.next >= 0 && h.BaseOffset != x.next:
		return s.corrupt(pos, fmt.Errorf("batch begins at offset %d, want %d", h.BaseOffset, x.next))
	case h.BaseOffset < s.id.Base || !s.FitsOffset(h.LastOffset()):
		return s.corrupt(pos, fmt.Errorf("batch with offsets %d to %d is in the segment of %d", h.BaseOffset, h.LastOffset(), s.id.Base))
	}
	return nil
}

// saveAll saves the entries of indexes that nobody else sees yet.
func (s *Segment) saveAll(x *indexes) error {
	for k := offsetIndexFile; k < kinds; k++ {
		e := x.of(k)
		b, crc := e.encode(k)
		if err := s.saveEntries(k, e.saved, b); err != nil {
			return err
		}
		e.nowSaved(len(e.tail), crc)
	}
	return nil
}

// saveEntries writes entries behind the first n of an index file.
func (s *Segment) saveEntries(k kind, n int, b []byte) (err error) {
	if len(b) == 0 {
		return nil
	}
	f := &s.files[k]
	o, err := f.acquire(os.O_CREATE)
	if err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	defer f.release(o)
	at := int64(n) * int64(entryBytes[k])
	if err := o.Truncate(at); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	if _, err := o.WriteAt(b, at); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	return nil
}
