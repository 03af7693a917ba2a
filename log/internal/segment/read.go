package segment

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// Position returns where the batch begins that holds offset, or, where
// compaction removed that, the next one.
func (s *Segment) Position(offset int64) (int64, error) {
	x, err := s.load()
	if err != nil {
		return 0, err
	}
	w, err := s.walkFrom(0)
	if err != nil {
		return 0, err
	}
	defer w.close()
	if err := s.skipTo(w, &x, offset); err != nil {
		return 0, err
	}
	return w.until(func(h batch.Header) bool { return h.LastOffset() >= offset })
}

// FindTimestamp returns where the first batch begins that has a record with
// that timestamp, in epoch milliseconds, or a later one, and false where none
// has.
func (s *Segment) FindTimestamp(millis int64) (pos int64, found bool, err error) {
	x, err := s.load()
	if err != nil {
		return 0, false, err
	}
	w, err := s.walkFrom(0)
	if err != nil {
		return 0, false, err
	}
	defer w.close()
	if x.broken == nil {
		if x.maxTime < millis {
			return 0, false, nil
		}
		if err := s.skipBefore(w, &x, millis); err != nil {
			return 0, false, err
		}
	}
	pos, err = w.until(func(h batch.Header) bool { return h.MaxTimestampMillis >= millis })
	if err == nil && pos >= w.size {
		return 0, false, x.broken
	}
	return pos, err == nil, err
}

// until walks to the first batch of which found is true, or to the end.
func (w *walk) until(found func(batch.Header) bool) (int64, error) {
	for {
		pos, h, err := w.next()
		if errors.Is(err, io.EOF) {
			return pos, nil
		}
		if err != nil {
			return 0, err
		}
		if found(h) {
			return pos, nil
		}
	}
}

// skipTo moves a walk to the last indexed batch that ends at or before offset.
// If the index lies the walk stays at the beginning.
func (s *Segment) skipTo(w *walk, x *indexes, offset int64) error {
	e, found, err := s.floor(x, offsetIndexFile, offset-s.id.Base)
	if err != nil || !found {
		return nil // somebody took the index away: slow, but as right
	}
	w.pos = int64(e.value)
	pos, h, err := w.next()
	w.pos = pos
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, vfs.ErrCorrupt), err == nil && h.LastOffset()-s.id.Base != e.key:
		w.pos = 0
		return nil
	}
	return err
}

// skipBefore moves a walk to a batch before which no timestamp is as large: an
// entry has the first batch with its timestamp.
func (s *Segment) skipBefore(w *walk, x *indexes, millis int64) error {
	e, found, err := s.floor(x, timeIndexFile, millis)
	if err != nil || !found {
		return nil
	}
	return s.skipTo(w, x, s.id.Base+int64(e.value))
}

// floor returns the newest entry whose key is at most key.
func (s *Segment) floor(x *indexes, k kind, key int64) (entry, bool, error) {
	n := x.of(k).saved
	if e, found := x.of(k).floor(key); found || n == 0 {
		return e, found, nil
	}
	f := &s.files[k]
	o, err := f.acquire(0)
	if err != nil {
		return entry{}, false, err
	}
	defer f.release(o)
	return floorInFile(o, k, n, key)
}

// pageEntries is how many entries of an index are read at once in the end.
const pageEntries = 256

var pages = sync.Pool{New: func() any { b := make([]byte, pageEntries*12); return &b }}

// floorInFile is floor among the first n entries of a file.
func floorInFile(f vfs.File, k kind, n int, key int64) (entry, bool, error) {
	buf := pages.Get().(*[]byte)
	defer pages.Put(buf)
	read := func(i, n int) ([]byte, error) {
		b := (*buf)[:n*entryBytes[k]]
		if got, err := f.ReadAt(b, int64(i)*int64(entryBytes[k])); got < len(b) {
			return nil, fmt.Errorf("read index: %w", err)
		}
		return b, nil
	}
	// Entries before lo are at most key, those from hi on larger.
	lo, hi := 0, n
	var last entry // the one before lo
	for hi-lo > pageEntries {
		mid := int(uint(lo+hi) / 2)
		b, err := read(mid, 1)
		if err != nil {
			return entry{}, false, err
		}
		if e := decodeEntry(b, k); e.key <= key {
			lo, last = mid+1, e
		} else {
			hi = mid
		}
	}
	b, err := read(lo, hi-lo)
	if err != nil {
		return entry{}, false, err
	}
	for ; len(b) > 0; b = b[entryBytes[k]:] {
		e := decodeEntry(b, k)
		if e.key > key {
			break
		}
		last = e
		lo++
	}
	return last, lo > 0, nil
}

// readBytes is the most that ReadAt reads at once, unless a batch is larger:
// what stays in the cache of a core between reading, checking and decoding.
const readBytes = 256 << 10

// ReadAt returns whole batches that begin at position pos, until maxBytes are
// gathered or the end is reached. The first batch is returned even if it alone
// is larger, so that a reader always moves (KIP-74). Every checksum is
// verified; a batch that fails is a [vfs.CorruptError].
//
// The bytes are in buf, if that has room for them, or else new; either way the
// caller owns them. At the end it returns none, and no error.
func (s *Segment) ReadAt(pos int64, maxBytes int, buf []byte) ([]byte, error) {
	size := s.size.Load()
	if pos >= size {
		return nil, nil
	}
	if pos+batch.HeaderBytes > size {
		return nil, s.corrupt(pos, errors.New("batch header is cut short"))
	}
	f := &s.files[logFile]
	o, err := f.acquire(0)
	if err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	defer f.release(o)
	b := sized(buf, int(min(max(int64(min(maxBytes, readBytes)), batch.HeaderBytes), size-pos)))
	if err := s.readFull(o, b, pos); err != nil {
		return nil, err
	}
	first, err := batch.ParseHeader(b)
	if err != nil {
		return nil, s.corrupt(pos, err)
	}
	if err := s.checkEnd(pos, first, size); err != nil {
		return nil, err
	}
	if have := len(b); have < first.SizeBytes() {
		larger := sized(buf, first.SizeBytes())
		copy(larger, b)
		b = larger
		if err := s.readFull(o, b[have:], pos+int64(have)); err != nil {
			return nil, err
		}
	}
	return s.whole(b, pos)
}

// sized returns n bytes, those of buf if it has so many.
func sized(buf []byte, n int) []byte {
	if cap(buf) >= n {
		return buf[:n]
	}
	return make([]byte, n)
}

// whole cuts b, which was read at pos, behind the last batch that is in it as
// a whole, and verifies each. The first is.
func (s *Segment) whole(b []byte, pos int64) ([]byte, error) {
	n := 0
	for len(b)-n >= batch.HeaderBytes {
		h, err := batch.ParseHeader(b[n:])
		if err == nil && h.SizeBytes() > len(b)-n {
			break // the rest of it was not read
		}
		if err == nil {
			err = h.Verify(b[n : n+h.SizeBytes()])
		}
		if err != nil {
			return nil, s.corrupt(pos+int64(n), err)
		}
		n += h.SizeBytes()
	}
	if n == 0 {
		return nil, s.corrupt(pos, errors.New("batch changed while it was read"))
	}
	return b[:n], nil
}
