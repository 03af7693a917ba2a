package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/freshet/freshet/internal/vfs"
)

// scanChunkBytes is how much a Scanner reads at a time.
const scanChunkBytes = 1 << 20

// A Record is one record as it stands in a file. Body is never overwritten and
// may be kept.
type Record struct {
	Sequence   uint64
	Durable    uint64 // all up to this sequence number was synced when the record was written
	TimeMillis int64
	More       bool // the next record belongs to the same commit
	Body       []byte

	Pos int64 // of its header in the file
	crc uint32
}

// A Scanner reads the records of one file in order. It can follow a file that
// is being written: after errEnd, Next may be called again.
type Scanner struct {
	file    vfs.File
	path    string // for errors
	header  fileHeader
	pos     int64
	next    uint64
	prevCRC uint32

	chunk    []byte // bytes of the file from chunkPos on
	chunkPos int64
	atEnd    bool // no record was there the last time, so nothing is read ahead
}

// errEnd is returned by Next where no whole record stands: at the clean end of
// a file as well as at a torn or damaged record.
type errEnd struct{ reason string }

func (e *errEnd) Error() string { return e.reason }

// openScanner reads the file's header.
func openScanner(fsys vfs.FS, name string) (*Scanner, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open journal file: %w", err)
	}
	s := &Scanner{file: f, path: vfs.Path(fsys, name), pos: fileHeaderBytes}
	head, err := s.bytes(0, fileHeaderBytes)
	if err == nil {
		s.header, err = decodeFileHeader(head)
	}
	if err != nil {
		return nil, errors.Join(&vfs.CorruptError{Path: s.path, Pos: 0, Err: err}, f.Close())
	}
	s.next, s.prevCRC = s.header.first, s.header.prevCRC
	return s, nil
}

// Close closes the file. Bodies stay valid.
func (s *Scanner) Close() error { return s.file.Close() }

// bytes returns n bytes at pos, or io.ErrUnexpectedEOF where the file ends.
func (s *Scanner) bytes(pos int64, n int) ([]byte, error) {
	from := pos - s.chunkPos
	if from >= 0 && from+int64(n) <= int64(len(s.chunk)) {
		return s.chunk[from : from+int64(n) : from+int64(n)], nil
	}
	size, err := s.file.Size()
	if err != nil {
		return nil, err
	}
	if pos+int64(n) > size {
		return nil, io.ErrUnexpectedEOF
	}
	// A new chunk, not the old one refilled: bodies point into it.
	ahead := int64(scanChunkBytes)
	if s.atEnd {
		ahead = 0
	}
	chunk := make([]byte, min(max(int64(n), ahead), size-pos))
	read, err := s.file.ReadAt(chunk, pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	s.chunk, s.chunkPos = chunk[:read], pos
	if read < n {
		return nil, io.ErrUnexpectedEOF
	}
	return chunk[:n:n], nil
}

// Next returns the next record; an *errEnd where there is none; another error
// where the file cannot be read.
func (s *Scanner) Next() (Record, error) {
	rec, err := s.at(s.pos)
	s.atEnd = err != nil
	if err != nil {
		s.chunk = nil // what is there may change
		return Record{}, err
	}
	switch {
	case rec.Sequence != s.next:
		return Record{}, &errEnd{fmt.Sprintf("sequence %d, want %d", rec.Sequence, s.next)}
	case rec.prevCRC != s.prevCRC:
		return Record{}, &errEnd{fmt.Sprintf("crc of the record before %08x, want %08x", rec.prevCRC, s.prevCRC)}
	}
	s.pos += paddedBytes(len(rec.Body))
	s.next++
	s.prevCRC = rec.crc
	return rec.Record, nil
}

type scanned struct {
	Record
	prevCRC uint32
}

// at decodes the record at pos, whatever its place in the sequence.
func (s *Scanner) at(pos int64) (scanned, error) {
	head, err := s.bytes(pos, recordHeaderBytes)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return scanned{}, &errEnd{"end of file"}
	}
	if err != nil {
		return scanned{}, err
	}
	h := decodeRecordHeader(head)
	if h.salt != s.header.salt {
		return scanned{}, &errEnd{fmt.Sprintf("salt %016x, want %016x", h.salt, s.header.salt)}
	}
	if h.bodyBytes > maxBodyBytes {
		return scanned{}, &errEnd{fmt.Sprintf("length %d, at most %d", h.bodyBytes, maxBodyBytes)}
	}
	sum := headerCRC(head)
	padded := int(paddedBytes(int(h.bodyBytes)) - recordHeaderBytes)
	body, err := s.bytes(pos+recordHeaderBytes, padded)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return scanned{}, &errEnd{fmt.Sprintf("length %d is past the end of the file", h.bodyBytes)}
	}
	if err != nil {
		return scanned{}, err
	}
	body, padding := body[:h.bodyBytes:h.bodyBytes], body[h.bodyBytes:]
	if len(bytes.TrimLeft(padding, "\x00")) > 0 {
		return scanned{}, &errEnd{fmt.Sprintf("padding %x, want zeros", padding)}
	}
	if got := crc32.Update(sum, castagnoli, body); got != h.crc {
		return scanned{}, &errEnd{fmt.Sprintf("crc %08x, want %08x", got, h.crc)}
	}
	return scanned{prevCRC: h.prevCRC, Record: Record{
		Sequence: h.sequence, Durable: h.durable, TimeMillis: int64(h.timeMillis),
		More: h.flags&flagMore != 0, Body: body, Pos: pos, crc: h.crc,
	}}, nil
}

// laterValid looks behind pos for the first valid record with a sequence
// number above the one wanted there.
func (s *Scanner) laterValid(pos int64, above uint64, l *laterRecords) error {
	size, err := s.file.Size()
	if err != nil {
		return err
	}
	for p := pos; p+recordHeaderBytes <= size; p += alignBytes {
		head, err := s.bytes(p, recordHeaderBytes)
		if err != nil {
			return err
		}
		if binary.BigEndian.Uint64(head[8:]) != s.header.salt {
			continue
		}
		rec, err := s.at(p)
		var end *errEnd
		if errors.As(err, &end) {
			continue
		}
		if err != nil {
			return err
		}
		if rec.Sequence > above {
			l.take(rec.Record)
		}
	}
	return nil
}

// anything reports whether a byte from pos on is not zero.
func (s *Scanner) anything(pos int64) (bool, error) {
	size, err := s.file.Size()
	if err != nil {
		return false, err
	}
	for pos < size {
		b, err := s.bytes(pos, int(min(size-pos, scanChunkBytes)))
		if err != nil {
			return false, err
		}
		if len(bytes.TrimLeft(b, "\x00")) > 0 {
			return true, nil
		}
		pos += int64(len(b))
	}
	return false, nil
}
