package verify

import (
	"errors"
	"slices"
)

// journal reads the journal from the place of the checkpoint on.
func (v *verifier) journal() {
	r := &replay{v: v, path: checkpointName}
	for i := 0; i < len(v.files); {
		onward := r.file(v.files[i], v.files[i+1:])
		if onward == 0 {
			break
		}
		i += onward
	}
	if n := len(r.parts); n > 0 && !r.broken {
		v.report.note(r.path, r.parts[0].pos, "a commit of which %d records are there and the last is not; it never happened", n)
	}
	v.truncated = r.broken
	if !r.broken {
		v.checkGoing(r.path)
		v.checkTxns(r.path)
		v.checkOffsets()
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

// file replays one file and returns how many files further to go on; 0 at the
// end of the journal.
func (r *replay) file(j *journalFile, later []*journalFile) (onward int) {
	j.read(&r.v.stream)
	if err := j.readHeader(); err != nil {
		if sound, onward := r.badHeader(j, later, err); !sound {
			return onward
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
			if err = r.take(j, rec); err == nil {
				pos = rec.end()
				continue
			}
			return r.missing(j, rec, later, err)
		}
		// Files between were begun by openings that were cut short: their numbers
		// were given again.
		if i := slices.IndexFunc(later, func(l *journalFile) bool { return l.first == r.next }); i >= 0 {
			r.seam(j, pos)
			return i + 1
		}
		var again bool
		if pos, again, onward = r.end(j, pos, later, err); !again {
			return onward
		}
	}
}

// lost notes that records are missing and goes on looking at single ones.
func (r *replay) lost() (onward int) {
	r.broken, r.seen, r.parts = true, false, nil
	return 1
}

// at returns the next record, which must be at pos.
func (r *replay) at(j *journalFile, pos int64) (record, error) {
	rec, err := j.record(pos)
	switch {
	case err != nil:
		return rec, err
	case rec.sequence != r.next:
		return rec, sequenceError(rec.sequence, r.next)
	case rec.prevCRC != r.crc:
		return rec, prevError(rec.prevCRC, r.crc)
	}
	return rec, nil
}

// take takes a record in, and the commit that it is the last one of. It returns
// an error if that speaks of what is not there.
func (r *replay) take(j *journalFile, rec record) error {
	if rec.flags&^flagMore != 0 {
		r.v.report.problem(j.name, rec.pos, "record %d: %v", rec.sequence, flagsError(rec.flags))
	}
	r.parts = append(r.parts, rec)
	if rec.flags&flagMore == 0 {
		if err := r.commit(j); err != nil {
			r.parts = r.parts[:len(r.parts)-1]
			return err
		}
	}
	r.next++
	r.crc, r.seen = rec.crc, true
	j.s.seek(rec.end(), j.size())
	return nil
}

// commit takes in a commit as a whole or, if something that it speaks of is
// missing, not at all.
func (r *replay) commit(j *journalFile) error {
	v, where := r.v, place(inJournal, j.version)
	if !r.broken {
		for _, part := range r.parts {
			j.s.seek(part.body(), part.body()+part.bodyBytes)
			if err := v.findPlaced(j.s); err != nil {
				return err
			}
		}
	}
	v.report.Commits++
	for _, part := range r.parts {
		if r.broken {
			break
		}
		j.s.seek(part.body(), part.body()+part.bodyBytes)
		v.entryPath = j.name
		if at, err := v.entries(j.s, where); err != nil {
			v.report.problem(j.name, at, "record %d: %v", part.sequence, err)
		}
	}
	r.parts = r.parts[:0]
	return nil
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
func (r *replay) end(j *journalFile, pos int64, later []*journalFile, why error) (next int64, again bool, onward int) {
	// The owner may have written on since; what it wrote is whole by the time
	// that something behind it is.
	after := r.after(j, pos, r.next, later)
	j.s.forget()
	j.s.seek(pos, j.size())
	if _, err := r.at(j, pos); err == nil {
		return pos, true, 0
	}
	var unreadable *readError
	switch {
	case errors.As(why, &unreadable):
		r.v.report.problem(j.name, pos, "%v", why)
		return pos, false, r.lost()
	case after.found && (after.durable >= r.next || r.sameBoot(j)):
		r.v.report.problem(j.name, pos, "record %d: %v, but record %d after it is whole", r.next, why, after.first.sequence)
		r.lost()
		if after.in != j {
			return pos, false, 1
		}
		r.next, r.crc = after.first.sequence, after.first.prevCRC
		return after.first.pos, true, 0
	case after.found:
		r.v.report.note(j.name, pos, "record %d: %v; a power cut lost it and kept record %d, neither was synced; the journal ends here", r.next, why, after.first.sequence)
	case j.anything(pos):
		r.v.report.note(j.name, pos, "record %d: %v; torn tail: a write that was cut short, or is under way; the journal ends here", r.next, why)
	}
	return pos, false, 0
}

// missing decides what a whole record is that speaks of a batch which is not in
// its segment. That was written before the record, so only a power cut can lose
// it, and only as long as it was not synced.
func (r *replay) missing(j *journalFile, rec record, later []*journalFile, why error) (onward int) {
	after := r.after(j, rec.end(), rec.sequence, later)
	if after.durable >= rec.sequence || r.sameBoot(j) {
		r.v.report.problem(j.name, rec.pos, "record %d: %v", rec.sequence, why)
		return r.lost()
	}
	r.v.report.note(j.name, rec.pos, "record %d: %v; a power cut lost that and it was not synced; the journal ends here", rec.sequence, why)
	r.parts = nil
	return 0
}

// after tells of the valid records from pos on with a number above n.
func (r *replay) after(j *journalFile, pos int64, n uint64, later []*journalFile) (after laterRecords) {
	j.s.forget()
	if j.anything(pos) {
		j.later(pos, n, &after)
	}
	for _, other := range later {
		r.inFile(other, n, &after)
	}
	return after
}

// inFile looks into a file whose turn has not come, and may never come.
func (r *replay) inFile(j *journalFile, n uint64, after *laterRecords) {
	j.read(&stream{})
	err := j.readHeader()
	if err == nil {
		j.later(fileHeaderBytes, n, after)
		return
	}
	var version *versionError
	if j.anything(fileHeaderBytes) || errors.As(err, &version) {
		if r.v.badFiles == nil {
			r.v.badFiles = map[string]bool{}
		}
		if !r.v.badFiles[j.name] {
			r.v.badFiles[j.name] = true
			r.v.report.problem(j.name, 0, "%v", err)
		}
	}
}

func (r *replay) sameBoot(j *journalFile) bool {
	return r.v.boot != [16]byte{} && r.v.boot == j.boot
}

// badHeader tells a file that was never begun from one that is damaged. The
// header may be sound by now, if its owner was just beginning it.
func (r *replay) badHeader(j *journalFile, later []*journalFile, bad error) (sound bool, onward int) {
	used := j.anything(fileHeaderBytes)
	var after laterRecords
	for i := 0; !used && i < len(later); i++ {
		r.inFile(later[i], j.first, &after)
		used = after.found
	}
	err := j.readHeader()
	if err == nil {
		return true, 0
	}
	var version *versionError
	if used || errors.As(err, &version) {
		if !r.v.badFiles[j.name] {
			r.v.report.problem(j.name, 0, "%v", err)
		}
		return false, r.lost()
	}
	r.v.report.note(j.name, 0, "%v; nothing is behind it: the file was never begun", bad)
	return false, 0
}
