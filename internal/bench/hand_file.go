package bench

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// A handLog is a file of record batches. One worker appends; others read what
// is committed.
type handLog struct {
	f         vfs.File
	b         handBatch
	pos       int64        // where the next batch goes
	next      int64        // offset of the next record
	committed atomic.Int64 // bytes that readers may see
}

// handBatchBytes is the size at which a batch is written: large enough that
// the system call does not matter, small enough to stay in the caches.
const handBatchBytes = 128 << 10

func (s *fileSet) createLog(name string) (*handLog, error) {
	f, err := s.create(name)
	if err != nil {
		return nil, err
	}
	return &handLog{f: f}, nil
}

func (l *handLog) append(timestampMillis int64, key, value []byte) error {
	l.b.append(timestampMillis, key, value)
	if l.b.sizeBytes() < handBatchBytes {
		return nil
	}
	return l.flush()
}

// flush writes the open batch, if there is one.
func (l *handLog) flush() error {
	n := int64(l.b.count)
	if n == 0 {
		return nil
	}
	b := l.b.seal(l.next)
	if _, err := l.f.WriteAt(b, l.pos); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	l.pos += int64(len(b))
	l.next += n
	return nil
}

// A handReader reads the committed batches of a file into one buffer.
type handReader struct {
	l     *handLog
	pos   int64
	buf   []byte
	batch batch.Reader
}

// handReadBytes fits the second-level cache together with what is made of it.
const handReadBytes = 256 << 10

func newHandReader(l *handLog) *handReader {
	return &handReader{l: l, buf: make([]byte, handReadBytes)}
}

// read calls each for the records of the next batches, about handReadBytes of
// them, and returns false if there are none.
func (r *handReader) read(each func(*batch.Record) error) (bool, error) {
	end := r.l.committed.Load()
	if r.pos == end {
		return false, nil
	}
	n, err := r.l.f.ReadAt(r.buf[:min(int64(len(r.buf)), end-r.pos)], r.pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	b := r.buf[:n]
	done := 0
	for len(b)-done >= batch.HeaderBytes {
		h, err := batch.ParseHeader(b[done:])
		if err != nil {
			return false, err
		}
		whole := done + h.SizeBytes()
		if whole > len(b) {
			break
		}
		if err := r.decode(b[done:whole], each); err != nil {
			return false, err
		}
		done = whole
	}
	if done == 0 {
		return false, fmt.Errorf("at byte %d: no whole batch in %d bytes", r.pos, n)
	}
	r.pos += int64(done)
	return true, nil
}

func (r *handReader) decode(b []byte, each func(*batch.Record) error) error {
	if err := batch.Verify(b); err != nil {
		return err
	}
	if err := r.batch.Reset(b); err != nil {
		return err
	}
	var rec batch.Record
	for r.batch.Next(&rec) {
		if err := each(&rec); err != nil {
			return err
		}
	}
	return r.batch.Err()
}
