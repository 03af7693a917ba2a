package log

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// RepairOptions say what a repair may do. The zero value changes nothing and
// tells what would be lost.
type RepairOptions struct {
	// Apply does it. The files that change are kept in a directory of their own
	// inside the log's.
	Apply bool

	// Skip keeps the records behind damaged ones: only the offsets of these are
	// empty afterwards, as after compaction. Without it a partition ends at its
	// first damaged batch, so that what is left is a prefix.
	Skip bool

	// Now names the directory. Default time.Now.
	Now func() time.Time
}

// A RepairReport says what is wrong with a log, and what is or would be lost.
type RepairReport struct {
	Partitions []PartitionRepair
	Journal    *JournalRepair // nil where it is sound
	Offsets    []OffsetRepair // of groups past the new end of a partition
	Applied    bool
	Kept       string // directory, in that of the log, with the files as they were
}

// OK reports whether there is nothing to repair.
func (r *RepairReport) OK() bool { return len(r.Partitions) == 0 && r.Journal == nil }

// A PartitionRepair is a run of offsets whose records are lost.
type PartitionRepair struct {
	TopicPartition
	Path     string // of the damaged file
	Pos      int64  // of the first bad byte
	Reason   string
	From, To Offset // the records from From, and below To, are lost
}

// A JournalRepair says where the journal is cut.
type JournalRepair struct {
	Path    string
	Pos     int64
	Reason  string
	Commits int // that are kept
	Records int // of the journal, whole ones, that are behind and lost
	Lost    []LostRange
}

// A LostRange is a run of offsets that the lost part of the journal has.
type LostRange struct {
	Partition string // topic-partition, or the id where the topic is lost too
	From, To  Offset // below To
}

// An OffsetRepair is an offset of a group that is moved to the end.
type OffsetRepair struct {
	Group string
	TopicPartition
	From, To Offset
}

// String prints the report, a line a finding.
func (r RepairReport) String() string {
	var s strings.Builder
	for _, p := range r.Partitions {
		fmt.Fprintf(&s, "%s: records %d to %d are lost: %s, byte %d: %s\n", p.TopicPartition, p.From, p.To-1, p.Path, p.Pos, p.Reason)
	}
	if j := r.Journal; j != nil {
		fmt.Fprintf(&s, "journal: %d commits are kept, %d records behind are lost: %s, byte %d: %s\n", j.Commits, j.Records, j.Path, j.Pos, j.Reason)
		for _, l := range j.Lost {
			fmt.Fprintf(&s, "journal: records %d to %d of %s are lost\n", l.From, l.To-1, l.Partition)
		}
	}
	for _, o := range r.Offsets {
		fmt.Fprintf(&s, "group %s: offset of %s moves from %d to the end at %d\n", o.Group, o.TopicPartition, o.From, o.To)
	}
	return s.String()
}

// Repair makes a log open again that is damaged, by giving up what cannot be
// read. Without RepairOptions.Apply it only says what that is. It fails with
// ErrLocked while anybody has the log open for writing. Afterwards a commit to
// several partitions may be in some of them only.
//
// A checkpoint that is lost or damaged cannot be made again: ErrCorrupt, and a
// backup has to be restored.
func Repair(dir string, o RepairOptions) (RepairReport, error) {
	fsys, err := vfs.Existing(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return RepairReport{}, fmt.Errorf("repair log %s: %w: the directory does not exist", dir, ErrNotALog)
	}
	if err == nil {
		var r RepairReport
		if r, err = repairFS(fsys, o, Config{}); err == nil {
			return r, nil
		}
	}
	return RepairReport{}, fmt.Errorf("repair log %s: %w", dir, err)
}

func repairFS(fsys vfs.FS, o RepairOptions, cfg Config) (report RepairReport, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return report, err
	}
	if o.Now == nil {
		o.Now = cfg.Now
	}
	cfg.stepped = true
	lock, err := fsys.Lock(lockName)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	h, entries, err := readCheckpoint(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return report, newBroker(fsys, ".", cfg).noCheckpoint()
	}
	if err != nil {
		return report, fmt.Errorf("%w (a checkpoint cannot be made again: restore a backup)", err)
	}
	r := &repair{fsys: fsys, cfg: cfg, o: o, header: h, entries: entries, missing: map[string]bool{}, keep: map[string]bool{}}
	plan, err := r.plan()
	if err != nil || plan.OK() || !o.Apply {
		return plan, err
	}
	if plan.Kept, err = r.keepFiles(); err != nil {
		return plan, err
	}
	if err := r.apply(); err != nil {
		return plan, fmt.Errorf("%w (the files as they were are in %s)", err, plan.Kept)
	}
	plan.Applied = true
	return plan, nil
}

// damaged is a partition that has flaws.
type damaged struct {
	p     *partition
	flaws []flaw
}

// plan loads the log without writing, and reads all of it.
func (r *repair) plan() (report RepairReport, err error) {
	b, err := r.load(true)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, b.closeFiles()) }()
	if r.end.Lost+r.end.Unread > 0 || r.refused {
		report.Journal = &JournalRepair{Path: r.end.Path, Pos: r.end.Pos, Reason: r.end.Reason, Commits: r.end.Commits,
			Records: r.end.Lost, Lost: r.lost(b)}
	}
	found, err := r.scan(b)
	if err != nil {
		return report, err
	}
	for _, d := range found {
		report.Partitions = append(report.Partitions, r.losses(d)...)
		if cut, ok := r.cutAt(d); ok {
			report.Offsets = append(report.Offsets, offsetsPast(b, d.p, cut)...)
		}
	}
	return report, nil
}

// scan reads the segments of all partitions.
func (r *repair) scan(b *Broker) (found []damaged, err error) {
	for _, p := range b.allPartitions() {
		d := damaged{p: p}
		dir := vfs.Sub(r.fsys, partitionDir(p.at()))
		for _, s := range p.segments {
			flaws, err := scanSegment(dir, s.Meta(), keepNothing)
			if err != nil {
				return nil, err
			}
			d.flaws = append(d.flaws, flaws...)
		}
		if len(d.flaws) > 0 {
			found = append(found, d)
		}
	}
	return found, nil
}

// cutAt returns where a partition ends when it is cut, and false where that is
// not so: all that is damaged is skipped, or below the log start.
func (r *repair) cutAt(d damaged) (flaw, bool) {
	if r.o.Skip {
		return flaw{}, false
	}
	i := slices.IndexFunc(d.flaws, func(f flaw) bool { return f.to > d.p.start })
	if i < 0 {
		return flaw{}, false
	}
	return d.flaws[i], true
}

// losses says which records are lost with a partition's damage.
func (r *repair) losses(d damaged) (out []PartitionRepair) {
	cut, cuts := r.cutAt(d)
	for _, f := range d.flaws {
		l := PartitionRepair{TopicPartition: d.p.tp, Path: f.path, Pos: f.pos, Reason: f.reason.Error(),
			From: max(f.from, min(d.p.start, f.to)), To: f.to}
		if cuts && f == cut {
			l.To = d.p.end
		}
		out = append(out, l)
		if cuts && f == cut {
			break
		}
	}
	return out
}

// offsetsPast returns the offsets of groups past the new end of a partition.
func offsetsPast(b *Broker, p *partition, cut flaw) (out []OffsetRepair) {
	end := max(cut.from, p.start)
	for group, offsets := range b.pub.committed {
		if o, ok := offsets[p.tp]; ok && o.Offset > end {
			out = append(out, OffsetRepair{group, p.tp, o.Offset, end})
		}
	}
	slices.SortFunc(out, func(x, y OffsetRepair) int { return strings.Compare(x.Group, y.Group) })
	return out
}
