package log

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
)

// followInterval is how often a read-only broker looks whether the owner's
// journal has grown. Nothing tells one process of another's writes on all
// systems alike.
const followInterval = 20 * time.Millisecond

// OpenReadOnly opens the log in dir for reading, beside the process that owns
// it, if one does. Nothing in dir is changed. Consumers follow what the owner
// writes, at a distance of some tens of milliseconds, and may see a commit a
// moment before the owner has it acknowledged. Everything that would write
// fails with ErrReadOnly.
func OpenReadOnly(dir string, cfg Config) (*Broker, error) {
	fsys, err := vfs.Existing(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open log %s: %w: the directory does not exist", dir, ErrNotALog)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return openReadOnlyFS(fsys, dir, cfg)
}

func openReadOnlyFS(fsys vfs.FS, dir string, cfg Config) (*Broker, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	b := newBroker(fsys, dir, cfg)
	b.readOnly = true
	b.follow = &follower{b: b}
	if err := b.follow.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", dir, err), b.closeFiles())
	}
	if cfg.stepped {
		return b, nil
	}
	b.background.Add(1)
	go b.follow.run()
	return b, nil
}

// A follower keeps a read-only broker at the end of the owner's journal.
type follower struct {
	b      *Broker
	first  uint64 // of the checkpoint that was loaded
	reader *journal.Reader
}

// loadRetries bounds how often load starts over because the owner replaced the
// checkpoint and its journal meanwhile.
const loadRetries = 100

// load reads the checkpoint and what the journal has behind it.
func (f *follower) load() error {
	for try := 0; ; try++ {
		err := f.tryLoad()
		if errors.Is(err, fs.ErrNotExist) && try < loadRetries {
			if _, statErr := f.b.fsys.Stat(checkpointName); errors.Is(statErr, fs.ErrNotExist) {
				return f.b.noCheckpoint()
			}
			continue
		}
		return err
	}
}

// tryLoad reads everything into a broker that nobody sees, and then makes it
// visible in one step.
func (f *follower) tryLoad() error {
	h, entries, err := readCheckpoint(f.b.fsys)
	if err != nil {
		return err
	}
	next := f.unseen(h)
	r, err := f.read(next, h, entries)
	if err != nil {
		f.forget(next.segments(), f.b.segments())
		return err
	}
	b := f.b
	b.pub.Lock()
	defer b.pub.Unlock()
	err = f.close()
	f.reader, f.first = r, h.first
	before := b.segments()
	b.takeOverLocked(next)
	f.forget(before, b.segments())
	f.forgetDoomedLocked()
	return err
}

// unseen returns an empty broker of the same log.
func (f *follower) unseen(h checkpointHeader) *Broker {
	next := &Broker{fsys: f.b.fsys, dir: f.b.dir, cfg: f.b.cfg, readOnly: true, files: f.b.files, follow: f}
	next.resetLocked()
	next.cluster, next.epoch, next.format = h.cluster, h.epoch, h.version
	return next
}

// read takes a checkpoint in, and the journal behind it as far as that goes.
func (f *follower) read(next *Broker, h checkpointHeader, entries []byte) (*journal.Reader, error) {
	if err := applyEntries(entries, loader{next}.apply); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, &vfs.CorruptError{Path: checkpointName, Pos: checkpointHeaderBytes, Err: err}
	}
	if h.closed {
		return nil, nil
	}
	r, err := journal.OpenReader(vfs.Sub(f.b.fsys, journalDir), h.first)
	if err != nil {
		return nil, err
	}
	err = readCommits(r, next)
	if err == nil {
		err = f.checkEnd(r)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// checkEnd returns fs.ErrNotExist where the end of the journal is none: the owner
// has written another checkpoint since, and has removed what goes on there. The
// segments of the older one have more than the journal as it was read.
func (f *follower) checkEnd(r *journal.Reader) error {
	h, err := peekCheckpoint(f.b.fsys)
	if err == nil && h.first > r.Sequence() {
		err = fmt.Errorf("record %d of the journal is before the newest checkpoint: %w", r.Sequence(), fs.ErrNotExist)
	}
	return err
}

// readCommits applies the commits that the journal has gained. The lock of b is
// held, or nobody else sees it.
func readCommits(r *journal.Reader, b *Broker) error {
	for {
		parts, err := r.Next()
		if err != nil || parts == nil {
			return err
		}
		if err := (loader{b}).commit(parts); err != nil {
			return err
		}
	}
}

func (f *follower) run() {
	defer f.b.background.Done()
	t := time.NewTicker(followInterval)
	defer t.Stop()
	for {
		select {
		case <-f.b.stop:
			return
		case <-t.C:
		}
		f.tell(f.step())
	}
}

// tell lets consumers know whether the log is followed; once there is nothing
// left to fetch they get the error. After one, the next step begins anew.
func (f *follower) tell(err error) {
	b := f.b
	b.pub.Lock()
	defer b.pub.Unlock()
	changed := (err == nil) != (b.pub.followErr == nil)
	b.pub.followErr = err
	if err == nil {
		return
	}
	f.first = 0
	if !changed {
		return
	}
	b.cfg.Logger.Warn("cannot follow the log", "err", err)
	for _, t := range b.pub.topics {
		for _, p := range t.partitions() {
			p.wakeLocked()
		}
	}
}

// step takes in what is new. A new checkpoint is loaded, which gives up the
// memory of what its segments hold.
func (f *follower) step() error {
	h, err := peekCheckpoint(f.b.fsys)
	if err != nil {
		return err
	}
	if h.first != f.first || h.closed != (f.reader == nil) {
		return f.load()
	}
	if f.reader == nil {
		return nil
	}
	f.b.pub.Lock()
	err = readCommits(f.reader, f.b)
	f.forgetDoomedLocked()
	f.b.pub.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		return f.load() // there is a newer checkpoint, and what was replaced is gone
	}
	return err
}

func (f *follower) close() error {
	if f.reader == nil {
		return nil
	}
	err := f.reader.Close()
	f.reader = nil
	return err
}
