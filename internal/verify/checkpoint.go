package verify

import (
	"errors"
	"io/fs"
)

const (
	checkpointName        = "CHECKPOINT"
	checkpointMagic       = "FRESHETC"
	checkpointHeaderBytes = 48
	flagClosed            = 1 << 0

	journalDir = "journal"
	topicsDir  = "topics"
)

type checkpointHeader struct {
	version uint32
	first   uint64 // sequence number that replaying begins with
	epoch   int32
	flags   uint32
}

// checkpoint reads CHECKPOINT and reports whether the rest can be judged by it.
func (v *verifier) checkpoint() bool {
	f, err := openFile(v.fsys, checkpointName)
	if errors.Is(err, fs.ErrNotExist) {
		v.missingCheckpoint()
		return false
	}
	if err != nil {
		v.unreadable(checkpointName, err)
		return false
	}
	defer done(f)
	info, err := f.Stat()
	if err != nil {
		v.unreadable(checkpointName, err)
		return false
	}
	s := &v.stream
	s.open(f, info.Size())
	if pos, err := v.checkpointHeader(s); err != nil {
		v.report.problem(checkpointName, pos, "%v", err)
		return false
	}
	if pos, err := v.entries(s, place(inCheckpoint, v.header.version)); err != nil {
		v.report.problem(checkpointName, pos, "%v", err)
		return false
	}
	v.report.Closed = v.header.flags&flagClosed != 0
	for _, t := range v.sortedTopics() {
		for _, p := range t.partitions {
			if !p.known {
				v.report.problem(checkpointName, checkpointHeaderBytes, "partition %s is missing", p)
			}
			p.journalFrom = p.sealedEnd
		}
	}
	return true
}

func (v *verifier) checkpointHeader(s *stream) (pos int64, err error) {
	magic := string(s.take(len(checkpointMagic)))
	v.header.version = s.u32()
	at := s.pos
	want := s.u32()
	v.header.first = s.u64()
	s.id() // of the cluster
	v.header.epoch = int32(s.u32())
	v.header.flags = s.u32()
	if err := checkMagic(magic, checkpointMagic, v.header.version); err != nil && s.pos > at {
		return 0, err
	}
	if s.err != nil {
		return s.pos, s.err
	}
	entries, end := s.pos, s.limit
	s.seek(0, end)
	sum := s.crc(0, at)
	s.skip(4)
	sum = s.crc(crcOfZeros(sum), s.left())
	switch {
	case s.err != nil:
		return at, s.err
	case sum != want:
		return at, crcError(sum, want)
	case v.header.flags&^flagClosed != 0:
		return at, flagsError(v.header.flags)
	}
	s.seek(entries, end)
	return 0, nil
}

// missingCheckpoint tells a log that lost the file from one whose first opening
// was cut short.
func (v *verifier) missingCheckpoint() {
	if !v.used() {
		v.report.note(checkpointName, 0, "it is missing and nothing was ever written: the first opening was cut short")
		return
	}
	v.report.problem(checkpointName, 0, "it is missing, but there is data (put it back from a backup)")
}

// used reports whether something was written into the log.
func (v *verifier) used() bool {
	topics, err := fs.ReadDir(v.fsys, topicsDir)
	if len(topics) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	files, err := fs.ReadDir(v.fsys, journalDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	for _, e := range files {
		j, err := v.openJournal(e.Name())
		if err != nil {
			return true
		}
		j.read(&v.stream)
		used := j.anything(fileHeaderBytes)
		done(j.f)
		if used {
			return true
		}
	}
	return false
}
