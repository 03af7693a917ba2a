package verify

import (
	"errors"
	"fmt"
)

// journal reads the journal from the place of the checkpoint on.
func (v *verifier) journal() {
	r := &replay{v: v}
	for i, j := range v.files {
		if !r.file(j, v.files[i+1:]) {
			break
		}
	}
	if n := len(r.parts); n > 0 && !r.broken {
		v.report.note(r.path, r.parts[0].pos, "a commit of which %d records are there and the last is not; it never happened", n)
	}
}

// A replay goes through the journal as recovery does.
type replay struct {
	v      *verifier
	path   string
	next   uint64   // sequence number wanted
	crc    uint32   // of the record before
	seen   bool     // there is one
	parts  []record // of a commit whose last one has not come
	broken bool     // records are lost, so what the others say cannot be judged
}

// file replays one file and reports whether to go on with the next.
func (r *replay) file(j *journalFile, later []*journalFile) (more bool) {
	j.read(&r.v.stream)
	if err := j.readHeader(); err != nil {
		if sound, more := r.badHeader(j, later, err); !sound {
			return more
		}
	}
	if r.seen && j.prevCRC != r.crc {
		r.v.report.problem(j.name, 0, "it follows a record with crc %08x, the one before has %08x", j.prevCRC, r.crc)
		r.lost()
	}
	r.path, r.next, r.crc = j.name, j.first, j.prevCRC
	pos := int64(fileHeaderBytes)
	for {
		rec, err := r.at(j, pos)
		if err == nil {
			pos = r.take(j, rec)
			continue
		}
		if len(later) > 0 && later[0].first == r.next {
			r.seam(j, pos)
			return true
		}
		var again bool
		if pos, again, more = r.end(j, pos, later, err); !again {
			return more
		}
	}
}

// lost notes that records are missing and goes on looking at single ones.
func (r *replay) lost() bool {
	r.broken, r.seen, r.parts = true, false, nil
	return true
}

// at returns the next record, which must be at pos.
func (r *replay) at(j *journalFile, pos int64) (record, error) {
	rec, err := j.record(pos)
	switch {
	case err != nil:
		return rec, err
	case rec.sequence != r.next:
		return rec, fmt.Errorf("sequence %d, want %d", rec.sequence, r.next)
	case rec.prevCRC != r.crc:
		return rec, fmt.Errorf("crc of the record before is %08x, want %08x", rec.prevCRC, r.crc)
	}
	return rec, nil
}

// take takes a record in and returns where the next is.
func (r *replay) take(j *journalFile, rec record) int64 {
	r.next++
	r.crc, r.seen = rec.crc, true
	if rec.flags&^flagMore != 0 {
		r.v.report.problem(j.name, rec.pos, "record %d: %v", rec.sequence, flagsError(rec.flags))
	}
	r.parts = append(r.parts, rec)
	if rec.flags&flagMore != 0 {
		return rec.end()
	}
	r.v.report.Commits++
	for _, part := range r.parts {
		if r.broken {
			break
		}
		j.s.seek(part.body(), part.body()+part.bodyBytes)
		if at, err := r.v.entries(j.s, false); err != nil {
			r.v.report.problem(j.name, at, "record %d: %v", part.sequence, err)
		}
	}
	r.parts = r.parts[:0]
	j.s.seek(rec.end(), j.size())
	return rec.end()
}

// seam checks what stands where a file ends that another continues.
func (r *replay) seam(j *journalFile, pos int64) {
	if len(r.parts) > 0 {
		r.v.report.problem(j.name, r.parts[0].pos, "a commit of which %d records are there and the last is in no place", len(r.parts))
		r.lost()
	}
	if j.anything(pos) {
		r.v.report.note(j.name, pos, "bytes behind the last record, which nobody reads")
	}
}

// end decides what it is that no record follows at pos. again says that there
// is more to be read in this file, from next on.
func (r *replay) end(j *journalFile, pos int64, later []*journalFile, why error) (next int64, again, more bool) {
	// The owner may have written on since; what it wrote is whole by the time
	// that something behind it is.
	after, here, found := r.after(j, pos, later)
	j.s.forget()
	j.s.seek(pos, j.size())
	if _, err := r.at(j, pos); err == nil {
		return pos, true, false
	}
	var unreadable *readError
	switch {
	case errors.As(why, &unreadable):
		r.v.report.problem(j.name, pos, "%v", why)
		return pos, false, r.lost()
	case found && (after.durable >= r.next || r.sameBoot(j)):
		r.v.report.problem(j.name, pos, "record %d: %v, but record %d after it is whole", r.next, why, after.sequence)
		r.lost()
		if here {
			r.next, r.crc = after.sequence, after.prevCRC
		}
		return after.pos, here, true
	case found:
		r.v.report.note(j.name, pos, "record %d: %v; a power cut lost it and kept record %d, neither was synced; the journal ends here", r.next, why, after.sequence)
	case j.anything(pos):
		r.v.report.note(j.name, pos, "record %d: %v; torn tail: a write that was cut short, or is under way; the journal ends here", r.next, why)
	}
	return pos, false, false
}

// after returns the first valid record with a number above the one wanted,
// and whether it is in this file.
func (r *replay) after(j *journalFile, pos int64, later []*journalFile) (rec record, here, found bool) {
	j.s.forget()
	if j.anything(pos) {
		if rec, found = j.later(pos, r.next); found {
			return rec, true, true
		}
	}
	for _, other := range later {
		if rec, found = other.firstValid(r.next); found {
			return rec, false, true
		}
	}
	return record{}, false, false
}

// firstValid returns the first valid record above n of a file whose turn has
// not come.
func (j *journalFile) firstValid(n uint64) (record, bool) {
	j.read(&stream{})
	if j.readHeader() != nil {
		return record{}, false // its own turn will tell
	}
	return j.later(fileHeaderBytes, n)
}

func (r *replay) sameBoot(j *journalFile) bool {
	return r.v.boot != [16]byte{} && r.v.boot == j.boot
}

// badHeader tells a file that was never begun from one that is damaged. The
// header may be sound by now, if its owner was just beginning it.
func (r *replay) badHeader(j *journalFile, later []*journalFile, bad error) (sound, more bool) {
	used := j.anything(fileHeaderBytes)
	for i := 0; !used && i < len(later); i++ {
		_, used = later[i].firstValid(j.first)
	}
	err := j.readHeader()
	if err == nil {
		return true, true
	}
	var version *versionError
	if used || errors.As(err, &version) {
		r.v.report.problem(j.name, 0, "%v", err)
		return false, r.lost()
	}
	r.v.report.note(j.name, 0, "%v; nothing is behind it: the file was never begun", bad)
	return false, false
}
