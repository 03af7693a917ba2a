package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestPlacedIsUnseenUntilPublished places batches apart, some without success,
// as the leader of the journal does with large ones.
func TestPlacedIsUnseenUntilPublished(t *testing.T) {
	const seed = 21
	rng := rand.New(rand.NewPCG(seed, seed))
	full := false
	mem := vfs.NewMem()
	fsys := vfs.Fail(mem, func(op vfs.Op) error {
		if full && op.Kind == vfs.OpWrite {
			return &vfs.ShortWrite{Bytes: rng.IntN(int(op.Bytes) + 1), Err: syscall.ENOSPC}
		}
		return nil
	})
	m := &model{t: t, what: fmt.Sprint("seed ", seed), spans: timedSpans(rng, 0, 100, 1000)}
	s, err := Create(NewFiles(0), fsys, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(m.spans); {
		group := m.spans[at:min(at+1+rng.IntN(4), len(m.spans))]
		before := s.Meta()
		pos := before.SizeBytes
		var placeErr error
		for _, sp := range group {
			full = rng.IntN(4) == 0
			if placeErr = s.Place(sp.Bytes, pos); placeErr != nil {
				break
			}
			pos += int64(len(sp.Bytes))
		}
		got := s.Meta()
		if got.Sums = before.Sums; got != before { // opened anew, it makes indexes
			t.Fatalf("before it is published: %+v, want %+v", got, before)
		}
		if placeErr != nil {
			if !vfs.IsNoSpace(placeErr) {
				t.Fatal(placeErr)
			}
			continue // another group goes there
		}
		full = false
		s.Publish(group)
		at += len(group)
		if rng.IntN(5) == 0 {
			s = reopened(t, fsys, s)
		}
	}
	m.check(s)
	m.readAll(s)
	if err := s.Place(m.spans[0].Bytes, s.SizeBytes()-1); err == nil {
		t.Error("placed over what readers see")
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	once := vfs.NewMem()
	if got, want := s.Meta(), filled(t, once, 0, m.spans).Meta(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestFailedAppendChangesNothing fills the disk at every write.
func TestFailedAppendChangesNothing(t *testing.T) {
	const seed = 22
	rng := rand.New(rand.NewPCG(seed, seed))
	m := &model{t: t, what: fmt.Sprint("seed ", seed), spans: timedSpans(rng, 0, 40, 500)}
	for fail := range 8 {
		writes := 0
		fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
			if op.Kind != vfs.OpWrite {
				return nil
			}
			if writes++; writes == fail+1 {
				return &vfs.ShortWrite{Bytes: rng.IntN(int(op.Bytes) + 1), Err: syscall.ENOSPC}
			}
			return nil
		})
		s, err := Create(NewFiles(0), fsys, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		half := len(m.spans) / 2
		failures := 0
		for _, part := range [][]Span{m.spans[:half], m.spans[half:]} {
			before := s.Meta()
			err := s.Append(part, make([]byte, 0, 3000))
			if err == nil {
				continue
			}
			failures++
			if got := s.Meta(); got != before || !vfs.IsNoSpace(err) {
				t.Fatalf("%v; %+v, want %+v", err, got, before)
			}
			if err := s.Append(part, make([]byte, 0, 3000)); err != nil {
				t.Fatal(err)
			}
		}
		if failures != 1 {
			t.Fatalf("%d appends failed, want 1 at write %d", failures, fail)
		}
		m.check(s)
		m.readAll(s)
	}
}

// TestCutsAtTheFirstAppend: opening changes nothing, and appending leaves
// nothing of what was behind the end.
func TestCutsAtTheFirstAppend(t *testing.T) {
	const seed = 23
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := vfs.NewMem()
	m := &model{t: t, what: fmt.Sprint("seed ", seed), spans: timedSpans(rng, 0, 40, 500)}
	all := m.spans
	whole := filled(t, fsys, 0, all).Meta()
	m.spans = all[:10]
	s, err := Open(NewFiles(0), fsys, meta(0, m.size(), all[9].Last+1))
	if err != nil {
		t.Fatal(err)
	}
	m.check(s)
	m.readAll(s)
	if info, err := fsys.Stat(LogName(0, 0)); err != nil || info.Size() != whole.SizeBytes {
		t.Fatalf("%v, %v: changed without an append", info, err)
	}
	m.spans = all[:11]
	if err := s.Append(all[10:11], nil); err != nil {
		t.Fatal(err)
	}
	if info, err := fsys.Stat(LogName(0, 0)); err != nil || info.Size() != m.size() {
		t.Fatalf("%d bytes, %v, want %d", info.Size(), err, m.size())
	}
	m.check(s)
}

// TestFollowerGoesOn reads what an owner appends, and what it has compacted
// away.
func TestFollowerGoesOn(t *testing.T) {
	for _, known := range []bool{true, false} {
		const seed = 24
		rng := rand.New(rand.NewPCG(seed, seed))
		fsys := vfs.NewMem()
		m := &model{t: t, what: fmt.Sprintf("seed %d, sums known %v", seed, known)}
		all := timedSpans(rng, 0, 150, 700)
		owner, err := Create(NewFiles(0), fsys, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var reader *Segment
		for len(m.spans) < len(all) {
			n := len(m.spans)
			m.spans = all[:min(n+1+rng.IntN(20), len(all))]
			if err := owner.Append(m.spans[n:], nil); err != nil {
				t.Fatal(err)
			}
			if err := owner.Sync(); err != nil {
				t.Fatal(err)
			}
			now := owner.Meta()
			if !known {
				now.Sums, now.MaxTimestampMillis, now.FirstTimestampMillis = Sums{}, Unknown, Unknown
			}
			if reader == nil {
				reader, err = OpenReadOnly(NewFiles(0), fsys, now)
			} else {
				err = reader.Extend(now)
			}
			if err != nil {
				t.Fatal(err)
			}
			if rng.IntN(3) > 0 {
				m.check(reader)
				m.readAll(reader)
				if n := len(reader.mu.indexes.offsets.tail); known && n > 0 {
					t.Fatalf("%s: %d entries in memory that the owner has saved", m.what, n)
				}
			}
			if first, err := reader.FirstTimestamp(); err != nil || first != m.maxTime(0) {
				t.Fatalf("%s: first timestamp %d, %v, want %d", m.what, first, err, m.maxTime(0))
			}
		}
		m.check(reader)
		if err := reader.Append(all[:1], nil); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a reader appends: %v", err)
		}
		now := owner.Meta()
		now.SizeBytes++
		if err := reader.Extend(now); !errors.Is(err, vfs.ErrCorrupt) {
			t.Errorf("a file that is too short: %v", err)
		}
	}
}

// TestCompacted: what compaction leaves may begin late, end early, or be
// nothing.
func TestCompacted(t *testing.T) {
	fsys := vfs.NewMem()
	s, err := Create(NewFiles(0), fsys, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	s.SetEnd(50)
	want := Meta{Base: 10, Generation: 2, First: 50, End: 50, FirstTimestampMillis: Unknown, MaxTimestampMillis: Unknown}
	if got := s.Meta(); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, fsys, s)
	for _, millis := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
		if pos, found, err := s.FindTimestamp(millis); pos != 0 || found || err != nil {
			t.Fatalf("in an empty segment: %d, %v, %v", pos, found, err)
		}
	}
	if pos, err := s.Position(30); pos != 0 || err != nil {
		t.Fatalf("%d, %v", pos, err)
	}
	if b, err := s.ReadAt(0, 100, nil); len(b) > 0 || err != nil {
		t.Fatalf("%d bytes, %v", len(b), err)
	}

	s, err = Create(NewFiles(0), fsys, 10, 3)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{t: t, what: "begins late", spans: []Span{spanAt(20, 3, 5, 100), spanAt(23, 1, -4, 5000), spanAt(24, 9, 7, 100)}}
	if err := s.Append(m.spans, nil); err != nil {
		t.Fatal(err)
	}
	s.SetEnd(50)
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	m.check(s)
	s = reopened(t, fsys, s)
	m.check(s)
	got := s.Meta()
	want = Meta{Base: 10, Generation: 3, First: 20, End: 50, SizeBytes: m.size(), FirstTimestampMillis: 5, MaxTimestampMillis: 7, Sums: got.Sums}
	if got != want || got.Sums.OffsetEntries != 1 {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if pos, err := s.Position(12); pos != 0 || err != nil {
		t.Fatalf("an offset that is gone is at %d, %v", pos, err)
	}
	if pos, err := s.Position(40); pos != m.size() || err != nil {
		t.Fatalf("an offset that is gone is at %d, %v, want the end, %d", pos, err, m.size())
	}
}

// TestKafkaReadsTheFile decodes a .log by the definitions of Kafka's protocol.
func TestKafkaReadsTheFile(t *testing.T) {
	const seed = 25
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := vfs.NewMem()
	ss := timedSpans(rng, 500, 30, 300)
	filled(t, fsys, 500, ss)
	b, err := vfs.ReadFile(fsys, LogName(500, 0))
	if err != nil {
		t.Fatal(err)
	}
	for i, sp := range ss {
		var k kmsg.RecordBatch
		if err := k.ReadFrom(b); err != nil {
			t.Fatalf("seed %d, batch %d: %v", seed, i, err)
		}
		if k.FirstOffset != sp.First || k.FirstOffset+int64(k.LastOffsetDelta) != sp.Last || k.NumRecords != int32(sp.Last-sp.First+1) {
			t.Fatalf("seed %d, batch %d: %+v, want offsets %d to %d", seed, i, k, sp.First, sp.Last)
		}
		if !bytes.Equal(k.AppendTo(nil), sp.Bytes) {
			t.Fatalf("seed %d, batch %d: encodes to other bytes", seed, i)
		}
		b = b[12+k.Length:]
	}
	if len(b) > 0 {
		t.Fatalf("%d bytes left", len(b))
	}
}

// TestLookupsWhileAFollowerGoesOn: what was there is found at every moment.
func TestLookupsWhileAFollowerGoesOn(t *testing.T) {
	const seed = 26
	rng := rand.New(rand.NewPCG(seed, seed))
	fsys := vfs.NewMem()
	m := &model{t: t, what: fmt.Sprint("seed ", seed), spans: timedSpans(rng, 0, 400, 700)}
	owner, err := Create(NewFiles(0), fsys, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var metas []Meta
	for i := range m.spans {
		if err := owner.Append(m.spans[i:i+1], nil); err != nil {
			t.Fatal(err)
		}
		if err := owner.Sync(); err != nil {
			t.Fatal(err)
		}
		metas = append(metas, owner.Meta())
	}
	reader, err := OpenReadOnly(NewFiles(0), fsys, metas[0])
	if err != nil {
		t.Fatal(err)
	}
	extended := make(chan error)
	go func() {
		for _, now := range metas[1:] {
			if err := reader.Extend(now); err != nil {
				extended <- err
				return
			}
		}
		extended <- nil
	}()
	for {
		select {
		case err := <-extended:
			if err != nil {
				t.Fatal(err)
			}
			m.check(reader)
			m.readAll(reader)
			return
		default:
			if err := lookAround(reader, rng); err != nil {
				t.Fatalf("%s: %v", m.what, err)
			}
		}
	}
}
