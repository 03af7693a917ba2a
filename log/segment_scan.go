package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// A flaw is a run of offsets of a segment whose records cannot be read.
type flaw struct {
	path       string
	pos, until int64  // bytes of the file
	from, to   Offset // that are lost: from, and below to
	reason     error
}

func (f *flaw) corrupt() error { return &vfs.CorruptError{Path: f.path, Pos: f.pos, Err: f.reason} }

// scanBytes is how much of a segment is read at a time, but for larger batches.
const scanBytes = 1 << 20

// A segmentScan reads a segment without believing it.
type segmentScan struct {
	m    segment.Meta
	path string
	f    vfs.File
	size int64 // of what is there and counts
	buf  []byte
	at   int64 // of buf in the file
}

// scanSegment calls good for every whole batch that m speaks of, in order, and
// returns what is wrong with the others. Bytes are valid until good returns.
func scanSegment(dir vfs.FS, m segment.Meta, good func(pos int64, h *batch.Header, b []byte) error) (flaws []flaw, err error) {
	name := segment.LogName(m.Base, m.Generation)
	s := &segmentScan{m: m, path: vfs.Path(dir, name)}
	s.f, err = dir.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return []flaw{{path: s.path, from: Offset(m.First), to: Offset(m.End), reason: errors.New("the file is missing")}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.f.Close()) }()
	if s.size, err = s.f.Size(); err != nil {
		return nil, err
	}
	s.size = min(s.size, m.SizeBytes)
	return s.run(good)
}

func (s *segmentScan) run(good func(pos int64, h *batch.Header, b []byte) error) (flaws []flaw, err error) {
	pos, next := int64(0), s.m.First
	for pos < s.m.SizeBytes {
		h, b, bad := s.batch(pos)
		if bad == nil && h.BaseOffset != next {
			bad = fmt.Errorf("batch begins at offset %d, want %d", h.BaseOffset, next)
		}
		if errors.Is(bad, errUnreadable) {
			return nil, bad
		}
		if bad == nil {
			if err := good(pos, &h, b); err != nil {
				return nil, err
			}
			pos, next = pos+int64(len(b)), h.LastOffset()+1
			continue
		}
		f := flaw{path: s.path, pos: pos, from: Offset(next), reason: bad}
		if pos, next, err = s.resume(pos, next); err != nil {
			return nil, err
		}
		f.until, f.to = pos, Offset(next)
		flaws = append(flaws, f)
	}
	if next < s.m.End {
		flaws = append(flaws, flaw{path: s.path, pos: pos, until: pos, from: Offset(next), to: Offset(s.m.End),
			reason: fmt.Errorf("batches end at offset %d, want %d", next, s.m.End)})
	}
	return flaws, nil
}

// resume finds the next batch behind a bad one, and the offset it begins with:
// the end of the segment where there is none.
func (s *segmentScan) resume(bad, next int64) (pos, first int64, err error) {
	fits := func(pos int64) (int64, bool, error) {
		h, _, err := s.batch(pos)
		if errors.Is(err, errUnreadable) {
			return 0, false, err
		}
		return h.BaseOffset, err == nil && h.BaseOffset >= next, nil
	}
	// Where the bad one says that it ends comes first: a record may hold what
	// looks like a batch.
	if h, err := s.header(bad); err == nil {
		pos := bad + int64(h.SizeBytes())
		if first, ok, err := fits(pos); ok || err != nil {
			return pos, first, err
		}
	}
	for pos := bad + 1; pos+batch.HeaderBytes <= s.size; pos++ {
		if h, err := s.header(pos); err != nil || h.BaseOffset < next || h.LastOffset() >= s.m.End {
			if errors.Is(err, errUnreadable) {
				return 0, 0, err
			}
			continue
		}
		if first, ok, err := fits(pos); ok || err != nil {
			return pos, first, err
		}
	}
	return s.m.SizeBytes, s.m.End, nil
}

// errUnreadable: the disk does not give the bytes, whatever they are.
var errUnreadable = errors.New("segment cannot be read")

// bytes returns n bytes at pos, valid until the next call.
func (s *segmentScan) bytes(pos int64, n int) ([]byte, error) {
	if pos+int64(n) > s.size {
		return nil, fmt.Errorf("%d bytes wanted, the segment ends at byte %d", n, s.size)
	}
	if pos < s.at || pos+int64(n) > s.at+int64(len(s.buf)) {
		want := int(min(max(int64(n), scanBytes), s.size-pos))
		if cap(s.buf) < want {
			s.buf = make([]byte, want)
		}
		s.buf, s.at = s.buf[:want], pos
		if got, err := s.f.ReadAt(s.buf, pos); got < want && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %s, byte %d: %w", errUnreadable, s.path, pos, err)
		}
	}
	from := pos - s.at
	return s.buf[from : from+int64(n)], nil
}

func (s *segmentScan) header(pos int64) (batch.Header, error) {
	b, err := s.bytes(pos, batch.HeaderBytes)
	if err != nil {
		return batch.Header{}, err
	}
	return batch.ParseHeader(b)
}

// batch returns the whole batch at pos, if there is one that belongs to the
// segment.
func (s *segmentScan) batch(pos int64) (h batch.Header, b []byte, err error) {
	if h, err = s.header(pos); err != nil {
		return h, nil, err
	}
	if h.BaseOffset < s.m.First || h.LastOffset() < h.BaseOffset || h.LastOffset() >= s.m.End {
		return h, nil, fmt.Errorf("batch of offsets %d to %d in the segment of %d to %d", h.BaseOffset, h.LastOffset(), s.m.First, s.m.End-1)
	}
	if b, err = s.bytes(pos, h.SizeBytes()); err == nil {
		err = batch.Verify(b)
	}
	return h, b, err
}

// keepNothing is for those who want to know only whether batches are whole.
func keepNothing(int64, *batch.Header, []byte) error { return nil }
