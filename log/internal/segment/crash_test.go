package segment

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// A cutter is a disk that loses power after some changes.
type cutter struct {
	mem   *vfs.Mem
	rng   *rand.Rand
	after int
	left  *vfs.Mem // what the power cut left
}

func (c *cutter) inject(op vfs.Op) error {
	if !op.Kind.Mutates() || c.left != nil {
		return nil
	}
	if c.after--; c.after >= 0 {
		return nil
	}
	if c.rng.IntN(3) == 0 {
		c.left = c.mem.KillProcess()
	} else {
		c.left = c.mem.Crash(c.rng)
	}
	return nil
}

// TestCrash cuts the power at every moment of lives that append, sync and make
// indexes anew. What was synced is there, and found as before, whatever is left
// of the indexes.
func TestCrash(t *testing.T) {
	histories := 400
	if testing.Short() {
		histories = 40
	}
	for seed := range uint64(histories) {
		rng := rand.New(rand.NewPCG(seed, 31))
		all := timedSpans(rng, 3, 80, 900)
		m := &model{t: t}
		mem := vfs.NewMem()
		var known *Meta // as the checkpoint has it
		synced := 0     // batches
		for life := range 4 {
			m.what = fmt.Sprintf("seed %d, life %d", seed, life)
			c := &cutter{mem: mem, rng: rng, after: rng.IntN(25)}
			s := begin(m, vfs.Fail(mem, c.inject), known)
			m.spans = all[:synced]
			if c.left == nil {
				m.check(s)
			}
			for at := synced; c.left == nil && at < len(all); {
				n := min(1+rng.IntN(10), len(all)-at)
				if err := s.Append(all[at:at+n], nil); err != nil {
					t.Fatalf("%s: %v", m.what, err)
				}
				at += n
				if rng.IntN(2) == 0 || c.left != nil {
					continue
				}
				if err := s.Sync(); err != nil {
					t.Fatalf("%s: %v", m.what, err)
				}
				if c.left == nil {
					now := s.Meta()
					known, synced = &now, at
				}
			}
			if c.left == nil {
				break // it got to the end
			}
			mem = c.left
		}
		m.what = fmt.Sprintf("seed %d, at last", seed)
		m.spans = all[:synced]
		s := begin(m, mem, known)
		m.check(s)
		m.readAll(s)
	}
}

// begin opens the segment, or creates it if nobody knows of it.
func begin(m *model, fsys vfs.FS, known *Meta) *Segment {
	m.t.Helper()
	var s *Segment
	var err error
	if known == nil {
		s, err = Create(NewFiles(0), fsys, 3, 1)
	} else {
		s, err = Open(NewFiles(0), fsys, *known)
	}
	if err != nil {
		m.t.Fatalf("%s: %v", m.what, err)
	}
	return s
}

// TestDamageInTheLogIsTold: a batch that makes no sense fails the lookups that
// lead through it, and no others, whether the indexes were made before or after.
func TestDamageInTheLogIsTold(t *testing.T) {
	const seed = 32
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := vfs.NewMem()
	ss := timedSpans(rng, 0, 60, 1300)
	known := filled(t, fsys, 0, ss).Meta()
	pos := int64(0)
	for _, sp := range ss[:30] {
		pos += int64(len(sp.Bytes))
	}
	f, err := fsys.OpenFile(LogName(0, 0), 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{9}, pos+16); err != nil { // the magic
		t.Fatal(err)
	}
	for _, sums := range []Sums{known.Sums, {}} {
		known.Sums = sums
		s, err := Open(NewFiles(0), fsys, known)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Position(ss[29].Last); err != nil || got >= pos {
			t.Errorf("sums %+v: before it: %d, %v", sums, got, err)
		}
		if _, err := s.Position(ss[30].First); !isCorruptAt(err, pos) {
			t.Errorf("sums %+v: in it: %v, want corrupt at byte %d", sums, err, pos)
		}
		if _, err := s.ReadAt(pos, 100, nil); !isCorruptAt(err, pos) {
			t.Errorf("sums %+v: reading it: %v, want corrupt at byte %d", sums, err, pos)
		}
		if sums != (Sums{}) {
			if got, err := s.Position(ss[59].First); err != nil || got < pos {
				t.Errorf("behind it: %d, %v", got, err)
			}
			continue
		}
		if _, _, err := s.FindTimestamp(known.MaxTimestampMillis + 1); !isCorruptAt(err, pos) {
			t.Errorf("timestamp that is nowhere: %v, want corrupt at byte %d", err, pos)
		}
		if err := s.Append([]Span{spanAt(ss[59].Last+1, 1, 0, 10)}, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		if got := s.Meta().Sums; got != (Sums{}) {
			t.Errorf("the index of a damaged segment is to be believed: %+v", got)
		}
	}
}
