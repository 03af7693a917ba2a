package segment

import (
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// timedSpans returns n batches of about that size from offset base on. Their
// times grow, but for some that are late, early, negative or far ahead.
func timedSpans(rng *rand.Rand, base int64, n, bytes int) []Span {
	out := make([]Span, 0, n)
	now := int64(1_700_000_000_000)
	for range n {
		now += rng.Int64N(30)
		at := now
		switch rng.IntN(12) {
		case 0:
			at -= rng.Int64N(50)
		case 1:
			at += rng.Int64N(50)
		case 2:
			at = -1 - rng.Int64N(3)
		}
		records := 1 + rng.Int64N(3)
		out = append(out, spanAt(base, records, at, rng.IntN(2*bytes)))
		base += records
	}
	return out
}

// spanAt returns a batch of records of which the last is at that time and the
// others before.
func spanAt(base, records, millis int64, bytes int) Span {
	var b batch.Builder
	b.Reset(0)
	for i := range records {
		b.Append(millis-(records-1-i), nil, make([]byte, bytes/int(records)), nil)
	}
	made := b.Finish()
	batch.Stamp(made, base, 1)
	return Span{made, base, base + records - 1}
}

// A model knows where everything is in a segment.
type model struct {
	t     testing.TB
	what  string
	spans []Span
}

func (m *model) maxTime(i int) int64 {
	h, err := batch.ParseHeader(m.spans[i].Bytes)
	if err != nil {
		m.t.Fatal(err)
	}
	return h.MaxTimestampMillis
}

func (m *model) size() (size int64) {
	for _, sp := range m.spans {
		size += int64(len(sp.Bytes))
	}
	return size
}

// check compares every lookup by offset and by time that could differ.
func (m *model) check(s *Segment) {
	m.t.Helper()
	pos := int64(0)
	times := make([]int64, len(m.spans))
	for i, sp := range m.spans {
		times[i] = m.maxTime(i)
		for _, offset := range []int64{sp.First, sp.Last} {
			if got, err := s.Position(offset); err != nil || got != pos {
				m.t.Fatalf("%s: offset %d is at %d, %v, want %d", m.what, offset, got, err, pos)
			}
		}
		pos += int64(len(sp.Bytes))
	}
	for _, at := range times {
		for millis := at - 1; millis <= at+1; millis++ {
			m.checkTime(s, times, millis)
		}
	}
	if got, err := s.MaxTimestamp(); err != nil || len(times) > 0 && !holds(times, got) {
		m.t.Fatalf("%s: newest timestamp %d, %v", m.what, got, err)
	}
}

// holds reports whether newest is the largest of times.
func holds(times []int64, newest int64) bool {
	found := false
	for _, at := range times {
		if at > newest {
			return false
		}
		found = found || at == newest
	}
	return found
}

func (m *model) checkTime(s *Segment, times []int64, millis int64) {
	m.t.Helper()
	want, found := int64(0), false
	for i, at := range times {
		if at >= millis {
			found = true
			break
		}
		want += int64(len(m.spans[i].Bytes))
	}
	if !found {
		want = 0
	}
	if got, ok, err := s.FindTimestamp(millis); err != nil || ok != found || got != want {
		m.t.Fatalf("%s: timestamp %d is at %d, %v, %v, want %d, %v", m.what, millis, got, ok, err, want, found)
	}
}

// readAll compares all bytes.
func (m *model) readAll(s *Segment) {
	m.t.Helper()
	got, err := readWhole(s)
	if err != nil {
		m.t.Fatalf("%s: %v", m.what, err)
	}
	for i, sp := range m.spans {
		if len(got) < len(sp.Bytes) || string(got[:len(sp.Bytes)]) != string(sp.Bytes) {
			m.t.Fatalf("%s: batch %d is not what was written", m.what, i)
		}
		got = got[len(sp.Bytes):]
	}
	if len(got) > 0 {
		m.t.Fatalf("%s: %d bytes too many", m.what, len(got))
	}
}

// files returns the content of both index files, nil where there is none.
func indexFiles(t testing.TB, fsys vfs.FS, n Name) (b [kinds][]byte) {
	t.Helper()
	for k := offsetIndexFile; k < kinds; k++ {
		if _, err := fsys.Stat(n.file(k)); err != nil {
			continue
		}
		var err error
		if b[k], err = vfs.ReadFile(fsys, n.file(k)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// replace gives a file that content, or removes it where that is nil.
func replace(t testing.TB, fsys vfs.FS, name string, content []byte) {
	t.Helper()
	if content == nil {
		if _, err := fsys.Stat(name); err == nil {
			if err := fsys.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if err := vfs.WriteFileAtomic(fsys, name, content); err != nil {
		t.Fatal(err)
	}
}
