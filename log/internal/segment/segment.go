package segment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"sync/atomic"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// A Span is one or more whole batches, back to back, with the offsets of the
// first and the last record in them. Bytes is not changed.
type Span struct {
	Bytes       []byte
	First, Last int64
}

// A Segment is one open segment.
type Segment struct {
	fsys vfs.FS
	base int64
	file vfs.File

	size  atomic.Int64 // bytes that readers may see
	end   atomic.Int64 // offset after the last record
	index offsetIndex

	newName bool // the directory has not been synced since the file was created
}

// LogName returns the name of the .log file of the segment with that base
// offset.
func LogName(base int64) string { return fmt.Sprintf("%020d.log", base) }

func indexName(base int64) string { return fmt.Sprintf("%020d.index", base) }

// Create begins an empty segment in fsys, the directory of its partition. A
// file that is there already is replaced: it holds nothing that a checkpoint
// knows of.
func Create(fsys vfs.FS, base int64) (*Segment, error) {
	f, err := fsys.OpenFile(LogName(base), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	s := &Segment{fsys: fsys, base: base, file: f, newName: true}
	s.end.Store(base)
	if err := fsys.Remove(indexName(base)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("remove old index: %w", err), f.Close())
	}
	return s, nil
}

// Open opens the segment with that base offset, sizeBytes long and ending
// before offset end. A longer file is cut; a shorter one is corrupt.
func Open(fsys vfs.FS, base, sizeBytes, end int64) (*Segment, error) {
	s, err := open(fsys, os.O_RDWR, base, sizeBytes, end)
	if err != nil {
		return nil, err
	}
	if err := s.file.Truncate(sizeBytes); err != nil {
		return nil, errors.Join(fmt.Errorf("cut segment: %w", err), s.file.Close())
	}
	return s, nil
}

// OpenReadOnly is Open for a segment that another process may be appending to.
func OpenReadOnly(fsys vfs.FS, base, sizeBytes, end int64) (*Segment, error) {
	return open(fsys, os.O_RDONLY, base, sizeBytes, end)
}

func open(fsys vfs.FS, flag int, base, sizeBytes, end int64) (*Segment, error) {
	f, err := fsys.OpenFile(LogName(base), flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	s := &Segment{fsys: fsys, base: base, file: f}
	s.size.Store(sizeBytes)
	s.end.Store(end)
	have, err := f.Size()
	if err == nil && have < sizeBytes {
		err = &vfs.CorruptError{Path: vfs.Path(fsys, LogName(base)), Pos: have, Err: fmt.Errorf("file is %d bytes, want %d", have, sizeBytes)}
	}
	if err == nil {
		err = s.loadIndex()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// loadIndex takes what is good of the index file and completes it from the
// batches behind.
func (s *Segment) loadIndex() error {
	b, err := s.readIndex()
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	entries := decodeIndex(b, s.size.Load())
	s.index.reset(entries)
	s.index.saved = len(entries)
	if ok, err := s.completeIndex(); ok || err != nil {
		return err
	}
	return s.rebuildIndex()
}

// readIndex reads the index file, or as much of it as a segment of this size
// can have; none where there is no file.
func (s *Segment) readIndex() (b []byte, err error) {
	f, err := s.fsys.OpenFile(indexName(s.base), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b = make([]byte, min(size, s.size.Load()/indexIntervalBytes*indexEntryBytes))
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil // it was cut while we read
	}
	return b[:n], err
}

// completeIndex indexes the batches behind the last entry. It reports false
// where that entry is not true of the file.
func (s *Segment) completeIndex() (bool, error) {
	pos := int64(0)
	s.index.sinceLast = 0
	last, found := s.index.last()
	if found {
		h, err := s.headerAt(int64(last.position))
		if err != nil {
			return false, ignoreCorrupt(err)
		}
		if h.LastOffset()-s.base != int64(last.last) {
			return false, nil
		}
		s.index.sinceLast = int64(h.SizeBytes())
		pos = int64(last.position) + int64(h.SizeBytes())
	}
	for pos < s.size.Load() {
		h, err := s.headerAt(pos)
		if err != nil {
			if found {
				return false, ignoreCorrupt(err)
			}
			return true, ignoreCorrupt(err) // reading there will say so
		}
		s.index.add(uint32(h.LastOffset()-s.base), pos, int64(h.SizeBytes()))
		pos += int64(h.SizeBytes())
	}
	return true, nil
}

func (s *Segment) rebuildIndex() error {
	s.index.reset(nil)
	_, err := s.completeIndex()
	return err
}

func ignoreCorrupt(err error) error {
	if errors.Is(err, vfs.ErrCorrupt) {
		return nil
	}
	return err
}

// headerAt reads the header of the batch at pos.
func (s *Segment) headerAt(pos int64) (batch.Header, error) {
	var b [batch.HeaderBytes]byte
	if pos+batch.HeaderBytes > s.size.Load() {
		return batch.Header{}, s.corrupt(pos, errors.New("batch header is cut short"))
	}
	if _, err := s.file.ReadAt(b[:], pos); err != nil {
		return batch.Header{}, fmt.Errorf("read segment: %w", err)
	}
	h, err := batch.ParseHeader(b[:])
	if err != nil {
		return h, s.corrupt(pos, err)
	}
	if pos+int64(h.SizeBytes()) > s.size.Load() {
		return h, s.corrupt(pos, fmt.Errorf("batch of %d bytes reaches past the end of the segment", h.SizeBytes()))
	}
	return h, nil
}

func (s *Segment) corrupt(pos int64, err error) error {
	return &vfs.CorruptError{Path: vfs.Path(s.fsys, LogName(s.base)), Pos: pos, Err: err}
}

// Base returns the base offset.
func (s *Segment) Base() int64 { return s.base }

// End returns the offset after the last record.
func (s *Segment) End() int64 { return s.end.Load() }

// SizeBytes returns the size of the .log file as far as readers may see it.
func (s *Segment) SizeBytes() int64 { return s.size.Load() }

// FitsOffset reports whether a batch that ends at offset can be in this
// segment: Kafka's index has 31 bits for the distance.
func (s *Segment) FitsOffset(last int64) bool { return last-s.base <= math.MaxInt32 }

// Append writes the spans, in order, behind what is there. Small ones are
// gathered in buf, whose capacity makes one write. After an error the segment
// is as before and Append may be tried again.
func (s *Segment) Append(spans []Span, buf []byte) error {
	w := appender{file: s.file, pos: s.size.Load(), buf: buf[:0]}
	for _, sp := range spans {
		w.add(sp.Bytes)
	}
	w.flush()
	if w.err != nil {
		return fmt.Errorf("append to segment: %w", w.err)
	}
	s.publish(spans)
	return nil
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

func (s *Segment) publish(spans []Span) {
	pos := s.size.Load()
	for _, sp := range spans {
		s.index.add(uint32(sp.Last-s.base), pos, int64(len(sp.Bytes)))
		pos += int64(len(sp.Bytes))
	}
	if len(spans) > 0 {
		s.end.Store(spans[len(spans)-1].Last + 1)
	}
	s.size.Store(pos)
}

// Sync makes everything appended durable, with the file's name, and saves the
// index.
func (s *Segment) Sync() error {
	err := s.file.Sync()
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
	return s.saveIndex()
}

func (s *Segment) saveIndex() (err error) {
	b := s.index.unsaved()
	if len(b) == 0 {
		return nil
	}
	f, err := s.fsys.OpenFile(indexName(s.base), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at := int64(s.index.saved) * indexEntryBytes
	if err := f.Truncate(at); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	if _, err := f.WriteAt(b, at); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	s.index.saved += len(b) / indexEntryBytes
	return nil
}

// Extend tells a segment that was opened with OpenReadOnly how far its owner
// has got.
func (s *Segment) Extend(sizeBytes, end int64) error {
	s.size.Store(sizeBytes)
	s.end.Store(end)
	if ok, err := s.completeIndex(); ok || err != nil {
		return err
	}
	return s.rebuildIndex()
}

// Close closes the file. Bytes that were read stay valid.
func (s *Segment) Close() error { return s.file.Close() }
