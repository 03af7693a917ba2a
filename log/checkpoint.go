package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/google/uuid"
)

// CHECKPOINT says where replaying the journal begins and holds everything
// before that which is not in a segment. It is replaced as a whole.
//
//	0               8       12      16              24
//	+---------------+-------+-------+---------------+
//	| magic         |version| crc   | first sequence|
//	+---------------+-------+-------+---------------+
//	24              32      36      40
//	+---------------+-------+-------+-- - -
//	| cluster id (16 bytes) | epoch | flags | entries
//	+---------------+-------+-------+-- - -
const (
	checkpointName        = "CHECKPOINT"
	checkpointMagic       = "FRESHETC"
	checkpointVersion     = 2
	checkpointHeaderBytes = 48

	// flagClosed says that the log was closed: there is no journal to replay.
	flagClosed = 1 << 0
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A snapshot is the state between two records of the journal, but for what is
// in the segments: they may be further on by the time they are written, and
// replaying skips what they hold.
type snapshot struct {
	first      uint64 // sequence number of the record after it
	entries    []byte // everything but partitions
	partitions []*partition
	doomed     []doomed // may go once the checkpoint is durable
	durable    []Offset // of each partition: what the checkpoint has of its segments ends here
}

// snapshotLocked takes a snapshot. Nothing may be on its way through the
// journal.
func (b *Broker) snapshotLocked(first uint64) *snapshot {
	s := &snapshot{first: first}
	for _, t := range b.topicsByNameLocked() {
		s.entries = t.entry().appendTo(s.entries)
		for _, p := range t.partitions() {
			s.partitions = append(s.partitions, p)
			s.entries = p.producerEntriesLocked(s.entries)
		}
	}
	s.entries = b.txnEntries(s.entries)
	for _, g := range b.pub.groups {
		s.entries = g.appendTo(s.entries)
	}
	for group, offsets := range b.pub.committed {
		for tp, o := range offsets {
			at := partitionID{b.pub.topics[tp.Topic].id, tp.Partition}
			s.entries = offsetEntry{group, at, o}.appendTo(s.entries)
		}
	}
	s.doomed = b.pub.doomed[:len(b.pub.doomed):len(b.pub.doomed)]
	return s
}

// checkpoint brings the segments up to the snapshot or beyond, syncs them, and
// replaces CHECKPOINT; then the journal before the snapshot is not needed any
// more.
func (b *Broker) checkpoint(s *snapshot, closed bool) error {
	if err := b.flush(); err != nil {
		return err
	}
	if err := b.unsynced.sync(); err != nil {
		return err
	}
	encoded := b.encodeCheckpoint(s, closed)
	// What the segments hold must not be ahead of a durable journal: after a
	// crash one partition would have its share of a commit and another not.
	if !closed {
		if err := b.journal.SyncNow(); err != nil {
			return err
		}
	}
	if err := vfs.WriteFileAtomic(b.fsys, checkpointName, encoded); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	b.checkpointed(s)
	now := b.cfg.Now()
	b.counters.checkpoints.Add(1)
	b.counters.lastCheckpoint.Store(&now)
	before := s.first
	if closed {
		before++ // there may be a file that begins at first, without a record
	}
	if err := journal.RemoveBefore(vfs.Sub(b.fsys, journalDir), before); err != nil {
		// They are leftovers now, and may be held by a reader on Windows: the
		// next checkpoint tries again.
		b.cfg.Logger.Warn("old journal files not removed", "err", err)
	}
	for _, p := range s.partitions {
		p.plain.Store(false) // what was written there is in the checkpoint
	}
	b.removeDoomed(s.doomed)
	return nil
}

func (b *Broker) encodeCheckpoint(s *snapshot, closed bool) []byte {
	out := make([]byte, checkpointHeaderBytes)
	copy(out, checkpointMagic)
	binary.BigEndian.PutUint32(out[8:], checkpointVersion)
	binary.BigEndian.PutUint64(out[16:], s.first)
	copy(out[24:40], b.cluster[:])
	binary.BigEndian.PutUint32(out[40:], uint32(b.epoch))
	var flags uint32
	if closed {
		flags = flagClosed
	}
	binary.BigEndian.PutUint32(out[44:], flags)
	out = append(out, s.entries...)
	b.pub.RLock()
	s.durable = s.durable[:0]
	for _, p := range s.partitions {
		e := p.entryLocked()
		out = e.appendTo(out)
		s.durable = append(s.durable, e.end)
	}
	// Also what was doomed since the snapshot: the partitions are as they are
	// now, so replaying would not doom it again.
	for _, d := range b.pub.doomed {
		out = d.appendTo(out)
	}
	b.pub.RUnlock()
	binary.BigEndian.PutUint32(out[12:], crc32.Checksum(out, castagnoli))
	return out
}

// checkpointed notes which segments a recovery would find.
func (b *Broker) checkpointed(s *snapshot) {
	b.pub.Lock()
	defer b.pub.Unlock()
	for i, p := range s.partitions {
		p.durable = s.durable[i]
	}
}

// entryLocked describes what is on stable storage in the segments of p: the
// leader may be placing batches behind that. Where the log start is past it,
// replaying moves it there again.
func (p *partition) entryLocked() partitionEntry {
	e := partitionEntry{at: p.at(), cleaned: p.cleaned}
	for i, s := range p.segments {
		m, ok := s.SyncedMeta()
		if !ok && i == 0 {
			e.start, e.end = Offset(s.Base()), Offset(s.Base())
		}
		if !ok || i > 0 && Offset(m.Base) != e.end {
			break
		}
		e.segments = append(e.segments, m)
		e.end = Offset(m.End)
	}
	e.start = min(p.start, e.end)
	for _, ep := range p.epochs {
		if ep.start < e.end {
			e.epochs = append(e.epochs, ep)
		}
	}
	return e
}

type checkpointHeader struct {
	version uint32
	crc     uint32 // of the file; two checkpoints may have the rest in common
	first   uint64
	cluster uuid.UUID
	epoch   int32
	closed  bool
}

// readCheckpoint returns the header and the entries; fs.ErrNotExist where
// there is no checkpoint.
func readCheckpoint(fsys vfs.FS) (checkpointHeader, []byte, error) {
	b, err := vfs.ReadFile(fsys, checkpointName)
	if err != nil {
		return checkpointHeader{}, nil, err
	}
	h, err := decodeCheckpointHeader(b)
	if err != nil {
		return h, nil, err
	}
	want := binary.BigEndian.Uint32(b[12:])
	clear(b[12:16])
	if got := crc32.Checksum(b, castagnoli); got != want {
		return h, nil, corruptCheckpoint(fmt.Errorf("crc %08x, want %08x", got, want))
	}
	return h, b[checkpointHeaderBytes:], nil
}

// peekCheckpoint reads the header alone, and not its checksum: enough to see
// whether the file was replaced.
func peekCheckpoint(fsys vfs.FS) (h checkpointHeader, err error) {
	f, err := fsys.OpenFile(checkpointName, os.O_RDONLY, 0)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := make([]byte, checkpointHeaderBytes)
	if _, err := f.ReadAt(b, 0); err != nil {
		return h, err
	}
	return decodeCheckpointHeader(b)
}

func decodeCheckpointHeader(b []byte) (h checkpointHeader, err error) {
	if len(b) < checkpointHeaderBytes {
		return h, corruptCheckpoint(fmt.Errorf("%d bytes, want at least %d", len(b), checkpointHeaderBytes))
	}
	if string(b[:8]) != checkpointMagic {
		return h, corruptCheckpoint(fmt.Errorf("magic is %q, want %q", b[:8], checkpointMagic))
	}
	h.version = binary.BigEndian.Uint32(b[8:])
	if h.version < 1 || h.version > checkpointVersion {
		return h, fmt.Errorf("%s: %w: it has version %d, this program reads 1 to %d (use a program that reads version %d, or another data directory)",
			checkpointName, ErrVersion, h.version, checkpointVersion, h.version)
	}
	h.crc = binary.BigEndian.Uint32(b[12:])
	h.first = binary.BigEndian.Uint64(b[16:])
	copy(h.cluster[:], b[24:40])
	h.epoch = int32(binary.BigEndian.Uint32(b[40:]))
	h.closed = binary.BigEndian.Uint32(b[44:])&flagClosed != 0
	return h, nil
}

func corruptCheckpoint(err error) error { return &vfs.CorruptError{Path: checkpointName, Err: err} }

// refuseForeign returns ErrNotALog for a directory that holds no log but
// somebody else's files, so that a mistyped path does not mix the two. Names
// that begin with a dot, and what file systems put at their root, are nobody's.
func refuseForeign(fsys vfs.FS) error {
	entries, err := fsys.ReadDir(".")
	if err != nil {
		return err
	}
	foreign := ""
	for _, e := range entries {
		switch name := e.Name(); {
		case name == checkpointName:
			return nil
		case slices.Contains([]string{lockName, journalDir, topicsDir, "state", checkpointName + ".tmp", "lost+found"}, name):
		case foreign == "" && name[0] != '.':
			foreign = name
		}
	}
	if foreign != "" {
		return fmt.Errorf("%w: the directory holds other files, such as %s (take an empty or a new one)", ErrNotALog, foreign)
	}
	return nil
}

// isNew reports whether a directory without CHECKPOINT is one that never held
// a log, so that making one there overwrites nothing.
func (b *Broker) isNew() (bool, error) {
	for _, dir := range []string{journalDir, topicsDir} {
		entries, err := b.fsys.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		for _, e := range entries {
			if dir == topicsDir || !b.neverUsed(e.Name()) {
				return false, nil
			}
		}
	}
	return true, nil
}

// errCheckpointMissing is the answer to a directory that holds a log's data
// without its checkpoint.
var errCheckpointMissing = fmt.Errorf("%s is missing, but there is data: %w (put the file back from a backup)", checkpointName, ErrCorrupt)

// noCheckpoint says what a directory without CHECKPOINT is to those who only
// read it.
func (b *Broker) noCheckpoint() error {
	if isNew, err := b.isNew(); err != nil || isNew {
		return errors.Join(fmt.Errorf("%w: there is no %s", ErrNotALog, checkpointName), err)
	}
	return errCheckpointMissing
}

// neverUsed reports whether a journal file has no record: the first opening of
// the log was cut short.
func (b *Broker) neverUsed(name string) bool {
	used, err := journal.HasRecords(vfs.Sub(b.fsys, journalDir), name)
	return err == nil && !used
}
