package segment

import (
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/batch"
)

// Position returns where the batch begins that holds offset.
func (s *Segment) Position(offset int64) (int64, error) {
	pos := int64(0)
	if e, found := s.index.floor(offset - s.base); found {
		h, err := s.headerAt(int64(e.position))
		if err != nil || h.LastOffset()-s.base != int64(e.last) {
			return s.search(0, offset) // the index lies
		}
		pos = int64(e.position)
	}
	return s.search(pos, offset)
}

// search walks the batches from pos on.
func (s *Segment) search(pos, offset int64) (int64, error) {
	for pos < s.size.Load() {
		h, err := s.headerAt(pos)
		if err != nil {
			return 0, err
		}
		if h.LastOffset() >= offset {
			return pos, nil
		}
		pos += int64(h.SizeBytes())
	}
	return pos, nil
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
	first, err := s.headerAt(pos)
	if err != nil {
		return nil, err
	}
	want := int(min(max(int64(first.SizeBytes()), int64(min(maxBytes, readBytes))), size-pos))
	b := buf[:0]
	if cap(b) < want {
		b = make([]byte, want)
	}
	b = b[:want]
	if _, err := s.file.ReadAt(b, pos); err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	n := 0
	for len(b)-n >= batch.HeaderBytes {
		h, err := batch.ParseHeader(b[n:])
		if err == nil && h.SizeBytes() > len(b)-n {
			break // the rest of it was not read
		}
		if err == nil {
			err = batch.Verify(b[n : n+h.SizeBytes()])
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
