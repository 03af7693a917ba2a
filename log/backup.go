package log

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"path"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// BackupOptions say how a backup is made. The zero value works.
type BackupOptions struct {
	// BytesPerSecond bounds how fast files are copied. Default 0, no limit.
	BytesPerSecond int64

	// Progress, if set, is told of each step by the goroutine that calls Backup.
	Progress func(BackupProgress)
}

// A BackupProgress is how far a backup has got. TotalBytes may grow where files
// went while they were copied, and the backup looks anew what there is.
type BackupProgress struct {
	CopiedBytes, TotalBytes int64
}

// A BackupReport says what a backup holds.
type BackupReport struct {
	Topics, Partitions int
	Segments           int
	Records            int64 // from the starts of the partitions to their ends
	CopiedBytes        int64
	Commits            int // of the journal, now in segments
	Duration           time.Duration
}

// Names in the target while a backup is made. No program takes a directory with
// the first for a log, or for an empty one.
const backupWork = "backup-unfinished"

// backupTries bounds how often files may go while they are copied.
const backupTries = 100

// Backup copies the log to dir, while it is in use. The copy is a log of its own
// that was closed: it holds a prefix of the commits, each of them whole, and at
// least those that were acknowledged before the call. Every batch in it was
// read and its checksum verified; damage in the log is ErrCorrupt.
//
// It can be called beside the owner of the log, too. Stores of stream
// processors are not copied; they come back from their changelogs.
//
// The directory is made, or must be empty. What a backup that was cut short
// leaves there does not open as a log: remove it.
func (b *Broker) Backup(ctx context.Context, dir string, o BackupOptions) (BackupReport, error) {
	target, err := vfs.Dir(dir)
	if err != nil {
		return BackupReport{}, fmt.Errorf("back up log %s: %w", b.dir, err)
	}
	r, err := b.backupTo(ctx, target, o)
	if err != nil {
		return r, fmt.Errorf("back up log %s to %s: %w", b.dir, dir, err)
	}
	return r, nil
}

func (b *Broker) backupTo(ctx context.Context, target vfs.FS, o BackupOptions) (BackupReport, error) {
	if o.BytesPerSecond < 0 {
		return BackupReport{}, fmt.Errorf("BytesPerSecond is %d, want 0 or more", o.BytesPerSecond)
	}
	began := b.cfg.Now()
	entries, err := target.ReadDir(".")
	if err != nil {
		return BackupReport{}, err
	}
	if len(entries) > 0 {
		return BackupReport{}, fmt.Errorf("the directory is not empty, it has %s (take a new one)", entries[0].Name())
	}
	for _, dir := range []string{backupWork, path.Join(backupWork, journalDir), path.Join(backupWork, topicsDir)} {
		if err := target.MkdirAll(dir, vfs.DirPerm); err != nil {
			return BackupReport{}, err
		}
	}
	if err := target.SyncDir("."); err != nil {
		return BackupReport{}, err
	}
	w := &backup{b: b, ctx: ctx, o: o, to: vfs.Sub(target, backupWork), copied: map[string]int64{}, made: map[string]bool{}, ends: b.partitionEnds()}
	if err := w.copy(); err != nil {
		return BackupReport{}, err
	}
	r, err := w.prove()
	if err != nil {
		return r, fmt.Errorf("the copy is not sound: %w", err)
	}
	r.CopiedBytes, r.Duration = w.progress.CopiedBytes, b.cfg.Now().Sub(began)
	return r, settleBackup(target)
}

// partitionEnds returns where the partitions end now.
func (b *Broker) partitionEnds() map[partitionID]Offset {
	b.pub.RLock()
	defer b.pub.RUnlock()
	ends := map[partitionID]Offset{}
	for _, t := range b.pub.topics {
		for _, p := range t.partitions() {
			ends[p.at()] = p.end
		}
	}
	return ends
}

// settleBackup gives the files of a copy their places, the checkpoint last:
// what has none does not open.
func settleBackup(target vfs.FS) error {
	for _, name := range []string{topicsDir, journalDir} {
		if err := target.Rename(path.Join(backupWork, name), name); err != nil {
			return err
		}
	}
	if err := target.SyncDir("."); err != nil {
		return err
	}
	if err := target.Rename(path.Join(backupWork, checkpointName), checkpointName); err != nil {
		return err
	}
	if err := target.SyncDir("."); err != nil {
		return err
	}
	if err := removeTree(target, backupWork); err != nil {
		return err
	}
	return target.SyncDir(".")
}

// A backup copies files of a log whose owner goes on. It takes what the
// checkpoint and the journal speak of, and no more; of that nothing changes, so
// what was copied once is never copied again. Where the checkpoint has been
// replaced meanwhile, files may be gone, and it looks anew.
type backup struct {
	b        *Broker
	ctx      context.Context
	o        BackupOptions
	to       vfs.FS
	ends     map[partitionID]Offset // when it began
	copied   map[string]int64       // bytes of each file that the copy has
	made     map[string]bool        // files that were begun
	progress BackupProgress
	buf      []byte
}

// errReplaced makes a backup start again.
var errReplaced = errors.New("the checkpoint was replaced")

func (w *backup) copy() error {
	var first checkpointHeader
	for try := 0; ; try++ {
		h, err := w.tryCopy()
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errReplaced) {
			return err
		}
		now, peekErr := peekCheckpoint(w.b.fsys)
		if peekErr != nil {
			return errors.Join(err, peekErr)
		}
		if try > 0 && h == first && now == h {
			return fmt.Errorf("%w: a file is missing: %w", ErrCorrupt, err)
		}
		if try == backupTries {
			return fmt.Errorf("files went while they were copied, %d times (try again, or raise the limit of bytes per second): %w", backupTries, err)
		}
		first = h
	}
}

// tryCopy makes the copy what the log is now. What it returns is the header of
// the checkpoint it began with.
func (w *backup) tryCopy() (checkpointHeader, error) {
	h, entries, err := readCheckpoint(w.b.fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return h, fmt.Errorf("%w: there is no %s", ErrNotALog, checkpointName)
	}
	if err != nil {
		return h, err
	}
	need, err := needed(w.b.fsys, h, entries)
	if err != nil {
		return h, err
	}
	// What the journal says of segments, such as that others took their place, may
	// be about those of a newer checkpoint.
	if now, err := peekCheckpoint(w.b.fsys); err != nil || now != h {
		return h, errors.Join(err, errReplaced)
	}
	w.progress = BackupProgress{}
	for _, f := range need {
		w.progress.TotalBytes += f.bytes
	}
	// A number that an opening was given and did not use is given again.
	maps.DeleteFunc(w.copied, func(name string, _ int64) bool { return path.Dir(name) == journalDir })
	for _, f := range need {
		if err := w.file(f); err != nil {
			return h, err
		}
	}
	if err := w.removeOthers(need); err != nil {
		return h, err
	}
	return h, vfs.WriteFileAtomic(w.to, checkpointName, sealCheckpoint(h, entries))
}

// sealCheckpoint puts a checkpoint together again.
func sealCheckpoint(h checkpointHeader, entries []byte) []byte {
	out := make([]byte, checkpointHeaderBytes, checkpointHeaderBytes+len(entries))
	copy(out, checkpointMagic)
	binary.BigEndian.PutUint32(out[8:], h.version)
	binary.BigEndian.PutUint64(out[16:], h.first)
	copy(out[24:40], h.cluster[:])
	binary.BigEndian.PutUint32(out[40:], uint32(h.epoch))
	if h.closed {
		binary.BigEndian.PutUint32(out[44:], flagClosed)
	}
	out = append(out, entries...)
	binary.BigEndian.PutUint32(out[12:], crc32.Checksum(out, castagnoli))
	return out
}

// prove opens the copy, which replays its journal, reads all of it, and closes
// it.
func (w *backup) prove() (r BackupReport, err error) {
	cfg := w.b.cfg
	cfg.stepped, cfg.Logger, cfg.Durability = true, nil, Sync
	c, err := openFS(w.to, backupWork, cfg)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.flush(); err != nil {
		return r, err
	}
	r.Commits, r.Topics = c.recovery.Commits, len(c.pub.topics)
	for _, p := range c.allPartitions() {
		r.Partitions++
		r.Segments += len(p.segments)
		r.Records += int64(p.end - p.start)
		if err := w.readPartition(c, p); err != nil {
			return r, fmt.Errorf("partition %s: %w", p.tp, err)
		}
	}
	return r, w.complete(c)
}

func (w *backup) readPartition(c *Broker, p *partition) error {
	dir := vfs.Sub(c.fsys, partitionDir(p.at()))
	for _, s := range p.segments {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		flaws, err := scanSegment(dir, s.Meta(), keepNothing)
		if err != nil {
			return err
		}
		if len(flaws) > 0 {
			return flaws[0].corrupt()
		}
	}
	return nil
}

// complete sees to it that the copy has what was there when it began: a journal
// with a hole would else end there.
func (w *backup) complete(c *Broker) error {
	for at, end := range w.ends {
		p, err := c.partitionByIDLocked(at)
		if err != nil {
			if w.knows(at) {
				return err
			}
			continue // deleted since
		}
		if p.end < end {
			return fmt.Errorf("partition %s ends at offset %d, want %d or more: %w (run freshet log verify)", p.tp, p.end, end, ErrCorrupt)
		}
	}
	return nil
}

// knows reports whether a partition is there for certain: beside the owner, the
// news of its deletion may be late.
func (w *backup) knows(at partitionID) bool {
	w.b.pub.RLock()
	defer w.b.pub.RUnlock()
	_, there := w.b.pub.byID[at.topic]
	return there && !w.b.readOnly
}
