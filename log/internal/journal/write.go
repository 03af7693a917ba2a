package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"

	"github.com/freshet/freshet/internal/vfs"
)

// write appends the group, with few large writes and at most one sync.
func (j *Journal) write(group []*Entry) error {
	startPos, startNext, startCRC := j.pos, j.next, j.prevCRC
	err := j.writeRecords(group)
	if err == nil && !j.writeInWindow(group) {
		err = j.flush()
	}
	if err != nil {
		j.buf = j.buf[:0]
		if !vfs.IsNoSpace(err) {
			return fmt.Errorf("write journal: %w", err)
		}
		j.pos, j.next, j.prevCRC = startPos, startNext, startCRC
		if takeErr := j.takeBack(); takeErr != nil {
			// Not wrapped: whether the group is there after a crash, nobody knows.
			return fmt.Errorf("take back a group that the disk had no room for: %v", takeErr)
		}
		return err
	}
	j.written.Store(j.next - 1)
	j.bytes.Add(j.pos - startPos)
	for _, e := range group {
		j.beside += e.Elsewhere
	}
	if j.cfg.Sync != SyncGroups {
		return nil
	}
	return j.syncFile()
}

// takeBack removes everything behind j.pos, where the records of a refused
// group may stand. All of it, since a whole record behind a missing one looks
// like corruption; and durably, since a crash must not bring back what was
// refused.
func (j *Journal) takeBack() error {
	if err := j.file.Truncate(j.pos); err != nil {
		return err
	}
	if err := j.syncFile(); err != nil {
		return err
	}
	// Without the reservation the next group finds out that the disk is full.
	reserved, err := j.reserve(j.file)
	j.reserved, j.zeroed = reserved, j.pos
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

func (j *Journal) writeRecords(group []*Entry) error {
	now := uint64(j.cfg.Now().UnixMilli())
	for _, e := range group {
		for i, part := range e.Parts {
			var flags uint32
			if i < len(e.Parts)-1 {
				flags = flagMore
			}
			if err := j.writeRecord(part, flags, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *Journal) writeRecord(body [][]byte, flags uint32, now uint64) error {
	size := 0
	for _, b := range body {
		size += len(b)
	}
	if size > maxBodyBytes {
		return fmt.Errorf("journal record of %d bytes, at most %d", size, maxBodyBytes)
	}
	var header [recordHeaderBytes]byte
	h := recordHeader{
		bodyBytes: uint32(size), salt: j.salt, sequence: j.next, prevCRC: j.prevCRC,
		flags: flags, durable: j.durable.Load(), timeMillis: now,
	}
	h.put(header[:])
	h.crc = headerCRC(header[:])
	for _, b := range body {
		h.crc = crc32.Update(h.crc, castagnoli, b)
	}
	h.put(header[:])
	if err := j.append(header[:]); err != nil {
		return err
	}
	for _, b := range body {
		if err := j.append(b); err != nil {
			return err
		}
	}
	var zero [alignBytes]byte
	if err := j.append(zero[:paddedBytes(size)-int64(recordHeaderBytes+size)]); err != nil {
		return err
	}
	j.next++
	j.prevCRC = h.crc
	return nil
}

// append gathers small pieces and writes large ones where they are.
func (j *Journal) append(b []byte) error {
	if len(j.buf)+len(b) <= cap(j.buf) {
		j.buf = append(j.buf, b...)
		return nil
	}
	if err := j.flush(); err != nil {
		return err
	}
	if len(b) < cap(j.buf) {
		j.buf = append(j.buf, b...)
		return nil
	}
	_, err := j.file.WriteAt(b, j.pos)
	j.pos += int64(len(b))
	return err
}

func (j *Journal) flush() error {
	n := len(j.buf)
	_, err := j.file.WriteAt(j.buf, j.pos)
	j.pos += int64(n)
	j.buf = j.buf[:0]
	if err == nil && n < zeroAheadBytes/4 {
		err = j.zeroAhead()
	}
	return err
}

// zeroAheadBytes is how much zeroAhead writes.
const zeroAheadBytes = 256 << 10

var zeros [zeroAheadBytes]byte

// zeroAhead writes zeros where the next records go, at times, for a journal that
// syncs each group. They are what the file has there already; but a file system
// notes of space that is only reserved when it is first written to, and the sync
// of a small group that does it takes half as long again.
func (j *Journal) zeroAhead() error {
	if j.cfg.Sync != SyncGroups || j.pos <= j.zeroed {
		return nil
	}
	n := min(zeroAheadBytes, j.reserved-j.pos)
	if n <= 0 {
		return nil
	}
	_, err := j.file.WriteAt(zeros[:n], j.pos)
	if vfs.IsNoSpace(err) { // the group is there nevertheless
		j.reserved, err = 0, nil
	}
	j.zeroed = j.pos + n
	return err
}

// windowRecordBytes is the size up to which a record goes through memory.
const windowRecordBytes = 16 << 10

// writeInWindow writes a group that is one small record, of which nothing is
// written yet. No more than one: if the process dies meanwhile any bytes may be
// missing, and a whole record behind a torn one looks like corruption.
func (j *Journal) writeInWindow(group []*Entry) bool {
	if len(group) > 1 || len(group[0].Parts) > 1 || len(j.buf) > windowRecordBytes || !j.window.Write(j.buf, j.pos) {
		return false
	}
	j.pos += int64(len(j.buf))
	j.buf = j.buf[:0]
	return true
}

// SyncNow makes everything written so far durable, for the interval mode. A
// failure poisons the journal.
func (j *Journal) SyncNow() error {
	if err := j.Err(); err != nil {
		return err
	}
	if j.durable.Load() == j.written.Load() {
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
	f, sealed := j.unsyncedFile()
	for ; sealed; f, sealed = j.unsyncedFile() {
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
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

// unsyncedFile takes the oldest sealed file, or returns the open one when there is
// none: as of then everything that was written is there, or synced.
func (j *Journal) unsyncedFile() (f vfs.File, sealed bool) {
	j.filesMu.Lock()
	defer j.filesMu.Unlock()
	if len(j.sealed) == 0 {
		return j.file, false
	}
	f = j.sealed[0]
	j.sealed = j.sealed[1:]
	return f, true
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

// rollIfFull begins a new file when the open one has reached its size.
func (j *Journal) rollIfFull() error {
	if j.pos+j.beside < j.cfg.FileBytes {
		return nil
	}
	return j.Roll()
}

// Roll seals the file and begins the next. Only the leader may call it (see
// [Journal.Exclusive]).
func (j *Journal) Roll() error {
	if j.cfg.Sync == SyncGroups {
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
	old := j.file
	j.file, j.window, j.salt = f, window, salt
	j.pos, j.beside, j.reserved, j.zeroed = fileHeaderBytes, 0, reserved, 0
	if old != nil && j.cfg.Sync != SyncGroups {
		// The next sync means this file too, and may be under way in it: nobody
		// waits for that here.
		j.sealed = append(j.sealed, old)
		old = nil
	}
	j.filesMu.Unlock()
	if old != nil {
		err = errors.Join(err, old.Close())
	}
	return err
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
