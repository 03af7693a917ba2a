package verify

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

const (
	journalMagic      = "FRESHETJ"
	journalSuffix     = ".journal"
	fileHeaderBytes   = 64
	recordHeaderBytes = 48
	alignBytes        = 8
	maxBodyBytes      = 1<<31 - 57
	flagMore          = 1 << 0
	nameDigits        = 20
)

// A journalFile is one open file of the journal.
type journalFile struct {
	name  string // within the data directory
	first uint64 // by its name
	f     file
	s     *stream

	version uint32
	salt    uint64
	boot    [16]byte
	prevCRC uint32
}

// journalNumber reads the name of a journal file.
func journalNumber(name string) (first uint64, ok bool) { return number(name, journalSuffix) }

// number reads a name of 20 digits and a suffix.
func number(name, suffix string) (n uint64, ok bool) {
	digits, found := strings.CutSuffix(name, suffix)
	if !found || len(digits) != nameDigits || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// openJournal opens a file of the journal; nothing is read of it.
func (v *verifier) openJournal(base string) (*journalFile, error) {
	j := &journalFile{name: path.Join(journalDir, base)}
	j.first, _ = journalNumber(base)
	var err error
	j.f, err = openFile(v.fsys, j.name)
	return j, err
}

// read makes s the stream that the file is read through.
func (j *journalFile) read(s *stream) {
	j.s = s
	s.open(j.f, j.size())
}

// size returns the size of the file now.
func (j *journalFile) size() int64 {
	info, err := j.f.Stat()
	if err != nil {
		return 0 // everything is past the end then
	}
	return info.Size()
}

func (j *journalFile) readHeader() error {
	s, size := j.s, j.size()
	defer func() { s.seek(fileHeaderBytes, max(size, fileHeaderBytes)) }()
	s.forget()
	s.seek(0, size)
	var b [fileHeaderBytes]byte
	copy(b[:], s.take(len(b)))
	if s.err != nil {
		return fmt.Errorf("file header: %w", s.err)
	}
	s.seek(0, size)
	magic, version, want := string(s.take(len(journalMagic))), s.u32(), s.u32()
	if err := checkMagic(magic, journalMagic, version); err != nil {
		return fmt.Errorf("file header: %w", err)
	}
	clear(b[12:16])
	if got := crc32.Checksum(b[:], castagnoli); got != want {
		return fmt.Errorf("file header: %w", crcError(got, want))
	}
	j.version, j.salt = version, s.u64()
	if first := s.u64(); first != j.first {
		return fmt.Errorf("file header: first sequence %d, the name says %d", first, j.first)
	}
	copy(j.boot[:], s.take(len(j.boot)))
	j.prevCRC = s.u32()
	return nil
}

// A record is the place of a valid record.
type record struct {
	pos, bodyBytes int64
	sequence       uint64
	durable        uint64
	crc, prevCRC   uint32
	flags          uint32
}

func (r record) body() int64 { return r.pos + recordHeaderBytes }

// end returns where the next record begins.
func (r record) end() int64 {
	return r.pos + (recordHeaderBytes+r.bodyBytes+alignBytes-1)&^(alignBytes-1)
}

// record returns the record at pos, or why there is no valid one.
func (j *journalFile) record(pos int64) (record, error) {
	s := j.s
	s.seek(pos, j.s.limit)
	head := s.take(recordHeaderBytes)
	if s.err != nil {
		return record{}, s.err
	}
	sum := crc32.Update(crc32.Checksum(head[0:4], castagnoli), castagnoli, head[8:])
	s.seek(pos, s.limit)
	r := record{pos: pos, bodyBytes: int64(s.u32()), crc: s.u32()}
	salt := s.u64()
	r.sequence, r.prevCRC, r.flags, r.durable = s.u64(), s.u32(), s.u32(), s.u64()
	s.u64() // time
	switch {
	case s.err != nil:
		return r, s.err
	case salt != j.salt:
		return r, fmt.Errorf("salt %016x, want %016x", salt, j.salt)
	case r.bodyBytes > maxBodyBytes:
		return r, fmt.Errorf("length %d, at most %d", r.bodyBytes, maxBodyBytes)
	case r.end() > s.limit:
		return r, fmt.Errorf("length %d reaches past the end of the file", r.bodyBytes)
	}
	if sum = s.crc(sum, r.bodyBytes); s.err == nil && sum != r.crc {
		return r, crcError(sum, r.crc)
	}
	if padding := s.take(int(r.end() - s.pos)); strings.Trim(string(padding), "\x00") != "" {
		return r, fmt.Errorf("padding %x, want zeros", padding)
	}
	return r, s.err
}

// anything reports whether there is a byte behind pos that is not zero.
func (j *journalFile) anything(pos int64) bool {
	j.s.seek(min(pos, j.s.limit), j.s.limit)
	_, zeros := j.s.zeros()
	return !zeros
}

// later takes in the valid records from pos on with a number above n.
func (j *journalFile) later(pos int64, n uint64, l *laterRecords) {
	for p := pos; p+recordHeaderBytes <= j.s.limit; p += alignBytes {
		if r, err := j.record(p); err == nil && r.sequence > n {
			l.take(j, r)
		}
	}
}

// laterRecords tell of the valid records behind a bad one. Any of them may say
// that it was synced.
type laterRecords struct {
	found   bool
	first   record
	in      *journalFile // that first is in
	durable uint64       // the highest that one says
}

func (l *laterRecords) take(j *journalFile, r record) {
	if !l.found {
		l.found, l.first, l.in = true, r, j
	}
	l.durable = max(l.durable, r.durable)
}

// openJournals opens the files from the place of the checkpoint on, notes what
// else is there, and reports false where there is nothing to read.
func (v *verifier) openJournals() bool {
	entries, err := fs.ReadDir(v.fsys, journalDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.unreadable(journalDir, err)
		return true
	}
	for _, e := range entries { // by name, so by number
		name := path.Join(journalDir, e.Name())
		switch first, ok := journalNumber(e.Name()); {
		case !ok:
			v.report.note(name, 0, "no file of the journal; it is not read")
		case v.report.Closed:
			v.report.note(name, 0, "left over, the log was closed")
		case first < v.header.first:
			v.report.note(name, 0, "left over, it is before the checkpoint")
		default:
			j, err := v.openJournal(e.Name())
			if err != nil {
				v.unreadable(name, err)
				continue
			}
			v.files = append(v.files, j)
		}
	}
	if !v.report.Closed && (len(v.files) == 0 || v.files[0].first != v.header.first) {
		v.report.problem(fmt.Sprintf("%s/%0*d%s", journalDir, nameDigits, v.header.first, journalSuffix), 0,
			"journal file is missing (put it back from a backup)")
		v.closeJournals()
	}
	return true
}

func (v *verifier) closeJournals() {
	for _, j := range v.files {
		done(j.f)
	}
	v.files = nil
}
