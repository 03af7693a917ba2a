package segment

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"

	"github.com/freshet/freshet/internal/vfs"
)

// A kind is one of the files of a segment.
type kind int

const (
	logFile kind = iota
	offsetIndexFile
	timeIndexFile
	kinds
)

var suffixes = [kinds]string{logFile: ".log", offsetIndexFile: ".index", timeIndexFile: ".timeindex"}

// A Name is what tells a segment from the others of its partition. Compaction
// writes the batches of a segment, or of several, to one of the next
// generation.
type Name struct {
	Base       int64
	Generation uint32
}

// LogName returns the name of the .log file of a segment.
func LogName(base int64, generation uint32) string { return Name{base, generation}.file(logFile) }

func (n Name) file(k kind) string {
	if n.Generation == 0 {
		return fmt.Sprintf("%020d%s", n.Base, suffixes[k])
	}
	return fmt.Sprintf("%020d.%d%s", n.Base, n.Generation, suffixes[k])
}

var names = regexp.MustCompile(`^([0-9]{20})(?:\.([1-9][0-9]{0,9}))?\.(?:log|index|timeindex)$`)

// parseName reads the name of a file of a segment, and no other.
func parseName(s string) (Name, bool) {
	m := names.FindStringSubmatch(s)
	if m == nil {
		return Name{}, false
	}
	base, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return Name{}, false // past the largest offset
	}
	n := Name{Base: base}
	if m[2] != "" {
		generation, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			return Name{}, false
		}
		n.Generation = uint32(generation)
	}
	return n, true
}

// List returns the segments that have a file in fsys, the directory of a
// partition, by base offset and generation; also those of which nothing is
// left but an index. Files with other names belong to nobody here.
func List(fsys vfs.FS) ([]Name, error) {
	entries, err := fsys.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var found []Name
	for _, e := range entries {
		if n, ok := parseName(e.Name()); ok && !e.IsDir() {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(x, y Name) int {
		return cmp.Or(cmp.Compare(x.Base, y.Base), cmp.Compare(x.Generation, y.Generation))
	})
	return slices.Compact(found), nil
}

// Remove removes the files of a segment that nobody has open any more, the
// indexes last. One that is missing is as good as removed. On Windows a file that
// somebody reads cannot be removed: the caller tries again later.
func Remove(fsys vfs.FS, base int64, generation uint32) error {
	var errs []error
	for k := range kinds {
		if err := fsys.Remove(Name{base, generation}.file(k)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove segment: %w", err))
		}
	}
	return errors.Join(errs...)
}
