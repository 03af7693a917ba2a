package files

import (
	"bytes"
	"errors"
	"fmt"
	"hash"

	"github.com/freshet/freshet/log"
)

// blockShift makes blocks of 16 KiB. The lines that begin in one block go to
// one partition and those of the next block to the next one: small enough to
// spread a single file over all, large enough to stay within a partition's
// buffer for a while.
const blockShift = 14

// A stream cuts what is read of one file or reader into lines and appends them
// to its Source's next commit.
//
//	0         taken        scanned        filled         len(buf)
//	+-----------+-------------+--------------+--------------+
//	| appended  | no newline  | to be looked | free         |
//	|           | in here     | at           |              |
//	+-----------+-------------+--------------+--------------+
type stream struct {
	s     *Source
	name  string
	first uint64    // partition of the first block
	hash  hash.Hash // of what was taken; nil for a reader

	at           int64 // offset in the file of taken
	noted        int64 // what of it the positions have
	lines        int64
	unterminated bool

	buf                    []byte
	taken, scanned, filled int
}

// newStream lends the Source's buffer to a stream. The last one is over.
func (s *Source) newStream(name string) *stream {
	if s.buf == nil {
		s.buf = make([]byte, 2*s.cfg.ReadBytes) // free keeps half of it free
	}
	n := s.lines.Partitions()
	return &stream{s: s, name: name, first: uint64(log.Partition([]byte(name), n)), buf: s.buf}
}

// free returns where to read to: at least half the buffer, so that reads stay
// large. A line longer than that makes the buffer grow.
func (st *stream) free() []byte {
	if st.taken > 0 {
		copy(st.buf, st.buf[st.taken:st.filled])
		st.scanned -= st.taken
		st.filled -= st.taken
		st.taken = 0
	}
	if st.filled > len(st.buf)/2 {
		grown := make([]byte, 2*len(st.buf))
		copy(grown, st.buf[:st.filled])
		st.buf, st.s.buf = grown, grown
	}
	return st.buf[st.filled:]
}

// take appends the whole lines of what is there, now that n more bytes are,
// and the rest too where nothing more comes.
func (st *stream) take(n int, last bool) error {
	st.filled += n
	from, at, lines := st.taken, st.at, st.lines
	err := st.takeLines()
	if err == nil && last {
		err = st.takeRest()
	}
	if st.hash != nil {
		st.hash.Write(st.buf[from:st.taken]) // never fails, says hash.Hash
	}
	st.s.gathered.bytes += st.at - at
	st.s.gathered.lines += st.lines - lines
	return err
}

func (st *stream) takeLines() error {
	if st.unterminated && st.filled > st.taken {
		if err := st.endLine(); err != nil {
			return err
		}
	}
	st.s.record.TimestampMillis = st.s.cfg.Now().UnixMilli()
	for {
		n := bytes.IndexByte(st.buf[st.scanned:st.filled], '\n')
		if n < 0 {
			st.scanned = st.filled
			return st.checkLength(st.filled - st.taken)
		}
		end := st.scanned + n
		if err := st.appendLine(st.buf[st.taken:end]); err != nil {
			return err
		}
		st.at += int64(end + 1 - st.taken)
		st.taken, st.scanned = end+1, end+1
	}
}

// takeRest takes what follows the last newline as a line.
func (st *stream) takeRest() error {
	if st.taken == st.filled {
		return nil
	}
	if err := st.appendLine(st.buf[st.taken:st.filled]); err != nil {
		return err
	}
	st.at += int64(st.filled - st.taken)
	st.taken, st.scanned = st.filled, st.filled
	st.unterminated = true
	return nil
}

// endLine takes the newline of a line that was taken without it.
func (st *stream) endLine() error {
	if st.buf[st.taken] != '\n' {
		return &FileError{Path: st.name, Line: st.lines, Err: ErrLineGrew,
			Reason: fmt.Sprintf("no newline followed its byte %d when it was read, so it was taken as a whole line, and now more of it follows (%s)", st.at, wayOut)}
	}
	st.taken++
	st.scanned = st.taken
	st.at++
	st.unterminated = false
	return nil
}

// appendLine adds a line that begins at st.taken.
func (st *stream) appendLine(line []byte) error {
	if err := st.checkLength(len(line)); err != nil {
		return err
	}
	s := st.s
	block := uint64(st.at) >> blockShift
	s.record.Value = line
	err := s.lines.Append(int32((st.first+block)%uint64(s.lines.Partitions())), &s.record)
	if err != nil {
		if errors.Is(err, log.ErrRecordTooLarge) {
			err = fmt.Errorf("%w: %w", ErrLineTooLong, err)
		}
		return &FileError{Path: st.name, Line: st.lines + 1, Err: err}
	}
	st.lines++
	return nil
}

func (st *stream) checkLength(n int) error {
	if n <= st.s.cfg.MaxLineBytes {
		return nil
	}
	return &FileError{Path: st.name, Line: st.lines + 1, Err: ErrLineTooLong,
		Reason: fmt.Sprintf("more than %d bytes (Config.MaxLineBytes raises the limit)", st.s.cfg.MaxLineBytes)}
}

// position tells how far the stream has come.
func (st *stream) position() Position {
	p := Position{OffsetBytes: st.at, Lines: st.lines, Unterminated: st.unterminated}
	st.hash.Sum(p.Hash[:0])
	return p
}
