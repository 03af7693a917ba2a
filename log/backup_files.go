package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
)

// A backupFile is as much of a file as a copy needs.
type backupFile struct {
	name     string
	bytes    int64
	optional bool // an index, which can be made anew
}

// needed returns what recovery asks for: files of the journal to the end of the
// last whole commit, and segments as far as the checkpoint or those commits know
// of them. The journal is read before the segments are, so that batches which
// stand in their segments alone are there.
func needed(fsys vfs.FS, h checkpointHeader, entries []byte) ([]backupFile, error) {
	n := &needs{segments: map[segmentAt]segment.Meta{}}
	if err := applyEntries(entries, n.entry); err != nil {
		return nil, &vfs.CorruptError{Path: checkpointName, Pos: checkpointHeaderBytes, Err: err}
	}
	if !h.closed {
		extents, err := journal.Extents(vfs.Sub(fsys, journalDir), h.first, func(parts [][]byte) error {
			for _, part := range parts {
				if err := applyEntries(part, n.entry); err != nil {
					return fmt.Errorf("%w: journal: %w", ErrCorrupt, err)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, e := range extents {
			n.files = append(n.files, backupFile{name: path.Join(journalDir, e.Name), bytes: e.Bytes})
		}
	}
	n.addSegments()
	return n.files, nil
}

// A segmentAt names a segment of the log.
type segmentAt struct {
	at         partitionID
	base       int64
	generation uint32
}

type needs struct {
	segments map[segmentAt]segment.Meta
	files    []backupFile
}

func (n *needs) entry(e entry) error {
	switch e := e.(type) {
	case partitionEntry:
		for _, m := range e.segments {
			n.meta(e.at, m)
		}
	case swapEntry:
		for _, m := range e.segments {
			n.meta(e.at, m)
		}
	case placedEntry:
		h, err := batch.ParseHeader(e.header)
		if err != nil {
			return err
		}
		key := segmentAt{e.at, int64(e.base), 0}
		m := n.segments[key]
		m.SizeBytes = max(m.SizeBytes, e.pos+int64(h.SizeBytes()))
		n.segments[key] = m
	}
	return nil
}

func (n *needs) meta(at partitionID, m segment.Meta) {
	key := segmentAt{at, m.Base, m.Generation}
	m.SizeBytes = max(m.SizeBytes, n.segments[key].SizeBytes)
	n.segments[key] = m
}

// addSegments adds the files of the segments, in order.
func (n *needs) addSegments() {
	var files []backupFile
	for key, m := range n.segments {
		name := path.Join(partitionDir(key.at), segment.LogName(key.base, key.generation))
		files = append(files, backupFile{name: name, bytes: m.SizeBytes})
		stem := strings.TrimSuffix(name, ".log")
		if k := int64(m.Sums.OffsetEntries); k > 0 {
			files = append(files, backupFile{stem + ".index", k * offsetIndexBytes, true})
		}
		if k := int64(m.Sums.TimeEntries); k > 0 {
			files = append(files, backupFile{stem + ".timeindex", k * timeIndexBytes, true})
		}
	}
	slices.SortFunc(files, func(x, y backupFile) int { return strings.Compare(x.name, y.name) })
	n.files = append(n.files, files...)
}

// Bytes of an entry, see package segment.
const (
	offsetIndexBytes = 8
	timeIndexBytes   = 12
)

// copyBytes is how much is copied at a time.
const copyBytes = 1 << 20

// file makes the copy of a file long enough, and durable.
func (w *backup) file(f backupFile) (err error) {
	done, there := w.copied[f.name]
	if there && done >= f.bytes {
		return w.tell(f.bytes)
	}
	from, err := w.b.fsys.OpenFile(f.name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) && f.optional {
		return w.tell(f.bytes)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	dir := path.Dir(f.name)
	if err := w.makeDir(dir); err != nil {
		return err
	}
	flag := os.O_WRONLY | os.O_CREATE
	if done == 0 {
		flag |= os.O_TRUNC
	}
	to, err := w.to.OpenFile(f.name, flag, vfs.FilePerm)
	if err != nil {
		return err
	}
	w.made[f.name] = true
	if err := w.bytes(from, to, f, done); err != nil {
		return errors.Join(err, to.Close())
	}
	if err := errors.Join(to.Sync(), to.Close()); err != nil {
		return err
	}
	w.copied[f.name] = f.bytes
	return w.to.SyncDir(dir)
}

func (w *backup) makeDir(dir string) error {
	if err := w.to.MkdirAll(dir, vfs.DirPerm); err != nil {
		return err
	}
	for d := path.Dir(dir); d != "."; d = path.Dir(d) {
		if err := w.to.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// bytes copies what is missing behind pos.
func (w *backup) bytes(from, to vfs.File, f backupFile, pos int64) error {
	if err := w.tell(pos); err != nil {
		return err
	}
	if w.buf == nil {
		w.buf = make([]byte, copyBytes)
	}
	for pos < f.bytes {
		b := w.buf[:min(copyBytes, f.bytes-pos)]
		n, err := from.ReadAt(b, pos)
		if n < len(b) && (err == nil || errors.Is(err, io.EOF)) {
			if f.optional {
				return w.tell(f.bytes - pos)
			}
			return &vfs.CorruptError{Path: f.name, Pos: pos + int64(n), Err: fmt.Errorf("file ends, want %d bytes", f.bytes)}
		}
		if n < len(b) {
			return fmt.Errorf("read %s: %w", f.name, err)
		}
		if _, err := to.WriteAt(b, pos); err != nil {
			return err
		}
		pos += int64(n)
		if err := w.pace(n); err != nil {
			return err
		}
		if err := w.tell(int64(n)); err != nil {
			return err
		}
	}
	return nil
}

// pace waits until so many bytes may have been copied.
func (w *backup) pace(n int) error {
	if w.o.BytesPerSecond == 0 {
		return nil
	}
	t := time.NewTimer(time.Duration(float64(n) / float64(w.o.BytesPerSecond) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

// tell reports progress, and whether to stop.
func (w *backup) tell(n int64) error {
	w.progress.CopiedBytes += n
	if w.o.Progress != nil {
		w.o.Progress(w.progress)
	}
	return w.ctx.Err()
}

// removeOthers removes what an earlier try has copied and nobody needs now.
func (w *backup) removeOthers(need []backupFile) error {
	for name := range w.made {
		if slices.ContainsFunc(need, func(f backupFile) bool { return f.name == name }) {
			continue
		}
		if err := w.to.Remove(name); err != nil {
			return err
		}
		delete(w.copied, name)
		delete(w.made, name)
	}
	return nil
}
