package journal

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/freshet/freshet/internal/vfs"
)

// A FileDescription is what a file says of itself.
type FileDescription struct {
	Name      string
	First     uint64 // sequence number of the first record
	Salt      uint64
	Boot      Boot
	PrevCRC   uint32
	SizeBytes int64
	Err       error // why the header makes no sense
}

// An End is where the records of a file end.
type End struct {
	Pos    int64
	Reason string // why no record is there
	Torn   bool   // something is there
}

// Describe walks all files of a journal, in order, for people to look at:
// header before the records of each file, then its end. It goes on where a file
// makes no sense. An error of a callback ends it.
func Describe(fsys vfs.FS, file func(FileDescription) error, record func(Record) error, end func(End) error) error {
	firsts, err := list(fsys)
	if err != nil {
		return err
	}
	for _, first := range firsts {
		if err := describeFile(fsys, fileName(first), file, record, end); err != nil {
			return err
		}
	}
	return nil
}

func describeFile(fsys vfs.FS, name string, file func(FileDescription) error, record func(Record) error, end func(End) error) (err error) {
	s, err := openScanner(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its owner has removed it since
	}
	if errors.Is(err, vfs.ErrCorrupt) {
		return file(FileDescription{Name: name, Err: err})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d := FileDescription{Name: name, First: s.header.first, Salt: s.header.salt, Boot: s.header.boot, PrevCRC: s.header.prevCRC}
	if d.SizeBytes, err = s.file.Size(); err != nil {
		return err
	}
	if err := file(d); err != nil {
		return err
	}
	for {
		r, err := s.Next()
		var last *errEnd
		if errors.As(err, &last) {
			torn, err := s.anything(s.pos)
			if err != nil {
				return fmt.Errorf("read end of %s: %w", name, err)
			}
			return end(End{Pos: s.pos, Reason: last.reason, Torn: torn})
		}
		if err != nil {
			return err
		}
		if err := record(r); err != nil {
			return err
		}
	}
}

// CRC returns the checksum of the record, which the next one repeats.
func (r Record) CRC() uint32 { return r.crc }
