package verify

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A specimen is a log with every kind of file, killed: segments with indexes,
// and several journal files that no checkpoint has made superfluous.
type specimen struct {
	m     *vfs.Mem
	files map[string][]byte
	clean *Report

	// counts is the number of bytes of each file that the checkpoint vouches
	// for: of a segment, its size there.
	counts map[string]int64
	// lastRecord is where the newest record of the journal begins, by file.
	// Damage to it looks like a write cut short.
	lastRecord map[string]int64
}

func newSpecimen(t *testing.T) *specimen {
	t.Helper()
	m := vfs.NewMem()
	held := make(chan struct{}) // closed when neither segments nor checkpoints may be written
	release := make(chan struct{})
	fsys := vfs.Fail(m, func(op vfs.Op) error {
		select {
		case <-held:
			if strings.HasPrefix(op.Name, topicsDir) || path.Ext(op.Name) == ".tmp" {
				<-release
			}
		default:
		}
		return nil
	})
	b, err := log.OpenFS(fsys, log.Config{JournalBytes: 8 << 10, SegmentBytes: 12 << 10, TailBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateTopic("orders", log.TopicConfig{Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	c := b.NewCommitBuilder()
	commit := func(i int) {
		for p := range int32(2) {
			r := log.Record{Key: []byte("key"), Value: []byte(strings.Repeat(fmt.Sprint(i), 120)),
				Headers: []log.Header{{Key: "h", Value: []byte("v")}}}
			if err := c.Append("orders", p, &r); err != nil {
				t.Fatal(err)
			}
		}
		tp := log.TopicPartition{Topic: "orders"}
		if err := c.SetOffset("group", tp, log.CommittedOffset{Offset: log.Offset(i), Metadata: "m"}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Commit(c.Build()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 80 {
		commit(i)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = log.OpenFS(fsys, log.Config{JournalBytes: 4 << 10, TailBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	c = b.NewCommitBuilder()
	close(held)
	for i := range 24 {
		commit(i)
	}
	s := &specimen{m: m.KillProcess(), files: map[string][]byte{}, counts: map[string]int64{}, lastRecord: map[string]int64{}}
	close(release)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	s.describe(t)
	return s
}

func (s *specimen) describe(t *testing.T) {
	t.Helper()
	s.clean = s.verify(t)
	if !s.clean.OK() || len(s.clean.Notes) > 0 {
		t.Fatalf("undamaged, it has problems %v, notes %v", s.clean.Problems, s.clean.Notes)
	}
	s.walk(t, ".")
	v := newVerifier(memFS{s.m})
	if !v.checkpoint() {
		t.Fatal(v.report)
	}
	for _, tp := range v.sortedTopics() {
		for _, p := range tp.partitions {
			for _, g := range p.segments {
				s.counts[p.logName(g.segmentName)] = g.size
			}
		}
	}
	v.openJournals()
	defer v.closeJournals()
	for _, j := range v.files {
		j.read(&v.stream)
		if err := j.readHeader(); err != nil {
			t.Fatal(err)
		}
		for pos := int64(fileHeaderBytes); ; {
			r, err := j.record(pos)
			if err != nil {
				break
			}
			s.lastRecord[j.name] = pos
			pos = r.end()
		}
	}
	kinds := map[string]int{}
	for name := range s.files {
		kinds[path.Ext(name)]++
	}
	if kinds[".log"] < 4 || kinds[".index"] < 4 || kinds[".timeindex"] < 4 || kinds[".journal"] < 3 {
		t.Fatalf("too few files to damage: %v", kinds)
	}
}

func (s *specimen) walk(t *testing.T, dir string) {
	t.Helper()
	entries, err := s.m.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			s.walk(t, name)
			continue
		}
		if name == "LOCK" {
			continue
		}
		if s.files[name], err = vfs.ReadFile(s.m, name); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *specimen) verify(t *testing.T) *Report {
	t.Helper()
	r, err := Directory(memFS{s.m}, Options{Boot: thisBoot(t)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write replaces the content of a file.
func (s *specimen) write(t *testing.T, name string, content []byte) {
	t.Helper()
	f, err := s.m.OpenFile(name, os.O_RDWR|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A verdict is what is expected of damage.
type verdict int

const (
	nothing verdict = iota // nobody can tell, or it does not matter
	finding                // a note will do
	problem
)

// damage puts content in the place of a file, and looks what verify says of it.
func (s *specimen) damage(t *testing.T, name string, content []byte, want verdict, what string) {
	t.Helper()
	s.write(t, name, content)
	r := s.verify(t)
	s.write(t, name, s.files[name])
	got := nothing
	switch {
	case len(r.Problems) > 0:
		got = problem
	case len(r.Notes) > 0:
		got = finding
	}
	if got < want {
		t.Errorf("%s: %s: verdict %d, want %d; notes %v", name, what, got, want, r.Notes)
	}
}

// TestFindsFlippedBits flips bits all over every file.
func TestFindsFlippedBits(t *testing.T) {
	s := newSpecimen(t)
	stride := 3
	if testing.Short() {
		stride = 61
	}
	for name, content := range s.files {
		last := s.lastJournal(name)
		for pos := 0; pos < len(content); pos += stride {
			want := problem
			switch path.Ext(name) {
			case ".log":
				if int64(pos) >= s.counts[name] {
					continue // not counted yet: it comes again from the journal
				}
			case ".index", ".timeindex":
				want = finding // an entry may come to point behind the end
			case ".journal":
				if int64(pos) >= s.lastRecord[name] && (last || content[pos] == 0) {
					want = finding // the tail, or the zeros behind it
				}
			}
			bad := append([]byte(nil), content...)
			bad[pos] ^= 1 << (pos % 8)
			s.damage(t, name, bad, want, fmt.Sprintf("bit %d of byte %d flipped", pos%8, pos))
		}
	}
}

// lastJournal reports whether name is the newest file of the journal.
func (s *specimen) lastJournal(name string) bool {
	for other := range s.lastRecord {
		if other > name {
			return false
		}
	}
	return true
}

// TestFindsZeroedSectors zeroes each sector of every file, as a disk that lost
// a write shows it.
func TestFindsZeroedSectors(t *testing.T) {
	const sectorBytes = 512
	s := newSpecimen(t)
	for name, content := range s.files {
		for pos := 0; pos < len(content); pos += sectorBytes {
			end := min(pos+sectorBytes, len(content))
			bad := append([]byte(nil), content...)
			clear(bad[pos:end])
			if string(bad) == string(content) {
				continue
			}
			want := problem
			switch path.Ext(name) {
			case ".log":
				if int64(pos) >= s.counts[name] {
					continue
				}
			case ".index", ".timeindex":
				want = finding
			case ".journal":
				if s.lastJournal(name) && int64(end) > s.lastRecord[name] {
					want = nothing // no record is whole behind it
				}
			}
			s.damage(t, name, bad, want, fmt.Sprintf("bytes %d to %d zeroed", pos, end))
		}
	}
}

// TestFindsTruncation cuts every file at many places.
func TestFindsTruncation(t *testing.T) {
	s := newSpecimen(t)
	stride := 41
	if testing.Short() {
		stride = 401
	}
	for name, content := range s.files {
		for size := 0; size < len(content); size += stride {
			want := problem
			switch path.Ext(name) {
			case ".log":
				if int64(size) >= s.counts[name] {
					continue
				}
			case ".index", ".timeindex":
				want = finding
			case ".journal":
				switch {
				case s.lastJournal(name) && size < fileHeaderBytes:
					want = finding // a file that was never begun
				case s.lastJournal(name):
					want = nothing // between two records, the journal just ends
				case int64(size) > s.lastRecord[name]:
					continue // it may cut zeros alone
				}
			}
			s.damage(t, name, content[:size], want, fmt.Sprintf("cut to %d bytes", size))
		}
	}
}

// TestFindsMissingFiles removes each file.
func TestFindsMissingFiles(t *testing.T) {
	s := newSpecimen(t)
	for name, content := range s.files {
		want := problem
		switch {
		case path.Ext(name) == ".index", path.Ext(name) == ".timeindex":
			want = finding
		case path.Ext(name) == ".log" && s.counts[name] == 0, s.lastJournal(name):
			want = nothing
		}
		if err := s.m.Remove(name); err != nil {
			t.Fatal(err)
		}
		r := s.verify(t)
		f, err := s.m.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		s.write(t, name, content)
		if want == problem && r.OK() || want == finding && len(r.Notes)+len(r.Problems) == 0 {
			t.Errorf("%s removed: problems %v, notes %v", name, r.Problems, r.Notes)
		}
	}
}
