package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// Unknown stands for a timestamp in [Meta] that nobody has looked up yet. Kafka
// writes the same for a record without a timestamp; looking it up again is all
// that this costs.
const Unknown = -1

// A Meta is what the owner of a segment has to remember of it.
type Meta struct {
	Base       int64
	Generation uint32 // 0 as appended; compaction makes the next

	// First is the offset that the first batch begins with. It is after Base
	// where compaction removed what came before, and End where nothing is
	// left.
	First int64
	// End is the offset after the last record that was ever there.
	End int64
	// SizeBytes is how much of the .log file counts.
	SizeBytes int64

	// FirstTimestampMillis and MaxTimestampMillis are the max timestamps of the
	// first batch and of all. Unknown ones are found out when they are needed.
	FirstTimestampMillis int64
	MaxTimestampMillis   int64

	// Sums tell whether the index files can be believed. With the zero value
	// they are made anew.
	Sums Sums
}

// Sums describe the index files as they were saved: how many entries, and the
// CRC-32C of these.
type Sums struct {
	OffsetEntries uint32
	OffsetCRC     uint32
	TimeEntries   uint32
	TimeCRC       uint32
}

// A Segment is one segment. Its files are open only while they are used, and
// for as long as [Files] has room.
type Segment struct {
	fsys     vfs.FS
	id       Name
	flag     int // that its files are opened with
	readOnly bool
	files    [kinds]file

	size atomic.Int64 // bytes that readers may see
	end  atomic.Int64 // offset after the last record

	loading sync.Mutex // before mu

	mu struct {
		sync.RWMutex
		first     int64
		firstTime int64
		maxTime   int64
		indexes   indexes
		synced    Meta
		isSynced  bool
	}

	syncing sync.Mutex // one Sync at a time
	cut     bool       // the appender's: nothing is behind size
	newName bool       // of Sync: the directory has not been synced since the file was created
}

// Create begins an empty segment in fsys, the directory of its partition. Files
// that are there already are replaced: they hold nothing that a checkpoint
// knows of.
func Create(files *Files, fsys vfs.FS, base int64, generation uint32) (*Segment, error) {
	s := newSegment(files, fsys, os.O_RDWR, Meta{
		Base: base, Generation: generation, First: base, End: base,
		FirstTimestampMillis: Unknown, MaxTimestampMillis: Unknown,
	})
	s.newName = true
	s.cut = true
	s.mu.indexes.reset()
	s.mu.indexes.ready = true
	for k := offsetIndexFile; k < kinds; k++ {
		if err := fsys.Remove(s.name(k)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove old index: %w", err)
		}
	}
	f := &s.files[logFile]
	o, err := f.beginWrite(os.O_CREATE | os.O_TRUNC)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	f.endWrite(o)
	return s, nil
}

// Open opens the segment that m describes. Nothing is read yet, but its .log
// file must be there, and as long as m says at least; a shorter one is
// corrupt. What is behind is cut before the first append.
func Open(files *Files, fsys vfs.FS, m Meta) (*Segment, error) {
	return open(files, fsys, os.O_RDWR, m)
}

// Resume opens a segment that was begun, with batches placed in it, and that no
// checkpoint knows of. It is empty until they are adopted.
func Resume(files *Files, fsys vfs.FS, base int64) (*Segment, error) {
	s, err := Open(files, fsys, Meta{Base: base, First: base, End: base, FirstTimestampMillis: Unknown, MaxTimestampMillis: Unknown})
	if err != nil {
		return nil, err
	}
	s.newName, s.mu.isSynced = true, false
	return s, nil
}

// OpenReadOnly is Open for a segment that another process may be appending to.
func OpenReadOnly(files *Files, fsys vfs.FS, m Meta) (*Segment, error) {
	return open(files, fsys, os.O_RDONLY, m)
}

func open(files *Files, fsys vfs.FS, flag int, m Meta) (*Segment, error) {
	s := newSegment(files, fsys, flag, m)
	if err := s.checkSize(m.SizeBytes); err != nil {
		return nil, err
	}
	s.mu.synced, s.mu.isSynced = m, true
	return s, nil
}

func newSegment(files *Files, fsys vfs.FS, flag int, m Meta) *Segment {
	s := &Segment{fsys: fsys, id: Name{m.Base, m.Generation}, flag: flag, readOnly: flag == os.O_RDONLY}
	for k := range s.files {
		f := &s.files[k]
		f.files, f.s, f.kind = files, s, kind(k)
	}
	s.setLocked(m)
	return s
}

// setLocked takes over what m says.
func (s *Segment) setLocked(m Meta) {
	s.mu.first, s.mu.firstTime, s.mu.maxTime = m.First, m.FirstTimestampMillis, m.MaxTimestampMillis
	s.mu.indexes.reset()
	s.mu.indexes.believe(m.Sums)
	s.end.Store(m.End)
	s.size.Store(m.SizeBytes)
}

func (s *Segment) checkSize(want int64) error {
	info, err := s.fsys.Stat(s.name(logFile))
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	if info.Size() < want {
		return s.corrupt(info.Size(), fmt.Errorf("file is %d bytes, want %d", info.Size(), want))
	}
	return nil
}

func (s *Segment) name(k kind) string { return s.id.file(k) }

func (s *Segment) corrupt(pos int64, err error) error {
	return &vfs.CorruptError{Path: vfs.Path(s.fsys, s.name(logFile)), Pos: pos, Err: err}
}

// Base returns the base offset.
func (s *Segment) Base() int64 { return s.id.Base }

// Generation returns how many compactions the batches have been through.
func (s *Segment) Generation() uint32 { return s.id.Generation }

// End returns the offset after the last record.
func (s *Segment) End() int64 { return s.end.Load() }

// SizeBytes returns the size of the .log file as far as readers may see it.
func (s *Segment) SizeBytes() int64 { return s.size.Load() }

// Meta returns what is known of the segment at one moment, without looking
// anything up. Its Sums are those of the last Sync.
func (s *Segment) Meta() Meta {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.metaLocked()
}

func (s *Segment) metaLocked() Meta {
	return Meta{
		Base: s.id.Base, Generation: s.id.Generation, First: s.mu.first, End: s.end.Load(), SizeBytes: s.size.Load(),
		FirstTimestampMillis: s.mu.firstTime, MaxTimestampMillis: s.mu.maxTime, Sums: s.mu.indexes.sums(),
	}
}

// FitsOffset reports whether a batch that ends at offset can be in this
// segment: Kafka's index has 31 bits for the distance.
func (s *Segment) FitsOffset(last int64) bool { return last-s.id.Base <= math.MaxInt32 }

// FirstTimestamp returns the max timestamp of the first batch in epoch
// milliseconds, Unknown where there is none.
func (s *Segment) FirstTimestamp() (int64, error) {
	s.mu.RLock()
	t := s.mu.firstTime
	s.mu.RUnlock()
	if t != Unknown || s.size.Load() == 0 {
		return t, nil
	}
	h, err := s.headerAt(0)
	if err != nil {
		return Unknown, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.firstTime = h.MaxTimestampMillis
	return h.MaxTimestampMillis, nil
}

// MaxTimestamp returns the largest timestamp of a record in epoch
// milliseconds, Unknown where there is none.
func (s *Segment) MaxTimestamp() (int64, error) {
	s.mu.RLock()
	t := s.mu.maxTime
	s.mu.RUnlock()
	if t != Unknown || s.size.Load() == 0 {
		return t, nil
	}
	x, err := s.load()
	if err != nil {
		return Unknown, err
	}
	return x.maxTime, x.broken
}

// Extend tells a segment that was opened with OpenReadOnly how far its owner
// has got. It has the same base and generation.
func (s *Segment) Extend(m Meta) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if err := s.checkSize(m.SizeBytes); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.indexes.ready = false
	if m.SizeBytes < s.size.Load() || m.Sums != (Sums{}) {
		s.setLocked(m)
		return nil
	}
	s.mu.first, s.mu.firstTime, s.mu.maxTime = m.First, m.FirstTimestampMillis, m.MaxTimestampMillis
	s.end.Store(m.End)
	s.size.Store(m.SizeBytes)
	return nil
}

// Close closes the files, each when the last reader is done with it. What comes
// later fails with [fs.ErrClosed]. Bytes that were read stay valid.
func (s *Segment) Close() error { return s.drop(fs.ErrClosed) }

// Forget closes the files as Close does. What comes later fails with
// [fs.ErrNotExist], as if they were removed: somebody else is about to.
func (s *Segment) Forget() error { return s.drop(fs.ErrNotExist) }

// Remove closes the files as Close does, and removes them; see the function of
// that name. What comes later fails with [fs.ErrNotExist]. If it fails it may be
// called again.
func (s *Segment) Remove() error {
	return errors.Join(s.drop(fs.ErrNotExist), Remove(s.fsys, s.id.Base, s.id.Generation))
}

// Removed reports whether Remove was called.
func (s *Segment) Removed() bool {
	s.files[logFile].files.mu.Lock()
	defer s.files[logFile].files.mu.Unlock()
	return errors.Is(s.files[logFile].gone, fs.ErrNotExist)
}

func (s *Segment) drop(why error) error {
	var errs []error
	for k := range s.files {
		name := vfs.Path(s.fsys, s.name(kind(k)))
		errs = append(errs, s.files[k].drop(&fs.PathError{Op: "open", Path: name, Err: why}))
	}
	return errors.Join(errs...)
}

// headerAt reads the header of the batch at pos.
func (s *Segment) headerAt(pos int64) (batch.Header, error) {
	w, err := s.walkFrom(pos)
	if err != nil {
		return batch.Header{}, err
	}
	defer w.close()
	_, h, err := w.next()
	return h, err
}
