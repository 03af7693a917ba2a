package log

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
)

// A repair loads a log as recovery does, but for three things: the journal ends
// at the first commit that makes no sense, a segment may be shorter than the
// checkpoint says, and one that is missing counts as empty. It does so twice:
// to see what is wrong, writing nothing, and to put it right.
type repair struct {
	fsys    vfs.FS
	cfg     Config
	o       RepairOptions
	header  checkpointHeader
	entries []byte
	missing map[string]bool // .log files
	keep    map[string]bool // files that a repair changes

	end     journal.Break
	refused bool // the journal ends at a commit that its own log refuses
	behind  []journal.Record
}

// errEnough ends the second reading of the journal where the first has ended.
var errEnough = errors.New("the rest is lost")

// load returns the log as it can be read.
func (r *repair) load(readOnly bool) (*Broker, error) {
	fsys := r.fsys
	if readOnly {
		fsys = emptyWhereMissing{fsys, r.missing}
	}
	b := newBroker(fsys, ".", r.cfg)
	if readOnly {
		b.readOnly, b.follow = true, &follower{b: b}
	}
	b.cluster, b.epoch = r.header.cluster, r.header.epoch
	err := applyEntries(r.entries, func(e entry) error {
		e, err := r.tolerate(e)
		if err != nil {
			return err
		}
		return loader{b}.apply(e)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", checkpointName, err), b.closeFiles())
	}
	if !r.header.closed {
		err = r.replay(b, readOnly)
	}
	if err != nil {
		return nil, errors.Join(err, b.closeFiles())
	}
	return b, nil
}

func (r *repair) replay(b *Broker, first bool) error {
	n := 0
	refused := false
	end, err := journal.Salvage(vfs.Sub(r.fsys, journalDir), r.header.first, func(parts [][]byte) error {
		if !first && n == r.end.Commits {
			return errEnough
		}
		parts, err := r.tolerateParts(parts)
		if err == nil {
			err = loader{b}.commit(parts)
		}
		if err != nil {
			refused = true
			return err
		}
		n++
		if !first && b.pub.tailBytes > b.cfg.TailBytes {
			return b.flush()
		}
		return nil
	}, func(rec journal.Record) {
		if first {
			r.behind = append(r.behind, rec)
		}
	})
	if errors.Is(err, fs.ErrNotExist) && first {
		r.end = journal.Break{Path: path.Join(journalDir, "*"), Reason: "the file with the first record is missing"}
		r.refused = true
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if first {
		r.end, r.refused = end, refused
		return err
	}
	if err == nil && n != r.end.Commits {
		err = fmt.Errorf("journal: %d commits could be read a moment ago, %d now: %s", r.end.Commits, n, end.Reason)
	}
	return err
}

// tolerate makes segments as short as their files are.
func (r *repair) tolerate(e entry) (entry, error) {
	var err error
	switch p := e.(type) {
	case partitionEntry:
		p.segments, err = r.shorten(p.at, p.segments)
		return p, err
	case swapEntry:
		p.segments, err = r.shorten(p.at, p.segments)
		return p, err
	}
	return e, nil
}

func (r *repair) shorten(at partitionID, metas []segment.Meta) ([]segment.Meta, error) {
	out := slices.Clone(metas)
	for i := range out {
		m := &out[i]
		name := path.Join(partitionDir(at), segment.LogName(m.Base, m.Generation))
		info, err := r.fsys.Stat(name)
		size := int64(0)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			r.missing[name] = true
		case err != nil:
			return nil, err
		default:
			size = info.Size()
		}
		if size < m.SizeBytes {
			m.SizeBytes, m.Sums = size, segment.Sums{}
			m.FirstTimestampMillis, m.MaxTimestampMillis = segment.Unknown, segment.Unknown
		}
	}
	return out, nil
}

// tolerateParts is tolerate for the records of a commit. Most stay as they are.
func (r *repair) tolerateParts(parts [][]byte) ([][]byte, error) {
	out := slices.Clone(parts)
	for i, part := range parts {
		var again []byte
		swaps := false
		err := applyEntries(part, func(e entry) error {
			_, swap := e.(swapEntry)
			swaps = swaps || swap
			e, err := r.tolerate(e)
			if err == nil {
				again = e.appendTo(again)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if swaps {
			out[i] = again
		}
	}
	return out, nil
}

// lost tells what the records behind the end of the journal have.
func (r *repair) lost(b *Broker) []LostRange {
	ranges := map[string]LostRange{}
	note := func(at partitionID, header []byte) {
		h, err := batch.ParseHeader(header)
		if err != nil {
			return // the record was whole, so nobody wrote this
		}
		name := fmt.Sprintf("%s-%d", at.topic, at.partition)
		if p, err := b.partitionByIDLocked(at); err == nil {
			name = p.tp.String()
		}
		l, ok := ranges[name]
		if !ok {
			l = LostRange{name, Offset(h.BaseOffset), 0}
		}
		l.From, l.To = min(l.From, Offset(h.BaseOffset)), max(l.To, Offset(h.LastOffset()+1))
		ranges[name] = l
	}
	for _, rec := range r.behind {
		// What cannot be decoded is counted all the same.
		_ = applyEntries(rec.Body, func(e entry) error {
			switch e := e.(type) {
			case batchEntry:
				note(e.at, e.batch)
			case placedEntry:
				note(e.at, e.header)
			}
			return nil
		})
	}
	out := slices.Collect(maps.Values(ranges))
	slices.SortFunc(out, func(x, y LostRange) int { return strings.Compare(x.Partition, y.Partition) })
	return out
}

// emptyWhereMissing shows files that are missing as empty ones.
type emptyWhereMissing struct {
	vfs.FS
	missing map[string]bool
}

func (e emptyWhereMissing) Stat(name string) (fs.FileInfo, error) {
	if e.missing[name] {
		return emptyFile{name: path.Base(name)}, nil
	}
	return e.FS.Stat(name)
}
