package log

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// A doomed is what a doomedEntry speaks of, with the segments that are open.
type doomed struct {
	doomedEntry
	segments []*segment.Segment
}

// removeDoomed removes files that nothing needs any more. Those that cannot be
// removed (Windows keeps what somebody reads) are tried again after the next
// checkpoint, and after the next opening.
func (b *Broker) removeDoomed(all []doomed) {
	var removed []doomedEntry
	for _, d := range all {
		if err := b.remove(d); err != nil {
			b.cfg.Logger.Warn("files not removed yet", "topic id", d.at.topic, "partition", d.at.partition, "err", err)
			continue
		}
		removed = append(removed, d.doomedEntry)
	}
	b.pub.Lock()
	defer b.pub.Unlock()
	b.pub.doomed = slices.DeleteFunc(slices.Clone(b.pub.doomed), func(d doomed) bool { return slices.Contains(removed, d.doomedEntry) })
}

// remove removes the files. Who still reads one finds fs.ErrNotExist and looks
// again where its records are.
func (b *Broker) remove(d doomed) error {
	for _, s := range d.segments {
		if err := s.Remove(); err != nil {
			return err
		}
	}
	if d.at.partition != allPartitions {
		return segment.Remove(vfs.Sub(b.fsys, partitionDir(d.at)), int64(d.base), d.generation)
	}
	return removeTree(b.fsys, path.Join(topicsDir, d.at.topic.String()))
}

// removeTree removes a directory and everything in it; one that is not there is
// no error.
func removeTree(fsys vfs.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			err = removeTree(fsys, name)
		} else {
			err = fsys.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	return fsys.Remove(dir)
}
