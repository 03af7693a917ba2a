package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/freshet/freshet/internal/vfs"
)

// rollIfFull begins a new file when the open one has reached its size.
func (j *Journal) rollIfFull() error {
	if j.pos+j.beside < j.cfg.FileBytes {
		return nil
	}
	return j.Roll()
}

// maxSealed is how many sealed files wait for a sync at most.
const maxSealed = 8

// Roll seals the file and begins the next. Only the leader may call it (see
// [Journal.Exclusive]).
func (j *Journal) Roll() error {
	if j.waiting() >= maxSealed { // the disk cannot keep up
		if err := j.syncFile(); err != nil {
			return err
		}
	}
	if err := j.begin(); err != nil {
		return err
	}
	j.cfg.Sequencer.Rolled(j.next)
	return nil
}

// begin creates the file whose first record is j.next and makes it the one
// that is written to. The file and its name are durable before it is used.
func (j *Journal) begin() error {
	name := fileName(j.next)
	salt := rand.Uint64()
	f, err := j.cfg.FS.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create journal file: %w", err)
	}
	reserved, err := j.format(f, fileHeader{salt: salt, first: j.next, boot: j.cfg.Boot, prevCRC: j.prevCRC})
	if err == nil {
		err = j.cfg.FS.SyncDir(".")
	}
	var window *vfs.Window
	if err == nil {
		window, err = j.openWindow(f)
	}
	if err != nil {
		// Left behind, the file would look like the start of a sequence that
		// never began.
		if closeErr := f.Close(); closeErr != nil {
			return fmt.Errorf("create journal file: %w (and close: %v)", err, closeErr)
		}
		if rmErr := j.cfg.FS.Remove(name); rmErr != nil {
			return fmt.Errorf("create journal file: %w (and remove: %v)", err, rmErr)
		}
		return fmt.Errorf("create journal file: %w", err)
	}
	err = j.window.Close()
	j.filesMu.Lock()
	if j.file != nil {
		// Whoever syncs next means this file too, and a sync of it may be under
		// way: nobody waits for that here.
		j.sealed = append(j.sealed, j.file)
	}
	j.file, j.window, j.salt = f, window, salt
	j.pos, j.beside, j.reserved, j.zeroed = fileHeaderBytes, 0, reserved, 0
	j.filesMu.Unlock()
	return err
}

// reserve reserves the space of a file. On a disk that is nearly full the file
// does without: what is written next may be what gives room back, such as the end
// of a topic.
func (j *Journal) reserve(f vfs.File) (reserved int64, err error) {
	err = f.Preallocate(j.cfg.FileBytes)
	if vfs.IsNoSpace(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return f.Size()
}

// openWindow returns what small records are written through, nil where it would
// not pay: each sync makes the system look at the page anew.
func (j *Journal) openWindow(f vfs.File) (*vfs.Window, error) {
	if j.cfg.Sync == SyncGroups {
		return nil, nil
	}
	return vfs.NewWindow(f)
}

func (j *Journal) format(f vfs.File, h fileHeader) (reserved int64, err error) {
	reserved, err = j.reserve(f)
	if err == nil {
		_, err = f.WriteAt(h.encode(), 0)
	}
	if err != nil {
		return 0, err
	}
	return reserved, f.Sync()
}

// New begins a journal, or goes on with one that was replayed: the next
// record gets sequence number next.
func New(cfg Config, next uint64) (*Journal, error) {
	j := &Journal{cfg: cfg, next: next, buf: make([]byte, 0, writeBufBytes)}
	j.idle.L = &j.mu
	j.written.Store(next - 1)
	j.durable.Store(next - 1)
	if err := j.begin(); err != nil {
		return nil, err
	}
	return j, nil
}

// RemoveBefore deletes the files all of whose records are before first.
func RemoveBefore(fsys vfs.FS, first uint64) error {
	return remove(fsys, func(f uint64) bool { return f < first })
}

// Settle makes the end that Replay has found last. The file in which it is gets
// synced: a group that was taken back just before a kill would else come back
// with a power cut, reach the number of the next file and seem to go on there.
// The files behind it are deleted, so that a program that is killed again and
// again while it opens the log does not fill the disk with files that it never
// used.
func Settle(fsys vfs.FS, t Tail) error {
	if t.Last == 0 {
		return nil
	}
	f, err := fsys.OpenFile(fileName(t.Last), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("sync end of journal: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync end of journal: %w", err)
	}
	return remove(fsys, func(first uint64) bool { return first > t.Last })
}

func remove(fsys vfs.FS, which func(first uint64) bool) error {
	files, err := list(fsys)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !which(f) {
			continue
		}
		if err := fsys.Remove(fileName(f)); err != nil {
			return fmt.Errorf("remove journal file: %w", err)
		}
	}
	return nil
}
