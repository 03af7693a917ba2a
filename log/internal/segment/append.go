package segment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// A Span is one or more whole batches, back to back, with the offsets of the
// first and the last record in them. Bytes is not changed.
type Span struct {
	Bytes       []byte
	First, Last int64
}

// Append writes the spans, in order, behind what is there, and publishes them.
// Small ones are gathered in buf, whose capacity makes one write. After an error
// the segment is as before and Append may be tried again.
func (s *Segment) Append(spans []Span, buf []byte) error {
	o, err := s.beginAppend()
	if err != nil {
		return fmt.Errorf("append to segment: %w", err)
	}
	w := appender{file: o, pos: s.size.Load(), buf: buf[:0]}
	for _, sp := range spans {
		w.add(sp.Bytes)
	}
	w.flush()
	s.files[logFile].endWrite(o)
	if w.err != nil {
		return fmt.Errorf("append to segment: %w", w.err)
	}
	s.Publish(spans)
	return nil
}

// Place writes whole batches at position pos, which is SizeBytes or behind
// what was placed since. Nobody sees them before Publish. Without that, or
// after an error, the segment is as before: what comes next goes over them.
func (s *Segment) Place(b []byte, pos int64) error {
	if size := s.size.Load(); pos < size {
		return fmt.Errorf("append to segment: position %d is inside its %d bytes", pos, size)
	}
	o, err := s.beginAppend()
	if err == nil {
		_, err = o.WriteAt(b, pos)
		s.files[logFile].endWrite(o)
	}
	if err != nil {
		return fmt.Errorf("append to segment: %w", err)
	}
	return nil
}

// ReadPlaced reads n bytes at pos, which may be behind SizeBytes: those of a batch
// that was placed, and perhaps not published, before a crash. It returns
// [io.ErrUnexpectedEOF] where the file is shorter, and [fs.ErrNotExist] where it
// is not there.
func (s *Segment) ReadPlaced(pos int64, n int) ([]byte, error) {
	o, err := s.files[logFile].acquire(0)
	if err != nil {
		return nil, err
	}
	defer s.files[logFile].release(o)
	b := make([]byte, n)
	if got, err := o.ReadAt(b, pos); got < n {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}

// Adopt publishes a batch that was placed at pos before a crash. The caller has
// seen that it is there.
func (s *Segment) Adopt(sp Span, pos int64) error {
	if _, err := s.load(); err != nil {
		return err
	}
	if size := s.size.Load(); pos != size {
		return s.corrupt(size, fmt.Errorf("the next batch was placed at %d", pos))
	}
	// Whoever wrote it may have been killed before it was synced: that is ours.
	o, err := s.files[logFile].beginWrite(0)
	if err != nil {
		return err
	}
	s.files[logFile].endWrite(o)
	s.Publish([]Span{sp})
	return nil
}

// beginAppend opens the file for writing, cut to its size.
func (s *Segment) beginAppend() (*openFile, error) {
	if s.readOnly {
		return nil, fs.ErrPermission
	}
	if _, err := s.load(); err != nil {
		return nil, err
	}
	o, err := s.files[logFile].beginWrite(0)
	if err != nil {
		return nil, err
	}
	if s.cut {
		return o, nil
	}
	have, err := o.Size()
	if size := s.size.Load(); err == nil && have > size {
		err = o.Truncate(size)
	}
	if err != nil {
		s.files[logFile].endWrite(o)
		return nil, err
	}
	s.cut = true
	return o, nil
}

// An appender makes few large writes of many small ones. After an error it
// does nothing.
type appender struct {
	file vfs.File
	pos  int64
	buf  []byte
	err  error
}

func (w *appender) add(b []byte) {
	if len(w.buf)+len(b) > cap(w.buf) {
		w.flush()
	}
	if len(b) > cap(w.buf) {
		w.write(b)
		return
	}
	w.buf = append(w.buf, b...)
}

func (w *appender) flush() {
	w.write(w.buf)
	w.buf = w.buf[:0]
}

func (w *appender) write(b []byte) {
	if w.err != nil || len(b) == 0 {
		return
	}
	_, w.err = w.file.WriteAt(b, w.pos)
	w.pos += int64(len(b))
}

// Publish makes spans visible that were placed at the end, back to back, all in
// one step.
func (s *Segment) Publish(spans []Span) {
	if len(spans) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.size.Load()
	if size == 0 {
		s.mu.first = spans[0].First
	}
	for _, sp := range spans {
		s.indexLocked(sp.Bytes, size)
		size += int64(len(sp.Bytes))
	}
	s.end.Store(spans[len(spans)-1].Last + 1)
	s.size.Store(size)
}

// indexLocked notes the batches of a span. The caller has checked them.
func (s *Segment) indexLocked(b []byte, pos int64) {
	x := &s.mu.indexes
	for len(b) > 0 {
		h, err := batch.ParseHeader(b)
		if err != nil || h.SizeBytes() > len(b) {
			x.broken = s.corrupt(pos, errors.Join(err, errors.New("not a batch")))
			return
		}
		if pos == 0 {
			s.mu.firstTime = h.MaxTimestampMillis
		}
		x.add(uint32(h.LastOffset()-s.id.Base), pos, h)
		if x.broken == nil {
			s.mu.maxTime = x.maxTime
		}
		pos += int64(h.SizeBytes())
		b = b[h.SizeBytes():]
	}
}

// SetEnd tells a segment that compaction writes that it stands for all offsets
// before end, though the last batch, if there is any, ends before.
func (s *Segment) SetEnd(end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if end < s.end.Load() {
		return
	}
	s.end.Store(end)
	if s.size.Load() == 0 {
		s.mu.first = end
	}
}

// Sync makes everything published durable, with the file's name, and saves the
// indexes; [Segment.SyncedMeta] then tells how far that was. Once the file could
// not be synced it always fails.
func (s *Segment) Sync() error {
	if s.readOnly {
		return fmt.Errorf("sync segment: %w", fs.ErrPermission)
	}
	s.syncing.Lock()
	defer s.syncing.Unlock()
	m, x := s.unsaved()
	if err := s.syncDataLocked(); err != nil {
		return err
	}
	// An index is never a reason to fail: what could not be saved is tried again
	// at the next Sync, and made anew after the next opening.
	saved := s.saveIndexes(x) == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if saved {
		m.Sums = s.mu.indexes.sums()
	} else {
		m.Sums = Sums{}
	}
	s.mu.synced, s.mu.isSynced = m, true
	return nil
}

// SyncData makes everything placed durable, with the file's name, and nothing
// else.
func (s *Segment) SyncData() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	return s.syncDataLocked()
}

// syncDataLocked is that; s.syncing is held.
func (s *Segment) syncDataLocked() error {
	err := s.files[logFile].sync()
	if vfs.IsNoSpace(err) {
		// Not wrapped: a full disk that shows only here has lost what was
		// written, and a second Sync would not bring it back.
		return fmt.Errorf("sync segment: %v", err)
	}
	if err != nil {
		return fmt.Errorf("sync segment: %w", err)
	}
	if s.newName {
		if err := s.fsys.SyncDir("."); err != nil {
			return fmt.Errorf("sync directory of segment: %w", err)
		}
		s.newName = false
	}
	return nil
}

// unsaved returns what a Sync is about, as of one moment: an appender may go on
// meanwhile.
func (s *Segment) unsaved() (Meta, indexes) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.metaLocked(), s.mu.indexes
}

// SyncedMeta is Meta as of what is on stable storage: what the last Sync has
// brought there, or what the segment was opened with. It reports false for a
// segment that was begun and never synced.
func (s *Segment) SyncedMeta() (Meta, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.synced, s.mu.isSynced
}

// saveIndexes saves the entries that the files lack.
func (s *Segment) saveIndexes(x indexes) error {
	if !x.ready || x.broken != nil {
		return nil // nothing was appended, or what there is of an index is not all
	}
	for k := offsetIndexFile; k < kinds; k++ {
		e := x.of(k)
		b, crc := e.encode(k)
		if err := s.saveEntries(k, e.saved, b); err != nil {
			return err
		}
		s.mu.Lock()
		s.mu.indexes.of(k).nowSaved(len(e.tail), crc)
		s.mu.Unlock()
	}
	return nil
}
