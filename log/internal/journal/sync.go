package journal

import (
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/vfs"
)

// SyncNow makes everything written so far durable, for the interval mode
// and for checkpoints. A failure poisons the journal.
func (j *Journal) SyncNow() error {
	if err := j.Err(); err != nil {
		return err
	}
	if j.durable.Load() == j.written.Load() && j.waiting() == 0 {
		return nil
	}
	if err := j.syncFile(); err != nil {
		return j.poison(err)
	}
	return nil
}

// syncFile makes everything written so far durable. Its first error is its
// answer for ever: a system forgets what it failed to write, and would call the
// next sync a success, also for a group that another goroutine waits to
// acknowledge.
func (j *Journal) syncFile() error {
	j.syncMu.Lock()
	defer j.syncMu.Unlock()
	if j.syncErr == nil {
		j.syncErr = j.syncLocked()
	}
	return j.syncErr
}

func (j *Journal) syncLocked() error {
	written := j.written.Load()
	elsewhere, err := j.syncElsewhere()
	if err != nil {
		return err
	}
	sealed, f := j.unsyncedFiles()
	for i, f := range sealed {
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			for _, f := range sealed[i+1:] {
				err = errors.Join(err, f.Close())
			}
			return fmt.Errorf("sync sealed journal file: %v", err)
		}
	}
	if err := j.syncOpenFile(f, elsewhere); err != nil {
		return err
	}
	j.durable.Store(written)
	j.syncs.Add(1)
	return nil
}

// unsyncedFiles takes the sealed files, for the caller to sync and to close, and
// returns the open one with them: what was written before is in one of these, or
// synced. All at once: the leader may seal files as fast as they are synced.
func (j *Journal) unsyncedFiles() (sealed []vfs.File, open vfs.File) {
	j.filesMu.Lock()
	defer j.filesMu.Unlock()
	sealed, j.sealed = j.sealed, nil
	return sealed, j.file
}

// waiting returns how many sealed files wait for a sync.
func (j *Journal) waiting() int {
	j.filesMu.Lock()
	defer j.filesMu.Unlock()
	return len(j.sealed)
}

func (j *Journal) syncElsewhere() (later func() error, err error) {
	if j.cfg.SyncElsewhere == nil {
		return nil, nil
	}
	later, err = j.cfg.SyncElsewhere()
	return later, elsewhereError(err)
}

// Sync errors are not wrapped: a full disk that shows only here must not be taken
// for one that refused a write, since what was written may be lost.
func elsewhereError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sync beside the journal: %v", err)
}

// syncOpenFile syncs the file that is written to, and at the same time what is
// elsewhere. That is the longer of the two, so it does not wait for a goroutine
// to be woken.
func (j *Journal) syncOpenFile(f vfs.File, elsewhere func() error) error {
	var err, other error
	if elsewhere == nil {
		err = f.Sync()
	} else {
		synced := make(chan error, 1)
		go func() { synced <- f.Sync() }()
		other = elsewhereError(elsewhere())
		err = <-synced
	}
	if other != nil {
		return other
	}
	if err != nil {
		return fmt.Errorf("sync journal: %v", err)
	}
	return nil
}
