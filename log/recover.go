package log

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// A Recovery tells what opening the log found and did.
type Recovery struct {
	// Commits is how many commits were replayed from the journal; 0 after a
	// clean close.
	Commits int

	// Cut says why the end of the journal was cut: a write that a crash
	// stopped half way. Nothing acknowledged is in it, but for what the
	// durability in use allows. "" if nothing was cut.
	Cut string

	// Duration is how long it took.
	Duration time.Duration
}

// Recovery tells what opening the log found and did.
func (b *Broker) Recovery() Recovery { return b.recovery }

// recover loads the checkpoint and replays the journal behind it. It returns
// the sequence number to go on with.
func (b *Broker) recover() (next uint64, err error) {
	began := b.cfg.Now()
	h, entries, err := readCheckpoint(b.fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return b.initialise()
	}
	if err != nil {
		return 0, err
	}
	b.cluster, b.epoch = h.cluster, h.epoch
	if err := applyEntries(entries, loader{b}); err != nil {
		return 0, &vfs.CorruptError{Path: checkpointName, Pos: checkpointHeaderBytes, Err: err}
	}
	journalFS := vfs.Sub(b.fsys, journalDir)
	if h.closed {
		return journal.Beyond(journalFS, h.first)
	}
	if err := journal.Expect(journalFS, h.first); err != nil {
		return 0, err
	}
	var flushErr error // which is not the journal's
	tail, err := journal.Replay(journalFS, h.first, parseBoot(b.cfg.bootID()), func(parts [][]byte) error {
		for _, part := range parts {
			if err := applyEntries(part, loader{b}); err != nil {
				return err
			}
		}
		if b.pub.tailBytes > b.cfg.TailBytes {
			flushErr = b.flush()
		}
		return flushErr
	})
	if flushErr != nil {
		return 0, flushErr
	}
	if err != nil {
		return 0, err
	}
	if err := journal.Settle(journalFS, tail); err != nil {
		return 0, err
	}
	b.recovery = Recovery{Commits: tail.Commits, Cut: tail.Cut, Duration: b.cfg.Now().Sub(began)}
	if tail.Cut != "" {
		b.cfg.Logger.Warn("torn end of the journal cut", "file", tail.CutPath, "position", tail.CutPos, "err", tail.Cut)
	}
	if tail.Commits > 0 {
		b.cfg.Logger.Info("log recovered", "commits", tail.Commits, "duration", b.recovery.Duration)
	}
	return tail.Next, nil
}

// initialise makes a log where none was.
func (b *Broker) initialise() (next uint64, err error) {
	ok, err := b.isNew()
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, errCheckpointMissing
	}
	// What is there of a journal was never written to.
	if err := journal.RemoveBefore(vfs.Sub(b.fsys, journalDir), math.MaxUint64); err != nil {
		return 0, err
	}
	b.cluster = uuid.New()
	return 1, b.fsys.SyncDir(".")
}

// A loader applies entries to a broker that nobody else sees yet.
type loader struct{ b *Broker }

func (l loader) applyTopic(id uuid.UUID, name string, cfg TopicConfig) error {
	if _, ok := l.b.pub.byID[id]; ok {
		return nil // the checkpoint has it
	}
	if cfg.Partitions < 1 || cfg.Partitions > maxPartitions {
		return fmt.Errorf("topic %s has %d partitions", name, cfg.Partitions)
	}
	l.b.addTopicLocked(newTopic(id, name, cfg))
	return nil
}

func (l loader) partition(id uuid.UUID, n int32) (*partition, error) {
	t, ok := l.b.pub.byID[id]
	if !ok || uint(n) >= uint(len(t.partitions)) {
		return nil, fmt.Errorf("partition %d of topic %s was never made", n, id)
	}
	return t.partitions[n], nil
}

func (l loader) applyBatch(id uuid.UUID, n int32, b []byte) error {
	p, err := l.partition(id, n)
	if err != nil {
		return err
	}
	sp, h, err := spanOf(b)
	if err != nil {
		return fmt.Errorf("batch of %s: %w", p.tp, err)
	}
	if Offset(sp.Last) < p.end {
		return nil // its segment has it
	}
	if Offset(sp.First) != p.end {
		return fmt.Errorf("batch of %s begins at offset %d, want %d", p.tp, sp.First, p.end)
	}
	if len(p.tail) == 0 {
		l.b.pub.dirty = append(l.b.pub.dirty, p)
	}
	p.publishLocked(sp, h.LeaderEpoch)
	p.lent.Store(true) // its memory is that of the journal as it was read
	p.next = p.end
	l.b.pub.tailBytes += int64(len(sp.Bytes))
	p.wakeLocked()
	return nil
}

func (l loader) applyOffset(group string, id uuid.UUID, n int32, o CommittedOffset) error {
	p, err := l.partition(id, n)
	if err != nil {
		return err
	}
	l.b.setOffsetLocked(offsetCommit{group, p, o})
	return nil
}

func (l loader) applyPartition(e partitionEntry) error {
	p, err := l.partition(e.topic, e.partition)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return err
	}
	dir := vfs.Sub(l.b.fsys, partitionDir(e.topic, e.partition))
	var segments []*segment.Segment
	for i, s := range e.segments {
		seg, err := l.open(dir, p, i, s)
		if err != nil {
			return fmt.Errorf("partition %s: %w", p.tp, err)
		}
		segments = append(segments, seg)
		p.segments = segments // for closing, should the next one fail
	}
	p.start, p.end, p.next, p.epochs = e.start, e.end, e.end, e.epochs
	p.wakeLocked() // what a follower had not read of the journal came this way
	return nil
}

// open opens a segment, or goes on with the one that a follower has open.
func (l loader) open(dir vfs.FS, p *partition, i int, e segmentEntry) (*segment.Segment, error) {
	m := e.meta()
	if !l.b.readOnly {
		return segment.Open(l.b.files, dir, m)
	}
	if i < len(p.segments) && p.segments[i].Base() == int64(e.base) {
		s := p.segments[i]
		return s, s.Extend(m)
	}
	return segment.OpenReadOnly(l.b.files, dir, m)
}

// meta is what the segment is opened with.
func (e segmentEntry) meta() segment.Meta {
	return segment.Meta{
		Base: int64(e.base), First: int64(e.base), End: int64(e.end), SizeBytes: e.sizeBytes,
		FirstTimestampMillis: segment.Unknown, MaxTimestampMillis: segment.Unknown,
	}
}
