package journal

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/freshet/freshet/internal/vfs"
)

// write appends the group, with few large writes and at most one sync.
func (j *Journal) write(group []*Entry) error {
	startPos, startNext, startCRC := j.pos, j.next, j.prevCRC
	err := j.writeRecords(group)
	if err == nil && !j.writeInWindow(group, startPos) {
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
	// Without the reservation the next group finds out that the disk is full, and
	// where the file ends now memory leads nowhere.
	reserved, err := j.reserve(j.file)
	j.reserved, j.zeroed = reserved, j.pos
	if err = errors.Join(err, j.window.Close()); err == nil {
		j.window, err = j.openWindow(j.file)
	}
	return err
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
func (j *Journal) writeInWindow(group []*Entry, startPos int64) bool {
	if len(group) > 1 || len(group[0].Parts) > 1 || j.pos > startPos || len(j.buf) > windowRecordBytes || !j.window.Write(j.buf, j.pos) {
		return false
	}
	j.pos += int64(len(j.buf))
	j.buf = j.buf[:0]
	return true
}
