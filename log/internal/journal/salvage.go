package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/vfs"
)

// A Break is where a journal ends that may be damaged.
type Break struct {
	Path     string
	Pos      int64  // of the first bad record
	Sequence uint64 // that it should have
	Reason   string // "" where the journal ends without a trace of more
	Commits  int    // whole ones before it
	Lost     int    // whole records behind it
	Unread   int    // files behind it that have something, under a header that makes no sense
}

// Salvage calls each for every whole commit from the file that begins with
// sequence number first up to the first that is bad, or that each returns an
// error for; and lost for each whole record that can be found behind. Unlike
// Replay it does not judge what it finds.
func Salvage(fsys vfs.FS, first uint64, each func(parts [][]byte) error, lost func(Record)) (b Break, err error) {
	b = Break{Path: vfs.Path(fsys, fileName(first)), Sequence: first}
	r, err := OpenReader(fsys, first)
	if errors.Is(err, vfs.ErrCorrupt) && !errors.Is(err, ErrVersion) {
		b.Reason = err.Error()
		return b, b.lostInFiles(fsys, first, lost)
	}
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		rec, err := r.file.Next()
		var end *errEnd
		if errors.As(err, &end) {
			onward, err := r.nextFile()
			if err != nil {
				return b, err
			}
			if !onward {
				return b, b.behind(fsys, r.file, r.file.pos, end.reason, lost)
			}
			continue
		}
		if err != nil {
			return b, err
		}
		r.parts = append(r.parts, rec.Body)
		if rec.More {
			continue
		}
		if err := each(r.parts); err != nil {
			b.Sequence = rec.Sequence
			return b, b.behind(fsys, r.file, rec.Pos, err.Error(), lost)
		}
		b.Commits++
		b.Sequence = rec.Sequence + 1
		r.parts = nil
	}
}

// behind notes the end, and finds what is behind it.
func (b *Break) behind(fsys vfs.FS, s *Scanner, pos int64, reason string, lost func(Record)) error {
	b.Path, b.Pos = s.path, pos
	torn, err := s.anything(pos)
	if err != nil {
		return err
	}
	if torn {
		b.Reason = reason
		if err := s.eachValid(pos, b.Sequence, b.taker(lost)); err != nil {
			return err
		}
	}
	return b.lostInFiles(fsys, s.header.first+1, lost)
}

func (b *Break) taker(lost func(Record)) func(Record) {
	return func(rec Record) {
		b.Lost++
		lost(rec)
	}
}

// lostInFiles finds what is in the files from a number on. One with a bad header
// has nothing that could be told from the records of other files.
func (b *Break) lostInFiles(fsys vfs.FS, from uint64, lost func(Record)) error {
	files, err := list(fsys)
	if err != nil {
		return err
	}
	for _, first := range files {
		if first < from {
			continue
		}
		s, err := openScanner(fsys, fileName(first))
		if errors.Is(err, vfs.ErrCorrupt) && !errors.Is(err, ErrVersion) {
			used, usedErr := HasRecords(fsys, fileName(first))
			if usedErr != nil {
				return usedErr
			}
			if used {
				b.Unread++
				b.Reason = cmp.Or(b.Reason, err.Error())
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(s.eachValid(fileHeaderBytes, b.Sequence, b.taker(lost)), s.Close()); err != nil {
			return err
		}
	}
	if b.Lost > 0 && b.Reason == "" {
		b.Reason = fmt.Sprintf("record %d is not there, but later ones are", b.Sequence)
	}
	return nil
}

// eachValid calls each for the valid records at or behind pos whose sequence
// number is at least least.
func (s *Scanner) eachValid(pos int64, least uint64, each func(Record)) error {
	size, err := s.file.Size()
	if err != nil {
		return err
	}
	for p := pos; p+recordHeaderBytes <= size; {
		head, err := s.bytes(p, recordHeaderBytes)
		if err != nil {
			return err
		}
		if binary.BigEndian.Uint64(head[8:]) != s.header.salt {
			p += alignBytes
			continue
		}
		rec, err := s.at(p)
		var end *errEnd
		if errors.As(err, &end) {
			p += alignBytes
			continue
		}
		if err != nil {
			return err
		}
		if rec.Sequence >= least {
			each(rec.Record)
		}
		p += paddedBytes(len(rec.Body))
	}
	return nil
}
