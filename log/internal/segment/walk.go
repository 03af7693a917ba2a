package segment

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/freshet/freshet/internal/batch"
)

// How much a walk reads at a time: little at first, since most walks are short,
// then more and more.
const (
	walkFirstBytes = 4 << 10
	walkMostBytes  = 1 << 20

	// largeBatchBytes is the size from which a read of one header costs less
	// than one of what lies between two.
	largeBatchBytes = 32 << 10
)

// A walk goes from batch to batch and looks at their headers. It holds the file
// open until close.
type walk struct {
	s    *Segment
	o    *openFile
	pos  int64 // of the next batch
	size int64 // where to end

	buf   []byte
	at    int64 // where buf was read
	ahead int   // how much to read the next time
}

var walks = sync.Pool{New: func() any { return new(walk) }}

func (s *Segment) walkFrom(pos int64) (*walk, error) {
	o, err := s.files[logFile].acquire(0)
	if err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	w := walks.Get().(*walk)
	w.s, w.o, w.size = s, o, s.size.Load()
	w.buf, w.ahead = w.buf[:0], walkFirstBytes
	w.pos = pos
	return w, nil
}

func (w *walk) close() {
	w.s.files[logFile].release(w.o)
	w.s, w.o = nil, nil
	walks.Put(w)
}

// next returns the header of the next batch and its position, or io.EOF where
// there is no more.
func (w *walk) next() (pos int64, h batch.Header, err error) {
	pos = w.pos
	if pos >= w.size {
		return pos, h, io.EOF
	}
	if pos+batch.HeaderBytes > w.size {
		return pos, h, w.s.corrupt(pos, errors.New("batch header is cut short"))
	}
	if pos < w.at || pos+batch.HeaderBytes > w.at+int64(len(w.buf)) {
		if err := w.read(); err != nil {
			return pos, h, err
		}
	}
	h, err = batch.ParseHeader(w.buf[pos-w.at:])
	if err != nil {
		return pos, h, w.s.corrupt(pos, err)
	}
	if err := w.s.checkEnd(pos, h, w.size); err != nil {
		return pos, h, err
	}
	w.pos += int64(h.SizeBytes())
	if h.SizeBytes() >= largeBatchBytes {
		w.ahead = batch.HeaderBytes
	} else {
		w.ahead = max(w.ahead, walkFirstBytes)
	}
	return pos, h, nil
}

func (w *walk) read() error {
	n := int(min(int64(w.ahead), w.size-w.pos))
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	w.buf, w.at = w.buf[:n], w.pos
	if err := w.s.readFull(w.o, w.buf, w.pos); err != nil {
		w.buf = w.buf[:0]
		return err
	}
	if w.ahead >= walkFirstBytes {
		w.ahead = min(2*w.ahead, walkMostBytes)
	}
	return nil
}

// readFull reads bytes that must be there.
func (s *Segment) readFull(o *openFile, b []byte, pos int64) error {
	n, err := o.ReadAt(b, pos)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return s.corrupt(pos+int64(n), errors.New("file ends before the segment does"))
	}
	return fmt.Errorf("read segment: %w", err)
}

// checkEnd refuses a batch that is longer than what is left of the segment.
func (s *Segment) checkEnd(pos int64, h batch.Header, size int64) error {
	if pos+int64(h.SizeBytes()) > size {
		return s.corrupt(pos, fmt.Errorf("batch of %d bytes reaches past the end of the segment", h.SizeBytes()))
	}
	return nil
}
