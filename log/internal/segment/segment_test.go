package segment

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// spans returns n batches of a few records each, from offset base on.
func spans(rng *rand.Rand, base int64, n int) []Span {
	var out []Span
	for range n {
		var b batch.Builder
		b.Reset(0)
		records := 1 + rng.IntN(5)
		for range records {
			b.Append(0, nil, make([]byte, rng.IntN(600)), nil)
		}
		bytes := b.Finish()
		batch.Stamp(bytes, base, 1)
		out = append(out, Span{bytes, base, base + int64(records) - 1})
		base += int64(records)
	}
	return out
}

func filled(t testing.TB, fsys vfs.FS, base int64, ss []Span) *Segment {
	t.Helper()
	s, err := Create(NewFiles(16), fsys, base, 0)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 1000)
	for len(ss) > 0 {
		n := min(3, len(ss))
		if err := s.Append(ss[:n], buf); err != nil {
			t.Fatal(err)
		}
		ss = ss[n:]
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	return s
}

// meta is all that an old checkpoint knows.
func meta(base, size, end int64) Meta {
	return Meta{Base: base, First: base, End: end, SizeBytes: size, FirstTimestampMillis: Unknown, MaxTimestampMillis: Unknown}
}

// check reads the segment from every batch on, found by an offset inside it.
func check(t testing.TB, s *Segment, ss []Span) {
	t.Helper()
	for i, sp := range ss {
		pos, err := s.Position(sp.First + rand.Int64N(sp.Last-sp.First+1))
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.ReadAt(pos, 1+rand.IntN(4000), nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []byte
		for j := i; len(want) < len(b); j++ {
			want = append(want, ss[j].Bytes...)
		}
		if !bytes.Equal(b, want) {
			t.Fatalf("batch %d at %d: read %d bytes that are not the batches from there", i, pos, len(b))
		}
	}
	if b, err := s.ReadAt(s.SizeBytes(), 100, nil); len(b) > 0 || err != nil {
		t.Fatalf("at the end: %d bytes, %v", len(b), err)
	}
}

func TestReadFindsEveryBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	ss := spans(rng, 1000, 300)
	s := filled(t, vfs.NewMem(), 1000, ss)
	check(t, s, ss)
	if s.End() != ss[len(ss)-1].Last+1 {
		t.Fatalf("end %d, want %d", s.End(), ss[len(ss)-1].Last+1)
	}
}

func TestOpenCutsWhatTheCheckpointDoesNotKnow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	ss := spans(rng, 0, 50)
	fsys := vfs.NewMem()
	s := filled(t, fsys, 0, ss)
	known := int64(0)
	for _, sp := range ss[:20] {
		known += int64(len(sp.Bytes))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(NewFiles(16), fsys, meta(0, known, ss[19].Last+1))
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, ss[:20])
	if err := s.Append(ss[20:], make([]byte, 0, 100)); err != nil {
		t.Fatal(err)
	}
	check(t, s, ss)
	if _, err := Open(NewFiles(16), fsys, meta(0, s.SizeBytes()+1, s.End())); !errors.Is(err, vfs.ErrCorrupt) {
		t.Fatalf("a segment that is too short: %v, want ErrCorrupt", err)
	}
}

// TestEveryFlipIsNoticed: a flipped bit is an error, never other records. The
// leader epoch of a batch is the one field that nothing checks here.
func TestEveryFlipIsNoticed(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	ss := spans(rng, 0, 4)
	fsys := vfs.NewMem()
	s := filled(t, fsys, 0, ss)
	var want []byte
	for _, sp := range ss {
		want = append(want, sp.Bytes...)
	}
	f, err := fsys.OpenFile(s.name(logFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(want) * 8 {
		pos := int64(bit / 8)
		flip := []byte{want[pos] ^ 1<<(bit%8)}
		if _, err := f.WriteAt(flip, pos); err != nil {
			t.Fatal(err)
		}
		got, err := readWhole(s)
		if err == nil && bytes.Equal(got, want) {
			t.Fatalf("bit %d was not read", bit)
		}
		if err == nil && !underNoChecksum(ss, pos) {
			t.Fatalf("bit %d: the flip went unnoticed", bit)
		}
		if _, err := f.WriteAt(want[pos:pos+1], pos); err != nil {
			t.Fatal(err)
		}
	}
}

func readWhole(s *Segment) ([]byte, error) {
	var got []byte
	for int64(len(got)) < s.SizeBytes() {
		b, err := s.ReadAt(int64(len(got)), int(s.SizeBytes()), nil)
		if err != nil {
			return nil, err
		}
		got = append(got, b...)
	}
	return got, nil
}

// underNoChecksum reports whether pos is in the base offset or leader epoch of
// a batch, which the broker sets after the checksum was made. Reading checks
// the offset against its neighbours; see log's consumer.
func underNoChecksum(ss []Span, pos int64) bool {
	for _, sp := range ss {
		if pos < int64(len(sp.Bytes)) {
			return pos < 8 || pos >= 12 && pos < 16
		}
		pos -= int64(len(sp.Bytes))
	}
	return false
}

// isCorruptAt reports whether err says that the .log makes no sense at pos.
func isCorruptAt(err error, pos int64) bool {
	var c *vfs.CorruptError
	return errors.As(err, &c) && c.Pos == pos
}
