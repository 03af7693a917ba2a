package log

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/freshet/freshet/internal/batch"
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
	b.cluster, b.epoch, b.format = h.cluster, h.epoch, h.version
	if err := applyEntries(entries, loader{b}.apply); err != nil {
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
		if err := (loader{b}).commit(parts); err != nil {
			return err
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

// A loader applies entries that are read back: to a broker that nobody else sees
// yet, or to a read-only one as its owner goes on.
type loader struct{ b *Broker }

// commit takes in a whole commit. It looks first whether everything is there that
// the commit does not hold itself, so that it is applied as a whole or not at
// all.
func (l loader) commit(parts [][]byte) error {
	var found [][]byte
	for _, part := range parts {
		err := applyEntries(part, func(e entry) error {
			placed, ok := e.(placedEntry)
			if !ok {
				return nil
			}
			b, err := l.find(placed)
			found = append(found, b)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, part := range parts {
		err := applyEntries(part, func(e entry) error {
			if placed, ok := e.(placedEntry); ok {
				b := found[0]
				found = found[1:]
				return l.placed(placed, b)
			}
			return l.apply(e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l loader) apply(e entry) error {
	switch e := e.(type) {
	case batchEntry:
		return l.batch(e)
	case partitionEntry:
		return l.partition(e)
	case topicEntry:
		if l.b.format == 1 && e.cfg.Retention == DefaultRetention {
			e.cfg.Retention = NoLimit // format 1 kept everything, and nobody has decided otherwise
		}
		return l.b.applyLocked(e)
	case txnEntry:
		return l.txn(e)
	case txnGoneEntry:
		l.b.txns.Forget(e.id)
		return l.b.applyLocked(e)
	case txnOffsetEntry:
		return l.txnOffset(e)
	case producerIDEntry:
		l.b.nextProducerID = max(l.b.nextProducerID, e.next)
		return l.b.applyLocked(e)
	case doomedEntry:
		l.doomed(e)
		return l.b.applyLocked(e)
	case logStartEntry:
		return l.unlessGoing(e.at, e)
	case swapEntry:
		return l.unlessGoing(e.at, e)
	case producersEntry:
		return l.producers(e)
	case abortedEntry:
		return l.aborted(e)
	case offsetEntry:
		if e.o.TimestampMillis == 0 { // format 1 did not note it
			e.o.TimestampMillis = l.b.cfg.Now().UnixMilli()
		}
		return l.b.applyLocked(e)
	}
	return l.b.applyLocked(e)
}

// doomed notes that a topic will be deleted by a record that is yet to be
// replayed: the checkpoint was begun before that and written after it, so it has
// nothing of the topic's tails, and what the journal adds to them follows
// nothing.
func (l loader) doomed(e doomedEntry) {
	if t, ok := l.b.pub.byID[e.at.topic]; ok && e.at.partition == allPartitions {
		t.going = true
	}
}

// unlessGoing applies a change of a partition whose topic stays.
func (l loader) unlessGoing(at partitionID, e entry) error {
	if t, ok := l.b.pub.byID[at.topic]; ok && t.going {
		return nil
	}
	return l.b.applyLocked(e)
}

func (l loader) batch(e batchEntry) error {
	p, err := l.b.partitionByIDLocked(e.at)
	if err != nil || p.topic.going {
		return err
	}
	sp, h, err := spanOf(e.batch)
	if err != nil {
		return fmt.Errorf("batch of %s: %w", p.tp, err)
	}
	if err := l.produced(p, e.batch); err != nil {
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

// produced takes in what a batch says of its producer. That is so also where the
// segment has the batch: what was loaded of producers is as old as the
// checkpoint.
func (l loader) produced(p *partition, b []byte) error {
	h, err := batch.ParseHeader(b)
	if err != nil || h.ProducerID < 0 {
		return err
	}
	out, err := noteProduced(l.b.states(p), &h, b, l.b.cfg.Now())
	if err == nil {
		p.producedLocked(out)
	}
	return err
}

func (l loader) partition(e partitionEntry) error {
	p, err := l.b.partitionByIDLocked(e.at)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return err
	}
	dir := vfs.Sub(l.b.fsys, partitionDir(e.at))
	var have []*segment.Segment
	if l.b.readOnly {
		have = l.b.follow.segmentsOf(e.at)
	}
	p.segments = nil
	for _, s := range e.segments {
		seg, err := l.segment(dir, have, s)
		if err != nil {
			return fmt.Errorf("partition %s: %w", p.tp, err)
		}
		p.segments = append(p.segments, seg)
	}
	p.start, p.end, p.next, p.epochs, p.cleaned = e.start, e.end, e.end, e.epochs, e.cleaned
	p.durable = e.end
	p.wakeLocked() // what a follower had not read of the journal came this way
	return nil
}

// segment opens a segment, or goes on with the one that a follower has already.
func (l loader) segment(dir vfs.FS, have []*segment.Segment, m segment.Meta) (*segment.Segment, error) {
	if !l.b.readOnly {
		return segment.Open(l.b.files, dir, m)
	}
	for _, s := range have {
		if s.Base() == m.Base && s.Generation() == m.Generation {
			return s, s.Extend(m)
		}
	}
	return segment.OpenReadOnly(l.b.files, dir, m)
}
