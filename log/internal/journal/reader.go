package journal

import (
	"errors"
	"io/fs"

	"github.com/freshet/freshet/internal/vfs"
)

// A Reader follows a journal that another process may be writing. It belongs
// to one goroutine.
type Reader struct {
	fsys  vfs.FS
	file  *Scanner
	parts [][]byte
}

// OpenReader begins with the record of sequence number first, which must begin
// a file. It returns fs.ErrNotExist where there is no such file.
func OpenReader(fsys vfs.FS, first uint64) (*Reader, error) {
	s, err := openScanner(fsys, fileName(first))
	if err != nil {
		return nil, err
	}
	return &Reader{fsys: fsys, file: s}, nil
}

// Next returns the parts of the next whole commit, or none where there is
// none yet. Bytes may be kept.
func (r *Reader) Next() ([][]byte, error) {
	for {
		rec, err := r.file.Next()
		var end *errEnd
		if errors.As(err, &end) {
			ok, err := r.nextFile()
			if !ok || err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		r.parts = append(r.parts, rec.Body)
		if !rec.More {
			parts := r.parts
			r.parts = nil
			return parts, nil
		}
	}
}

// nextFile goes on to the file that begins with the wanted record, if there is
// one by now.
func (r *Reader) nextFile() (bool, error) {
	if r.file.next == r.file.header.first {
		return false, nil // this is that file
	}
	s, err := openScanner(r.fsys, fileName(r.file.next))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrCorrupt) {
		return false, nil // not there, or only begun
	}
	if err != nil {
		return false, err
	}
	old := r.file
	r.file = s
	return true, old.Close()
}

// Sequence returns the sequence number of the record that would be next.
func (r *Reader) Sequence() uint64 { return r.file.next }

// Close closes the file. Bytes that were returned stay valid.
func (r *Reader) Close() error { return r.file.Close() }
