package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/freshet/freshet/internal/vfs"
)

// A Tail is what Replay found at the end of a journal.
type Tail struct {
	// Next is a sequence number above every one in the journal's files, for
	// the file that goes on.
	Next uint64

	// Last is the first sequence number of the file in which the journal ends.
	// Files after it hold nothing: openings that were cut short left them.
	Last uint64

	// Commits is the number of whole commits replayed.
	Commits int

	// Cut says why the journal ended before its last byte, "" if it did not.
	// CutPath and CutPos say where.
	Cut     string
	CutPath string
	CutPos  int64
}

// Replay calls each for every whole commit from sequence number from on, with
// the bodies of its parts. It returns where the journal ends.
//
// Where a record is bad, Replay looks at what follows it. If nothing valid
// does, it is a torn tail: the write that a crash cut short. If a later record
// says that the bad one was synced before it was written, or if the machine
// has not been started anew since, the bad one was whole once: that is
// corruption, and Replay returns a [vfs.CorruptError]. Otherwise a crash of the
// machine kept later unsynced bytes and lost earlier ones, and the journal ends
// at the hole.
func Replay(fsys vfs.FS, from uint64, boot Boot, each func(parts [][]byte) error) (Tail, error) {
	files, err := list(fsys)
	if err != nil {
		return Tail{}, err
	}
	r := replay{fsys: fsys, boot: boot, each: each, tail: Tail{Next: from}}
	for len(files) > 0 && files[0] < from {
		files = files[1:]
	}
	if len(files) == 0 {
		return r.tail, nil
	}
	if files[0] != from {
		return Tail{}, &vfs.CorruptError{Path: vfs.Path(fsys, fileName(from)), Err: fmt.Errorf("journal file is missing, the next is %s", fileName(files[0]))}
	}
	for i := 0; ; {
		r.tail.Last = files[i]
		onward, err := r.file(files[i], files[i+1:])
		if err != nil {
			return Tail{}, err
		}
		if onward == 0 {
			break
		}
		i += onward
	}
	r.tail.Next = beyond(files, r.tail.Next)
	return r.tail, nil
}

// ErrMissing is wrapped by the errors of Replay's callback which say that what a
// commit speaks of, but does not hold, is not there. Such a commit counts as a
// bad record.
var ErrMissing = errors.New("what the record speaks of is not there")

// Beyond returns a number for the file that goes on after sequence number last
// where there is nothing to replay. Files that are there are leftovers, but a
// number that one has would make it the continuation of what is written now.
func Beyond(fsys vfs.FS, last uint64) (uint64, error) {
	files, err := list(fsys)
	if err != nil {
		return 0, err
	}
	return beyond(files, last), nil
}

// beyond leaves a number out, so that the file of the next opening is never
// taken for the continuation of this one, should there be no checkpoint between
// them.
func beyond(files []uint64, last uint64) uint64 {
	if n := len(files); n > 0 {
		last = max(last, files[n-1])
	}
	return last + 2
}

type replay struct {
	fsys  vfs.FS
	boot  Boot
	each  func(parts [][]byte) error
	tail  Tail
	parts [][]byte
	seen  bool   // a record was read
	crc   uint32 // of the last record
}

// file replays one file, and returns how many files further the journal goes
// on; 0 if it ends here.
func (r *replay) file(first uint64, later []uint64) (onward int, err error) {
	s, err := openScanner(r.fsys, fileName(first))
	if err != nil {
		return 0, r.badFile(first, later, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if r.seen && s.header.prevCRC != r.crc {
		return 0, &vfs.CorruptError{Path: s.path, Err: fmt.Errorf("follows a record with crc %08x, want %08x", s.header.prevCRC, r.crc)}
	}
	for {
		rec, err := s.Next()
		var end *errEnd
		if errors.As(err, &end) {
			return r.end(s, end, later)
		}
		if err != nil {
			return 0, err
		}
		r.tail.Next, r.crc, r.seen = rec.Sequence, rec.crc, true
		r.parts = append(r.parts, rec.Body)
		if rec.More {
			continue
		}
		err = r.each(r.parts)
		if errors.Is(err, ErrMissing) {
			return 0, r.missing(s, rec, err, later)
		}
		if err != nil {
			return 0, &vfs.CorruptError{Path: s.path, Pos: rec.Pos, Err: err}
		}
		r.parts = nil
		r.tail.Commits++
	}
}

// end decides what the end of s is: the seam to the next file, the end of the
// journal, a torn tail, or corruption.
func (r *replay) end(s *Scanner, end *errEnd, later []uint64) (onward int, err error) {
	// Files between are those of openings that were cut short: their numbers
	// were given again.
	if i := slices.Index(later, s.next); i >= 0 {
		return i + 1, nil
	}
	torn, err := s.anything(s.pos)
	if err != nil {
		return 0, err
	}
	after := laterRecords{}
	if torn {
		err = s.laterValid(s.pos, s.next, &after)
	}
	if err == nil {
		err = r.inFiles(later, s.next, &after)
	}
	if err != nil {
		return 0, err
	}
	if after.found && (after.durable >= s.next || r.sameBoot(s)) {
		return 0, &vfs.CorruptError{Path: s.path, Pos: s.pos, Err: fmt.Errorf(
			"record %d: %s, but record %d after it is whole (run freshet log verify)", s.next, end.reason, after.first)}
	}
	if after.found || torn {
		r.tail.Cut, r.tail.CutPath, r.tail.CutPos = end.reason, s.path, s.pos
	}
	r.tail.Next = max(r.tail.Next, after.last)
	return 0, nil
}

// laterRecords tells of the valid records behind a bad one. Any of them may say
// that it was synced.
type laterRecords struct {
	found       bool
	first, last uint64 // sequence numbers
	durable     uint64 // the highest that one says
}

func (l *laterRecords) take(rec Record) {
	if !l.found {
		l.first = rec.Sequence
	}
	l.found = true
	l.last = max(l.last, rec.Sequence)
	l.durable = max(l.durable, rec.Durable)
}

// missing decides what a whole record is whose data elsewhere is not there. That
// was written before the record, so only a crash of the machine can lose it, and
// only as long as it was not synced.
func (r *replay) missing(s *Scanner, rec Record, bad error, later []uint64) error {
	after := laterRecords{}
	err := s.laterValid(s.pos, rec.Sequence, &after)
	if err == nil {
		err = r.inFiles(later, rec.Sequence, &after)
	}
	if err != nil {
		return err
	}
	if r.sameBoot(s) || after.durable >= rec.Sequence {
		return &vfs.CorruptError{Path: s.path, Pos: rec.Pos, Err: fmt.Errorf("record %d: %w", rec.Sequence, bad)}
	}
	r.tail.Cut, r.tail.CutPath, r.tail.CutPos = bad.Error(), s.path, rec.Pos
	r.tail.Next = max(r.tail.Next, after.last)
	return nil
}

func (r *replay) sameBoot(s *Scanner) bool {
	return r.boot != Boot{} && r.boot == s.header.boot
}

// badFile decides what a file with an unreadable header is. Its header is
// synced before a record is written, so one without records was never begun
// and ends the journal; one with records, or with records in later files, is
// damaged.
func (r *replay) badFile(first uint64, later []uint64, bad error) error {
	if !errors.Is(bad, vfs.ErrCorrupt) || errors.Is(bad, ErrVersion) {
		return bad
	}
	used, err := HasRecords(r.fsys, fileName(first))
	if err == nil && !used {
		after := laterRecords{}
		err = r.inFiles(later, first, &after)
		used = after.found
	}
	if err != nil {
		return errors.Join(bad, err)
	}
	if used {
		return bad
	}
	return nil
}

// HasRecords reports whether anything stands behind the header of a file.
func HasRecords(fsys vfs.FS, name string) (used bool, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	s := &Scanner{file: f, path: vfs.Path(fsys, name)}
	defer func() { err = errors.Join(err, f.Close()) }()
	return s.anything(fileHeaderBytes)
}

// inFiles looks for valid records above a sequence number in files.
func (r *replay) inFiles(files []uint64, above uint64, l *laterRecords) error {
	for _, first := range files {
		s, err := openScanner(r.fsys, fileName(first))
		if err != nil {
			if err := r.badFile(first, nil, err); err != nil {
				return err
			}
			continue
		}
		if err := errors.Join(s.laterValid(fileHeaderBytes, above, l), s.Close()); err != nil {
			return err
		}
	}
	return nil
}

// list returns the first sequence numbers of the journal's files, in order.
func list(fsys vfs.FS) ([]uint64, error) {
	entries, err := fsys.ReadDir(".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a closed log that was copied without its empty directory
	}
	if err != nil {
		return nil, fmt.Errorf("list journal: %w", err)
	}
	var firsts []uint64
	for _, e := range entries { // by name, so by number
		if first, ok := parseFileName(e.Name()); ok {
			firsts = append(firsts, first)
		}
	}
	return firsts, nil
}

// Expect returns a [vfs.CorruptError] unless there is a file that begins with
// sequence number first.
func Expect(fsys vfs.FS, first uint64) error {
	_, err := fsys.Stat(fileName(first))
	if errors.Is(err, fs.ErrNotExist) {
		return &vfs.CorruptError{Path: vfs.Path(fsys, fileName(first)), Err: errors.New("journal file is missing (put it back from a backup)")}
	}
	return err
}
