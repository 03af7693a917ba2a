package journal

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A Sequencer orders and publishes what is written. The journal calls it from
// one goroutine at a time, the leader.
type Sequencer interface {
	// Sequence is called for each entry in the order of the journal, before
	// the entry is written. It numbers what the entry holds and sets
	// Entry.Parts. An error refuses the entry, and must leave no trace.
	Sequence(e *Entry) error

	// Publish is called when the group is as durable as was asked for.
	Publish(group []*Entry)

	// Undo is called in the place of Publish when the group was refused
	// because the disk is full. It takes back what Sequence did.
	Undo(group []*Entry)

	// Lost is called in the place of Publish when the journal was poisoned:
	// nobody knows whether the group is there.
	Lost(group []*Entry)

	// Rolled is called when a new file has begun, between two groups:
	// everything before sequence number first is published.
	Rolled(first uint64)
}

// SyncMode says when the journal is synced.
type SyncMode int

const (
	SyncGroups SyncMode = iota // each group, before it is published
	SyncTimed                  // when SyncNow is called
	SyncNever                  // never while it is open: the operating system's affair
)

// A Config sets up a Journal.
type Config struct {
	FS        vfs.FS // rooted at the journal's directory
	FileBytes int64  // at which a file is sealed and the next begun
	Sync      SyncMode
	Boot      Boot

	// SyncElsewhere returns what makes durable that which the records written so
	// far speak of but do not hold, see Entry.Elsewhere: it is called beside the
	// sync of the journal. Nil is for nothing to do, or done already. May be nil.
	SyncElsewhere func() (later func() error, err error)

	Now       func() time.Time
	Sequencer Sequencer
}

// An Entry is one commit on its way through the journal. It is written, and
// after a crash read, as a whole.
type Entry struct {
	// Parts are the records of the commit, each a list of slices that are
	// written one behind the other. Set by Sequencer.Sequence.
	Parts [][][]byte

	// Elsewhere is how many bytes the entry has written outside of the journal.
	// They count towards the size of the file, so that replaying is bounded.
	Elsewhere int64

	// Commit is the sequencer's own.
	Commit any

	run  func() error // instead of Parts: to be run by the leader, alone
	err  error
	wake chan signal // made when the entry has to wait for another's
}

// NewEntry returns an entry for Commit. The zero Entry will do too.
func NewEntry(commit any) *Entry { return &Entry{Commit: commit} }

type signal int

const (
	finished signal = iota // the entry's err is set
	lead                   // the entry is the first in the queue and has to lead
)

// A group is bounded so that its first member is not kept waiting by the rest.
const (
	maxGroupEntries = 1024
	writeBufBytes   = 256 << 10
)

// A Journal is safe for any number of committing goroutines.
type Journal struct {
	cfg Config

	mu struct {
		sync.Mutex
		queue   []*Entry
		leading bool
		err     error // sticky: poisoned or closed
	}
	idle sync.Cond // on mu: nobody leads

	// syncMu is held while the files are synced, one sync at a time.
	syncMu  sync.Mutex
	syncErr error // of the first sync that failed; guarded by syncMu

	// filesMu is held while a file takes the place of the open one. It guards the
	// sealed ones, which the next sync syncs and closes.
	filesMu sync.Mutex
	sealed  []vfs.File

	// Owned by the leader.
	file      vfs.File
	window    *vfs.Window // of file; nil where small records are written to it
	pos       int64
	reserved  int64 // size of file: the space up to there is its own
	zeroed    int64 // up to where zeroAhead has written
	beside    int64 // bytes elsewhere that the file's records speak of
	salt      uint64
	next      uint64 // sequence number of the next record
	prevCRC   uint32
	buf       []byte
	group     []*Entry
	sequenced []*Entry // of the group, those that were not refused

	written atomic.Uint64 // last sequence number that the operating system has
	durable atomic.Uint64 // last sequence number known to be synced
	bytes   atomic.Int64  // written so far
	syncs   atomic.Int64
}

// Commit writes e and returns when it is published, or why it is not there.
// After ErrPoisoned nobody knows whether e is there; it was not published.
func (j *Journal) Commit(e *Entry) error {
	j.mu.Lock()
	if err := j.mu.err; err != nil {
		j.mu.Unlock()
		return err
	}
	j.mu.queue = append(j.mu.queue, e)
	if j.mu.leading {
		if e.wake == nil {
			e.wake = make(chan signal, 1)
		}
		j.mu.Unlock()
		if <-e.wake == finished {
			return e.err
		}
	} else {
		j.mu.leading = true
		j.mu.Unlock()
	}
	// e is the first of the queue here, so the group holds it.
	group := j.takeGroup()
	j.commitGroup(group)
	err := e.err
	j.handOver(group)
	return err
}

// Exclusive runs f as the leader, between two groups.
func (j *Journal) Exclusive(f func() error) error {
	e := NewEntry(nil)
	e.run = f
	return j.Commit(e)
}

func (j *Journal) takeGroup() []*Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 1
	if j.mu.queue[0].run == nil {
		for n < len(j.mu.queue) && n < maxGroupEntries && j.mu.queue[n].run == nil {
			n++
		}
	}
	j.group = append(j.group[:0], j.mu.queue[:n]...)
	rest := copy(j.mu.queue, j.mu.queue[n:])
	clear(j.mu.queue[rest:])
	j.mu.queue = j.mu.queue[:rest]
	return j.group
}

// handOver wakes the members of the group but the first, which is the caller,
// and makes the next in the queue the leader.
func (j *Journal) handOver(group []*Entry) {
	for _, e := range group[1:] {
		e.wake <- finished
	}
	clear(group)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mu.err != nil {
		for _, e := range j.mu.queue {
			e.err = j.mu.err
			e.wake <- finished
		}
		clear(j.mu.queue)
		j.mu.queue = j.mu.queue[:0]
	}
	if len(j.mu.queue) == 0 {
		j.mu.leading = false
		j.idle.Broadcast()
		return
	}
	j.mu.queue[0].wake <- lead
}

// commitGroup takes the group through the journal and sets each entry's err.
func (j *Journal) commitGroup(group []*Entry) {
	if group[0].run != nil {
		group[0].err = group[0].run()
		return
	}
	if err := j.rollIfFull(); err != nil {
		j.fail(group, nil, err)
		return
	}
	sequenced := j.sequenced[:0]
	for _, e := range group {
		if e.err = j.cfg.Sequencer.Sequence(e); e.err == nil {
			sequenced = append(sequenced, e)
		}
	}
	j.sequenced = sequenced
	defer clear(sequenced)
	if len(sequenced) == 0 {
		return
	}
	if err := j.write(sequenced); err != nil {
		j.fail(sequenced, sequenced, err)
		return
	}
	j.cfg.Sequencer.Publish(sequenced)
}

// fail gives every entry the error. Of those that were sequenced a full disk is
// undone; anything else poisons the journal.
func (j *Journal) fail(group, sequenced []*Entry, err error) {
	if vfs.IsNoSpace(err) {
		j.cfg.Sequencer.Undo(sequenced)
		err = fmt.Errorf("%w: %w", ErrNoSpace, err)
	} else {
		err = j.poison(err)
		j.cfg.Sequencer.Lost(sequenced)
	}
	for _, e := range group {
		e.err = err
	}
}

// poison makes err the answer to every later commit and returns it as that.
func (j *Journal) poison(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mu.err == nil || errors.Is(j.mu.err, ErrClosed) {
		j.mu.err = fmt.Errorf("%w: %w", ErrPoisoned, err)
	}
	return j.mu.err
}

// Poison stops the journal for a failure that its owner met elsewhere.
func (j *Journal) Poison(err error) error { return j.poison(err) }

// Err returns what stopped the journal, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mu.err
}

// Next returns the sequence number of the next record. Only the leader may
// ask, or anybody once the journal is closed.
func (j *Journal) Next() uint64 { return j.next }

// Written returns how many bytes of records were written since the journal was
// made, and how often it was synced. Anybody may ask.
func (j *Journal) Written() (bytes, syncs int64) { return j.bytes.Load(), j.syncs.Load() }

// Close lets the group that is being written finish, then syncs and closes the
// file. Commits that were not begun, and later ones, fail with ErrClosed. Where
// the journal was poisoned Close returns that. Only the first call does
// anything.
func (j *Journal) Close() error {
	j.mu.Lock()
	err := j.mu.err
	if err == nil {
		j.mu.err = ErrClosed
	}
	for j.mu.leading {
		j.idle.Wait()
	}
	j.mu.Unlock()
	if err == nil {
		if err = j.syncFile(); err != nil {
			err = j.poison(err)
		}
	}
	if err == nil {
		if stopped := j.Err(); !errors.Is(stopped, ErrClosed) {
			err = stopped // by the last group
		}
	}
	return errors.Join(err, j.closeFiles())
}

func (j *Journal) closeFiles() error {
	j.syncMu.Lock()
	defer j.syncMu.Unlock()
	j.filesMu.Lock()
	defer j.filesMu.Unlock()
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.window.Close(), j.file.Close())
	for _, f := range j.sealed { // of a journal that was poisoned before
		err = errors.Join(err, f.Close())
	}
	j.file, j.sealed = nil, nil
	return err
}
