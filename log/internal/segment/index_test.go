package segment

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// mutilate returns what a disk, a crash or a person may have made of an index.
func mutilate(rng *rand.Rand, good, other []byte) (what string, bad []byte) {
	switch rng.IntN(8) {
	case 0:
		return "missing", nil
	case 1:
		n := rng.IntN(len(good) + 1)
		return fmt.Sprintf("cut to %d bytes", n), good[:n]
	case 2:
		n := rng.IntN(len(good)/4) * 4
		return fmt.Sprintf("an older one of %d bytes", n), good[:n]
	case 3:
		bad = make([]byte, rng.IntN(2*len(good)))
		for i := range bad {
			bad[i] = byte(rng.Uint32())
		}
		return fmt.Sprintf("%d bytes of garbage", len(bad)), bad
	case 4:
		bad = bytes.Clone(good)
		at := rng.IntN(len(bad))
		clear(bad[at:])
		return fmt.Sprintf("zeros from %d on", at), bad
	case 5:
		return "that of another segment", other
	case 6:
		at := rng.IntN(len(good)/4) * 4
		return fmt.Sprintf("entries doubled at %d", at), append(bytes.Clone(good[:at]), good[at/2/4*4:]...)
	}
	bad = bytes.Clone(good)
	for range 1 + rng.IntN(3) {
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
	}
	return "bits flipped", bad
}

// TestIndexesAreDisposable mutilates both indexes in every way: all lookups are
// as right as before, also when nobody remembers what the files were like.
func TestIndexesAreDisposable(t *testing.T) {
	const seed = 5
	rounds := 5000
	if testing.Short() {
		rounds = 200
	}
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := vfs.NewMem()
	m := &model{t: t, spans: timedSpans(rng, 7, 60, 1300)}
	meta := filled(t, fsys, 7, m.spans).Meta()
	good := indexFiles(t, fsys, Name{7, 0})
	if meta.Sums.OffsetEntries < 10 || meta.Sums.TimeEntries < 5 {
		t.Fatalf("seed %d: %+v shows nothing", seed, meta.Sums)
	}
	another := vfs.NewMem()
	filled(t, another, 7, timedSpans(rng, 7, 60, 1300))
	other := indexFiles(t, another, Name{7, 0})
	for round := range rounds {
		m.what = fmt.Sprintf("seed %d, round %d", seed, round)
		for k := offsetIndexFile; k < kinds; k++ {
			what, bad := "untouched", good[k]
			if rng.IntN(4) > 0 {
				what, bad = mutilate(rng, good[k], other[k])
			}
			m.what += fmt.Sprintf(", %s: %s", suffixes[k], what)
			replace(t, fsys, Name{7, 0}.file(k), bad)
		}
		checkMutilated(m, rng, fsys, meta, good)
	}
}

func checkMutilated(m *model, rng *rand.Rand, fsys vfs.FS, meta Meta, good [kinds][]byte) {
	m.t.Helper()
	openAny := Open
	if rng.IntN(2) == 0 {
		openAny = OpenReadOnly
		m.what += ", read only"
	}
	want := meta
	if rng.IntN(3) == 0 {
		meta.Sums, meta.MaxTimestampMillis = Sums{}, Unknown
		m.what += ", sums unknown"
	}
	before := indexFiles(m.t, fsys, Name{7, 0})
	s, err := openAny(NewFiles(0), fsys, meta)
	if err != nil {
		m.t.Fatalf("%s: %v", m.what, err)
	}
	m.check(s)
	if err := s.Sync(); (err != nil) != s.readOnly {
		m.t.Fatalf("%s: %v", m.what, err)
	}
	after := indexFiles(m.t, fsys, Name{7, 0})
	for k := offsetIndexFile; k < kinds; k++ {
		if s.readOnly && !bytes.Equal(before[k], after[k]) {
			m.t.Fatalf("%s: a reader changed %s", m.what, suffixes[k])
		}
		if !s.readOnly && !bytes.Equal(after[k], good[k]) {
			m.t.Fatalf("%s: %s was not made anew", m.what, suffixes[k])
		}
	}
	if got := s.Meta(); !s.readOnly && got != want {
		m.t.Fatalf("%s: %+v, want %+v", m.what, got, want)
	}
	if err := s.Close(); err != nil {
		m.t.Fatalf("%s: %v", m.what, err)
	}
}

// TestIndexesOfAnotherLog have the sums that are remembered, and yet are not
// true of the batches.
func TestIndexesOfAnotherLog(t *testing.T) {
	fsys := vfs.NewMem()
	m := &model{t: t, what: "another log"}
	var otherSpans []Span // of the same sizes, one offset on, and later
	for i := range int64(60) {
		m.spans = append(m.spans, spanAt(7+i, 1, 1000+i, 1300))
		otherSpans = append(otherSpans, spanAt(8+i, 1, 1000+2*i, 1300))
	}
	meta := filled(t, fsys, 7, m.spans).Meta()
	good := indexFiles(t, fsys, Name{7, 0})
	another := vfs.NewMem()
	meta.Sums = filled(t, another, 7, otherSpans).Meta().Sums
	other := indexFiles(t, another, Name{7, 0})
	for k := offsetIndexFile; k < kinds; k++ {
		replace(t, fsys, Name{7, 0}.file(k), other[k])
	}
	s, err := Open(NewFiles(0), fsys, meta)
	if err != nil {
		t.Fatal(err)
	}
	m.check(s)
	if got := indexFiles(t, fsys, Name{7, 0}); !bytes.Equal(got[timeIndexFile], good[timeIndexFile]) {
		t.Fatal("the time index was not made anew")
	}
}

// TestOffsetIndexMayLieWhileOpen: an entry is believed only where its batch
// agrees, so that not even damage after the check leads readers astray.
func TestOffsetIndexMayLieWhileOpen(t *testing.T) {
	const seed = 6
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := vfs.NewMem()
	m := &model{t: t, spans: timedSpans(rng, 7, 60, 1300)}
	s := filled(t, fsys, 7, m.spans)
	good := indexFiles(t, fsys, Name{7, 0})[offsetIndexFile]
	for round := range 300 {
		what, bad := mutilate(rng, good, good[8:])
		m.what = fmt.Sprintf("seed %d, round %d, %s", seed, round, what)
		f := &s.files[offsetIndexFile]
		o, err := f.acquire(0)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := o.WriteAt(bad, 0); err != nil {
			t.Fatal(err)
		}
		f.release(o)
		m.check(s)
	}
}

// TestIndexRule shows which batches have entries, by hand.
func TestIndexRule(t *testing.T) {
	fsys := vfs.NewMem()
	batchOf := func(base, millis int64) Span { return spanAt(base, 1, millis, 1900) }
	var ss []Span
	for i, millis := range []int64{100, 100, 80, 70, 60, 200, 200, 40, 210, 30, 20} {
		ss = append(ss, batchOf(10+int64(i), millis))
	}
	n := uint32(len(ss[0].Bytes)) // 3 batches are more than 4,096 bytes, 2 are not
	if 2*n > indexIntervalBytes || 3*n <= indexIntervalBytes {
		t.Fatalf("batches of %d bytes show something else", n)
	}
	filled(t, fsys, 10, ss)
	wantOffsets := []entry{{3, 3 * n}, {6, 6 * n}, {9, 9 * n}}
	wantTimes := []entry{{100, 0}, {200, 5}, {210, 8}}
	files := indexFiles(t, fsys, Name{10, 0})
	for k, want := range map[kind][]entry{offsetIndexFile: wantOffsets, timeIndexFile: wantTimes} {
		var b []byte
		for _, e := range want {
			b = appendEntry(b, k, e)
		}
		if !bytes.Equal(files[k], b) {
			t.Errorf("%s has %x, want %x", suffixes[k], files[k], b)
		}
	}
}

// TestIndexesDoNotDependOnHowTheyCameAbout: appending in one go or in many,
// with syncs and openings between, gives the files that making them anew gives.
func TestIndexesDoNotDependOnHowTheyCameAbout(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, seed))
	ss := timedSpans(rng, 0, 300, 1000)
	once := vfs.NewMem()
	want := filled(t, once, 0, ss).Meta()
	files := indexFiles(t, once, Name{})
	for round := range 30 {
		fsys := vfs.NewMem()
		s, err := Create(NewFiles(0), fsys, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for left := ss; len(left) > 0; {
			n := min(1+rng.IntN(20), len(left))
			if err := s.Append(left[:n], make([]byte, 0, 1000)); err != nil {
				t.Fatal(err)
			}
			left = left[n:]
			if rng.IntN(3) > 0 {
				continue
			}
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(2) == 0 {
				s = reopened(t, fsys, s)
			}
		}
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		if got := s.Meta(); got != want {
			t.Fatalf("seed %d, round %d: %+v, want %+v", seed, round, got, want)
		}
		got := indexFiles(t, fsys, Name{})
		for k := offsetIndexFile; k < kinds; k++ {
			if !bytes.Equal(got[k], files[k]) {
				t.Fatalf("seed %d, round %d: %s differs", seed, round, suffixes[k])
			}
		}
	}
}

func reopened(t testing.TB, fsys vfs.FS, s *Segment) *Segment {
	t.Helper()
	m := s.Meta()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(NewFiles(0), fsys, m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMemoryOfAnIndexHasABound reads a segment whose indexes cannot be saved.
func TestMemoryOfAnIndexHasABound(t *testing.T) {
	const seed = 8
	rng := rand.New(rand.NewPCG(seed, seed))
	mem := vfs.NewMem()
	ss := make([]Span, 0, 12_000)
	for i := range int64(cap(ss)) {
		ss = append(ss, spanAt(i, 1, 1000+i/2*2, 4100))
	}
	meta := filled(t, mem, 0, ss).Meta()
	if meta.Sums.OffsetEntries < maxTail*5/4 {
		t.Fatalf("%d entries show nothing", meta.Sums.OffsetEntries)
	}
	meta.Sums = Sums{}
	reads := 0
	full := vfs.Fail(mem, func(op vfs.Op) error {
		switch {
		case op.Kind == vfs.OpRead:
			reads++
		case op.Kind == vfs.OpWrite:
			return syscall.ENOSPC
		}
		return nil
	})
	for _, openAny := range []func(*Files, vfs.FS, Meta) (*Segment, error){Open, OpenReadOnly} {
		s, err := openAny(NewFiles(0), full, meta)
		if err != nil {
			t.Fatal(err)
		}
		reads = 0
		if offsets, _, err := s.IndexEntries(); err != nil || offsets != len(ss)-1 {
			t.Fatalf("%d entries, %v, want %d", offsets, err, len(ss)-1)
		}
		if limit := int(meta.SizeBytes/walkMostBytes) + 20; reads > limit {
			t.Errorf("%d reads made the index, want at most %d", reads, limit)
		}
		x := &s.mu.indexes
		if len(x.offsets.tail) > maxTail || len(x.times.tail) > maxTail {
			t.Errorf("%d and %d entries in memory, want at most %d", len(x.offsets.tail), len(x.times.tail), maxTail)
		}
		pos := int64(0)
		for i, sp := range ss {
			if rng.IntN(20) == 0 {
				if got, err := s.Position(sp.First); err != nil || got != pos {
					t.Fatalf("offset %d is at %d, %v, want %d", sp.First, got, err, pos)
				}
				at := pos - int64(i%2*len(sp.Bytes))
				if got, found, err := s.FindTimestamp(1000 + int64(i)/2*2); err != nil || !found || got != at {
					t.Fatalf("seed %d: timestamp of batch %d is at %d, %v, %v, want %d", seed, i, got, found, err, at)
				}
			}
			pos += int64(len(sp.Bytes))
		}
	}
}

// TestFloor compares with a search from the beginning, across the sizes at
// which the search reads differently.
func TestFloor(t *testing.T) {
	const seed = 9
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := vfs.NewMem()
	for k := offsetIndexFile; k < kinds; k++ {
		for _, n := range []int{1, 2, pageEntries - 1, pageEntries, pageEntries + 1, 5000} {
			var b []byte
			all := make([]entry, n)
			key := int64(0)
			for i := range all {
				key += 1 + rng.Int64N(5)
				all[i] = entry{key, uint32(i)}
				b = appendEntry(b, k, all[i])
			}
			replace(t, fsys, "x", b)
			f, err := fsys.OpenFile("x", 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			at := -1
			for key := int64(-1); key <= all[n-1].key+1; key++ {
				for at+1 < n && all[at+1].key <= key {
					at++
				}
				got, found, err := floorInFile(f, k, n, key)
				if err != nil || found != (at >= 0) || found && got != all[at] {
					t.Fatalf("%d entries, key %d: %v, %v, %v, want entry %d", n, key, got, found, err, at)
				}
			}
			if got, found, err := floorInFile(f, k, n, math.MaxInt64); err != nil || !found || got != all[n-1] {
				t.Fatalf("%v, %v, %v", got, found, err)
			}
		}
	}
}
