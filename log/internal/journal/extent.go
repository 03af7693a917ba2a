package journal

import (
	"errors"
	"slices"

	"github.com/freshet/freshet/internal/vfs"
)

// An Extent is how much of a file of the journal belongs to whole commits.
type Extent struct {
	Name  string
	Bytes int64
}

// Extents walks the journal from the file that begins with sequence number first
// to the last whole commit that is there now, and calls each for every commit.
// The bytes in the result do not change any more, though the owner of the
// journal goes on. It returns fs.ErrNotExist where the first file is gone.
func Extents(fsys vfs.FS, first uint64, each func(parts [][]byte) error) (whole []Extent, err error) {
	r, err := OpenReader(fsys, first)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	files := []Extent{{fileName(first), fileHeaderBytes}}
	whole = slices.Clone(files)
	for {
		rec, err := r.file.Next()
		var end *errEnd
		if errors.As(err, &end) {
			onward, err := r.nextFile()
			if !onward || err != nil {
				return whole, err
			}
			files = append(files, Extent{fileName(r.file.header.first), fileHeaderBytes})
			continue
		}
		if err != nil {
			return nil, err
		}
		files[len(files)-1].Bytes = r.file.pos
		r.parts = append(r.parts, rec.Body)
		if rec.More {
			continue
		}
		if err := each(r.parts); err != nil {
			return nil, err
		}
		r.parts = nil
		whole = append(whole[:0], files...)
	}
}
