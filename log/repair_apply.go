package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
)

// emptyFile describes a file that is not there.
type emptyFile struct{ name string }

func (f emptyFile) Name() string     { return f.name }
func (emptyFile) Size() int64        { return 0 }
func (emptyFile) Mode() fs.FileMode  { return vfs.FilePerm }
func (emptyFile) ModTime() time.Time { return time.Time{} }
func (emptyFile) IsDir() bool        { return false }
func (emptyFile) Sys() any           { return nil }

// keepFiles copies what the repair changes or removes: the checkpoint, the
// journal, and the segments of damaged partitions from the first damaged on.
func (r *repair) keepFiles() (dir string, err error) {
	dir = "repaired-" + r.o.Now().UTC().Format("20060102T150405.000Z")
	r.keep[checkpointName] = true
	files, err := r.fsys.ReadDir(journalDir)
	if err != nil {
		return dir, err
	}
	for _, f := range files {
		r.keep[path.Join(journalDir, f.Name())] = true
	}
	b, err := r.load(true)
	if err != nil {
		return dir, err
	}
	defer func() { err = errors.Join(err, b.closeFiles()) }()
	found, err := r.scan(b)
	if err != nil {
		return dir, err
	}
	for _, d := range found {
		for _, s := range d.p.segments {
			name := path.Join(partitionDir(d.p.at()), segment.LogName(s.Base(), s.Generation()))
			if Offset(s.End()) > d.flaws[0].from && !r.missing[name] {
				r.keep[name] = true
			}
		}
	}
	for name := range r.keep {
		if err := copyFile(r.fsys, name, path.Join(dir, name)); err != nil {
			return dir, err
		}
	}
	return dir, r.fsys.SyncDir(".")
}

// copyFile makes a durable copy of a file.
func copyFile(fsys vfs.FS, from, to string) (err error) {
	if err := fsys.MkdirAll(path.Dir(to), vfs.DirPerm); err != nil {
		return err
	}
	in, err := fsys.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := fsys.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, vfs.FilePerm)
	if err != nil {
		return err
	}
	b := make([]byte, copyBytes)
	for pos := int64(0); err == nil; pos += copyBytes {
		var n int
		if n, err = in.ReadAt(b, pos); n > 0 {
			if _, writeErr := out.WriteAt(b[:n], pos); writeErr != nil {
				err = writeErr
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("keep %s: %w", from, err)
	}
	for d := path.Dir(to); d != "."; d = path.Dir(d) {
		if err := fsys.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// apply loads the log again, gives up what is damaged, and closes it with a
// checkpoint of what is left. Until that is written the log is as before.
func (r *repair) apply() (err error) {
	for name := range r.missing {
		if err := r.makeEmpty(name); err != nil {
			return err
		}
	}
	b, err := r.load(false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.closeFiles()) }()
	found, err := r.scan(b)
	if err != nil {
		return err
	}
	for _, d := range found {
		if err := r.mend(b, d); err != nil {
			return fmt.Errorf("partition %s: %w", d.p.tp, err)
		}
	}
	next, err := journal.Beyond(vfs.Sub(r.fsys, journalDir), max(r.header.first, r.end.Sequence))
	if err != nil {
		return err
	}
	return b.checkpoint(b.snapshotLocked(next), true)
}

func (r *repair) makeEmpty(name string) error {
	if err := r.fsys.MkdirAll(path.Dir(name), vfs.DirPerm); err != nil {
		return err
	}
	f, err := r.fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, vfs.FilePerm)
	if err != nil {
		return err
	}
	return f.Close()
}

// mend makes the segments of a partition sound.
func (r *repair) mend(b *Broker, d damaged) error {
	p := d.p
	cut, cuts := r.cutAt(d)
	var sound []*segment.Segment
	for i, s := range p.segments {
		flawed := slices.ContainsFunc(d.flaws, func(f flaw) bool { return f.from < Offset(s.End()) && f.to > Offset(s.Base()) })
		switch {
		case cuts && Offset(s.Meta().First) >= cut.from && len(sound) > 0:
			b.doomLocked(p, []*segment.Segment{s})
			continue
		case !flawed:
			sound = append(sound, s)
			continue
		}
		below, end := s.End(), s.End()
		if cuts && int64(cut.from) < end {
			below, end = int64(cut.from), int64(max(cut.from, p.start))
		}
		again, err := r.rewrite(b, p, s, below, end)
		if err != nil {
			return err
		}
		b.doomLocked(p, []*segment.Segment{s})
		sound = append(sound, again)
		if cuts && end != s.End() {
			b.doomLocked(p, p.segments[i+1:])
			break
		}
	}
	p.segments = sound
	if cuts {
		r.cut(b, p, cut)
	}
	return nil
}

// rewrite writes the whole batches of a segment below an offset to one of the
// next generation, which ends at end. Each batch stands for the offsets that are
// lost behind it.
func (r *repair) rewrite(b *Broker, p *partition, s *segment.Segment, below, end int64) (*segment.Segment, error) {
	dir := vfs.Sub(r.fsys, partitionDir(p.at()))
	out, err := segment.Create(b.files, dir, s.Base(), s.Generation()+1)
	if err != nil {
		return nil, err
	}
	var last []byte
	var header batch.Header
	put := func(next int64) error {
		if last == nil {
			return nil
		}
		if header.LastOffset() < next-1 {
			header.LastOffsetDelta = int32(next - 1 - header.BaseOffset)
			batch.SetLastOffsetDelta(last, header.LastOffsetDelta)
		}
		return out.Append([]segment.Span{{Bytes: last, First: header.BaseOffset, Last: header.LastOffset()}}, nil)
	}
	_, err = scanSegment(dir, s.Meta(), func(_ int64, h *batch.Header, whole []byte) error {
		if h.BaseOffset >= below {
			return nil
		}
		if err := put(h.BaseOffset); err != nil {
			return err
		}
		last, header = append([]byte(nil), whole...), *h
		return nil
	})
	if err == nil {
		err = put(end)
	}
	if err == nil {
		out.SetEnd(end)
		err = out.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, out.Remove())
	}
	return out, nil
}

// cut ends a partition at a flaw. What producers did is forgotten with it: the
// log does not know any more what the last batch of each was.
func (r *repair) cut(b *Broker, p *partition, at flaw) {
	end := max(at.from, p.start)
	b.pub.tailBytes -= p.tailBytes
	p.tail, p.tailBytes, p.placed = nil, 0, 0
	b.pub.dirty = slices.DeleteFunc(b.pub.dirty, func(q *partition) bool { return q == p })
	p.end, p.next = end, end
	p.cleaned = min(p.cleaned, end)
	p.producers, p.openFirst = nil, noTxn
	p.aborted = slices.DeleteFunc(slices.Clone(p.aborted), func(a AbortedTxn) bool { return a.First >= end })
	for _, o := range offsetsPast(b, p, at) {
		moved := b.pub.committed[o.Group][p.tp]
		moved.Offset, moved.LeaderEpoch = end, -1
		b.pub.committed[o.Group][p.tp] = moved
	}
}
