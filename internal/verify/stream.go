package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errShort says that something reaches past its container.
var errShort = errors.New("it is cut short")

// A readError is the operating system's: the bytes may be right.
type readError struct{ err error }

func (e *readError) Error() string { return fmt.Sprintf("cannot be read: %v", e.err) }
func (e *readError) Unwrap() error { return e.err }

// streamBufferBytes holds a batch of the usual size, so that its checksum and
// its records are read from memory.
const streamBufferBytes = 2 << 20

// A stream takes values off a file, through a buffer. After the first that is
// not there, all are zero and err is set.
type stream struct {
	f     io.ReaderAt
	pos   int64 // of the next value
	limit int64 // that no value may pass
	err   error

	buf      []byte
	window   []byte // bytes of the file from windowAt on
	windowAt int64

	reader io.Reader // instead of f: what can only be read in order
	plain  *stream   // of the records of compressed batches
}

// leastBufferBytes holds the longest string.
const leastBufferBytes = 64 << 10

// open begins with a file. What the buffer held of another is forgotten.
func (s *stream) open(f io.ReaderAt, limit int64) {
	want := int(min(max(limit, leastBufferBytes), streamBufferBytes))
	if len(s.buf) < want {
		s.buf = make([]byte, want)
	}
	*s = stream{f: f, limit: limit, buf: s.buf, plain: s.plain}
}

// openReader begins with what can only be read in order: no seek.
func (s *stream) openReader(r io.Reader) {
	s.open(nil, maxPlainBytes)
	s.reader = r
}

// ends returns nil if there is no byte more to be read in order.
func (s *stream) ends() error {
	if s.take(1) != nil {
		return errors.New("bytes after the last record")
	}
	if errors.Is(s.err, errShort) && s.pos == s.windowAt+int64(len(s.window)) {
		return nil
	}
	return s.err
}

// seek goes on at pos, up to limit, and forgets an error.
func (s *stream) seek(pos, limit int64) { s.pos, s.limit, s.err = pos, limit, nil }

// forget makes the next value be read from the file anew.
func (s *stream) forget() { s.window = nil }

func (s *stream) left() int64 { return s.limit - s.pos }

// take returns the next n bytes, n at most the size of the buffer. They are
// valid until the next call.
func (s *stream) take(n int) []byte {
	if s.err != nil {
		return nil
	}
	if int64(n) > s.left() {
		s.err = errShort
		return nil
	}
	from := s.pos - s.windowAt
	if from < 0 || from+int64(n) > int64(len(s.window)) {
		if !s.fill(n) {
			return nil
		}
		from = 0
	}
	s.pos += int64(n)
	return s.window[from : from+int64(n)]
}

// fill reads at least n bytes from pos on.
func (s *stream) fill(n int) bool {
	if s.reader != nil {
		return s.fillInOrder(n)
	}
	want := max(min(s.left(), int64(len(s.buf))), int64(n))
	got, err := s.f.ReadAt(s.buf[:want], s.pos)
	s.window, s.windowAt = s.buf[:got], s.pos
	switch {
	case got >= n:
		return true
	case err == nil || errors.Is(err, io.EOF):
		s.err = errShort // cut since it was opened
	default:
		s.err = &readError{err}
	}
	return false
}

// fillInOrder is fill where what was passed over has to be read too.
func (s *stream) fillInOrder(n int) bool {
	from := min(s.pos-s.windowAt, int64(len(s.window)))
	kept := copy(s.buf, s.window[from:])
	s.windowAt += from
	for {
		got, err := s.readSome(s.buf[kept:])
		kept += got
		if gone := min(s.pos-s.windowAt, int64(kept)); gone > 0 {
			kept = copy(s.buf, s.buf[gone:kept])
			s.windowAt += gone
		}
		s.window = s.buf[:kept]
		switch {
		case kept >= n && s.windowAt == s.pos:
			return true
		case errors.Is(err, io.EOF):
			s.err = errShort
			return false
		case err != nil:
			s.err = err
			return false
		}
	}
}

// readSome reads at least a byte, or returns an error.
func (s *stream) readSome(p []byte) (n int, err error) {
	for range maxEmptyReads {
		if n, err = s.reader.Read(p); n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// maxEmptyReads is how often a reader may return nothing in a row.
const maxEmptyReads = 100

func (s *stream) u8() byte {
	if b := s.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *stream) u16() uint16 {
	if b := s.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (s *stream) u32() uint32 {
	if b := s.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (s *stream) u64() uint64 {
	if b := s.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (s *stream) i16() int16 { return int16(s.u16()) }
func (s *stream) i32() int32 { return int32(s.u32()) }
func (s *stream) i64() int64 { return int64(s.u64()) }

func (s *stream) string() string { return string(s.take(int(s.u16()))) }

func (s *stream) id() (x id) {
	copy(x[:], s.take(len(x)))
	return x
}

// varint takes a zigzag varint of at most 64 bits.
func (s *stream) varint() int64 {
	var u uint64
	for shift := 0; shift < 64; shift += 7 {
		b := s.u8()
		if shift == 63 && b > 1 {
			break
		}
		u |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	if s.err == nil {
		s.err = errors.New("a varint has more than 64 bits")
	}
	return 0
}

// varint32 takes a zigzag varint of at most 32 bits, in at most 5 bytes.
func (s *stream) varint32() int64 {
	at := s.pos
	n := s.varint()
	if s.err == nil && (s.pos-at > 5 || n != int64(int32(n))) {
		s.err = errors.New("a varint has more than 32 bits")
	}
	return n
}

// skip passes over n bytes, which need not be read.
func (s *stream) skip(n int64) {
	switch {
	case s.err != nil:
	case n < 0 || n > s.left():
		s.err = errShort
	default:
		s.pos += n
	}
}

// crc takes n bytes and returns their checksum, going on from sum.
func (s *stream) crc(sum uint32, n int64) uint32 {
	if n < 0 || n > s.left() {
		s.err = errors.Join(s.err, errShort)
	}
	for n > 0 && s.err == nil {
		// In pieces of what is buffered, not across its end: a batch in the
		// buffer must stay there for its records.
		piece := int64(len(s.window)) - (s.pos - s.windowAt)
		if s.pos < s.windowAt || piece <= 0 {
			piece = int64(len(s.buf))
		}
		piece = min(piece, n)
		sum = crc32.Update(sum, castagnoli, s.take(int(piece)))
		n -= piece
	}
	return sum
}

// zeros reports whether everything up to the limit is zero, and where the
// first byte is that is not.
func (s *stream) zeros() (at int64, ok bool) {
	for s.left() > 0 && s.err == nil {
		at = s.pos
		for i, b := range s.take(int(min(s.left(), int64(len(s.buf))))) {
			if b != 0 {
				return at + int64(i), false
			}
		}
	}
	return s.pos, s.err == nil
}
