package log

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
	"pgregory.net/rapid"
)

var codecs = []batch.Codec{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd}

// TestReadEveryCodec reads batches of each codec from memory, after a kill, and
// from segments, with new memory and with memory that is used again.
func TestReadEveryCodec(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, Config{})
	tp := TopicPartition{"t", 0}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 200 {
		var rs []testRecord
		for j := range 1 + i%7 {
			r := testRecord{1000, fmt.Sprint(i), fmt.Sprintf("%d %s", j, strings.Repeat(fmt.Sprint(i), 1+i*j))}
			want = append(want, fmt.Sprintf("%d:%s", len(want), r.value))
			rs = append(rs, r)
		}
		appendBatch(t, b, tp, encode(t, codecs[i%len(codecs)], rs...))
	}
	check := func(when string, b *Broker) {
		for _, maxBytes := range []int{1, 5000, 1 << 20} {
			for _, reuse := range []bool{false, true} {
				c := consume(t, b, tp, 0)
				if reuse {
					c.ReuseMemory()
				}
				if got := drain(t, c, maxBytes); !slices.Equal(got, want) {
					t.Errorf("%s, %d bytes at a time, reuse %v: %d records, want %d", when, maxBytes, reuse, len(got), len(want))
				}
			}
		}
	}
	check("in memory", b)
	killed := open(t, mem.KillProcess(), Config{})
	check("after a kill", killed)
	check("from segments", restart(t, killed))
}

// TestReusedScratchKeepsAFetchWhole keeps all values of one Fetch until the next:
// no batch is decompressed over another.
func TestReusedScratchKeepsAFetchWhole(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	tp := TopicPartition{"t", 0}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	const batches = 300
	for i := range batches {
		appendBatch(t, b, tp, encode(t, batch.Snappy, testRecord{1, "k", value(i)}))
	}
	b = restart(t, b)
	c := consume(t, b, tp, 0)
	c.ReuseMemory()
	seen := 0
	for {
		fetches, err := c.Fetch(2000)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			break
		}
		var kept [][]byte
		var r Record
		for fetches[0].Records.Next(&r) {
			kept = append(kept, r.Value)
		}
		for i, v := range kept {
			if string(v) != value(seen+i) {
				t.Fatalf("record %d became %.20q", seen+i, v)
			}
		}
		seen += len(kept)
	}
	if seen != batches {
		t.Fatalf("%d records, want %d", seen, batches)
	}
	f := c.position(tp)
	if cap(f.scratch.buf) < 2*len(value(0)) {
		t.Fatalf("scratch of %d bytes: nothing was used again", cap(f.scratch.buf))
	}
}

// TestReadCommittedModel interleaves plain batches and transactions of several
// producers and reads after every step what committed readers may see: what is
// below the first open transaction and was not aborted.
func TestReadCommittedModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := open(t, vfs.NewMem(), Config{stepped: true, TailBytes: 4 << 10, SegmentBytes: 1 << 10})
		defer func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		tp := TopicPartition{"t", 0}
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			rt.Fatal(err)
		}
		m := committedModel{open: map[int64][]int{}, state: map[int]byte{}}
		sequence := map[int64]int32{}
		long := consume(t, b, tp, 0)
		long.ReadCommitted()
		var seen []string
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			producer := rapid.Int64Range(0, 4).Draw(rt, "producer")
			what := rapid.IntRange(0, 5).Draw(rt, "what")
			switch {
			case what == 0:
				m.add(tp, b, t, -1, rapid.SampledFrom(codecs).Draw(rt, "codec"), 0)
			case what < 4 || len(m.open[producer]) == 0:
				m.add(tp, b, t, producer, rapid.SampledFrom(codecs).Draw(rt, "codec"), sequence[producer])
				sequence[producer]++
			default:
				appendProduced(t, b, tp, marker(what == 4, producer))
				m.end(producer, what == 4)
			}
			if rapid.IntRange(0, 3).Draw(rt, "read") == 0 {
				seen = append(seen, drain(t, long, rapid.IntRange(1, 2000).Draw(rt, "bytes"))...)
				if want := m.visible(0); !slices.Equal(seen, want) {
					rt.Fatalf("a consumer that follows has %v, want %v", seen, want)
				}
			}
		}
		m.check(rt, t, b, tp)
		b = restart(t, b)
		m.check(rt, t, b, tp)
	})
}

type committedModel struct {
	values []string // by offset; "" for markers
	open   map[int64][]int
	state  map[int]byte // of an offset: 'o' open, 'a' aborted
}

func (m *committedModel) add(tp TopicPartition, b *Broker, t *testing.T, producer int64, codec batch.Codec, sequence int32) {
	at := len(m.values)
	bytes := encode(t, codec, testRecord{1, "k", fmt.Sprintf("v%d %s", at, strings.Repeat("x", at%200))})
	m.values = append(m.values, fmt.Sprintf("%d:v%d %s", at, at, strings.Repeat("x", at%200)))
	if producer < 0 {
		appendBatch(t, b, tp, bytes)
		return
	}
	batch.StampProducer(bytes, producer, 0, sequence, true)
	appendProduced(t, b, tp, bytes)
	m.open[producer] = append(m.open[producer], at)
	m.state[at] = 'o'
}

func (m *committedModel) end(producer int64, commit bool) {
	for _, at := range m.open[producer] {
		delete(m.state, at)
		if !commit {
			m.state[at] = 'a'
		}
	}
	delete(m.open, producer)
	m.values = append(m.values, "")
}

func (m *committedModel) visible(from int) (out []string) {
	for at, v := range m.values {
		if m.state[at] == 'o' {
			break
		}
		if at >= from && v != "" && m.state[at] != 'a' {
			out = append(out, v)
		}
	}
	return out
}

func (m *committedModel) check(rt *rapid.T, t *testing.T, b *Broker, tp TopicPartition) {
	for from := range len(m.values) + 1 {
		c := consume(t, b, tp, Offset(from))
		c.ReadCommitted()
		if got, want := drain(t, c, 500), m.visible(from); !slices.Equal(got, want) {
			rt.Fatalf("from %d: %v, want %v", from, got, want)
		}
		c.Close()
	}
	c := consume(t, b, tp, 0)
	defer c.Close()
	want := slices.DeleteFunc(slices.Clone(m.values), func(v string) bool { return v == "" })
	if got := drain(t, c, 500); !slices.Equal(got, want) {
		rt.Fatalf("uncommitted: %v, want %v", got, want)
	}
}

// TestAbortedCursorIsTheSameAsLookingAtAll compares the cursor, which stops at
// what cannot matter, with a look at every transaction.
func TestAbortedCursorIsTheSameAsLookingAtAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type batchAt struct{ at, producer int64 }
		var txns []AbortedTxn
		var batches []batchAt
		open := map[int64]int64{}
		for at := range int64(rapid.IntRange(1, 60).Draw(rt, "offsets")) {
			producer := rapid.Int64Range(0, 3).Draw(rt, "producer")
			first, is := open[producer]
			if !is || rapid.IntRange(0, 2).Draw(rt, "end") > 0 {
				batches = append(batches, batchAt{at, producer})
				if !is {
					open[producer] = at
				}
				continue
			}
			delete(open, producer)
			if rapid.Bool().Draw(rt, "abort") {
				stable := at + 1
				for _, f := range open {
					stable = min(stable, f)
				}
				txns = append(txns, AbortedTxn{producer, Offset(first), Offset(at), Offset(stable)})
			}
		}
		cursor := abortedCursor(txns)
		for _, b := range batches {
			want := slices.ContainsFunc(txns, func(a AbortedTxn) bool {
				return a.ProducerID == b.producer && a.First <= Offset(b.at) && Offset(b.at) <= a.Last
			})
			h := batch.Header{BaseOffset: b.at, ProducerID: b.producer, Attributes: batch.Transactional}
			if got := cursor.has(&h); got != want {
				rt.Fatalf("batch at %d of %d: %v, want %v of %v", b.at, b.producer, got, want, txns)
			}
		}
		from := rapid.Int64Range(0, 60).Draw(rt, "from")
		to := rapid.Int64Range(from, 61).Draw(rt, "to")
		got := abortedCursor(txns).between(Offset(from), Offset(to))
		for _, a := range txns {
			in := a.Last >= Offset(from) && a.First < Offset(to)
			if in != slices.Contains(got, a) {
				rt.Fatalf("between %d and %d: %v of %v", from, to, got, txns)
			}
		}
	})
}

// compactByHand puts segments in the place of those of a partition, one for
// one: of each batch they keep what keep says, as compaction would.
func compactByHand(t *testing.T, b *Broker, tp TopicPartition, keep func(Offset) bool) {
	t.Helper()
	p, err := b.partition(tp)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := b.partitionFS(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range p.segments[:len(p.segments)-1] {
		var kept [][]byte
		err := old.Describe(func(_ int64, h batch.Header, bytes []byte) error {
			out, n, err := batch.Filter(nil, bytes, batch.NoHorizon, func(r *batch.Record) bool { return keep(Offset(r.Offset)) })
			if n > 0 {
				kept = append(kept, out)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := segment.Create(b.files, dir, old.Base(), old.Generation()+1)
		if err != nil {
			t.Fatal(err)
		}
		var spans []segment.Span
		for i, k := range kept {
			h, err := batch.ParseHeader(k)
			if err != nil {
				t.Fatal(err)
			}
			end := old.End()
			if i+1 < len(kept) {
				next, err := batch.ParseHeader(kept[i+1])
				if err != nil {
					t.Fatal(err)
				}
				end = next.BaseOffset
			}
			batch.SetLastOffsetDelta(k, int32(end-1-h.BaseOffset))
			spans = append(spans, segment.Span{Bytes: k, First: h.BaseOffset, Last: end - 1})
		}
		if err := s.Append(spans, nil); err != nil {
			t.Fatal(err)
		}
		s.SetEnd(old.End())
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		e := swapEntry{at: p.at(), first: Offset(old.Base()), end: Offset(old.End()), segments: []segment.Meta{s.Meta()}, opened: []*segment.Segment{s}}
		if err := b.commitEntries(e); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadCompacted reads from every offset what is left of a partition: gaps at
// the beginning of segments, whole segments without a batch, gaps between
// batches; also through a consumer whose segments vanish under it.
func TestReadCompacted(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{stepped: true, SegmentBytes: 1 << 10, TailBytes: 4 << 10})
	tp := TopicPartition{"t", 0}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	const records = 100
	for i := range records {
		produce(t, b, "t", value(i)[:200])
	}
	if err := b.flush(); err != nil {
		t.Fatal(err)
	}
	in := consume(t, b, tp, 0)
	if _, err := in.Fetch(1); err != nil { // it stands inside the first segment
		t.Fatal(err)
	}
	p, err := b.partition(tp)
	if err != nil {
		t.Fatal(err)
	}
	last := Offset(p.segments[len(p.segments)-1].Base())
	for _, keep := range []func(Offset) bool{
		func(o Offset) bool { return o/13%2 == 0 },
		func(o Offset) bool { return o/13%2 == 0 && o%3 == 1 },
		func(o Offset) bool { return false },
	} {
		compactByHand(t, b, tp, keep)
		if err := b.checkpoint(b.snapshotLocked(b.journal.Next()), false); err != nil { // removes what was swapped
			t.Fatal(err)
		}
		var want []string
		for o := range Offset(records) {
			if keep(o) || o >= last {
				want = append(want, fmt.Sprintf("%d:%s", o, value(int(o))[:200]))
			}
		}
		for from := range Offset(records) {
			rest := want[slices.IndexFunc(want, func(s string) bool {
				var o Offset
				fmt.Sscanf(s, "%d:", &o)
				return o >= from
			}):]
			c := consume(t, b, tp, from)
			if got := drain(t, c, 1000); !slices.Equal(got, rest) {
				t.Fatalf("from %d: %d records, want %d", from, len(got), len(rest))
			}
			if o, _ := c.Position(tp); o != records {
				t.Fatalf("from %d the consumer stands at %d", from, o)
			}
		}
		if _, err := in.Fetch(1000); err != nil {
			t.Fatal("a consumer whose segment was removed:", err)
		}
	}
}

// TestSeekAndDeletion moves a consumer about, and takes its topic away.
func TestSeekAndDeletion(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	tp := TopicPartition{"t", 0}
	for _, name := range []string{"t", "other"} {
		if _, err := b.CreateTopic(name, TopicConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	produce(t, b, "t", "a", "b", "c")
	produce(t, b, "other", "x")
	b = restart(t, b)
	c := consume(t, b, tp, 0)
	for _, o := range []Offset{2, 0, 3, 1, 1} {
		if err := c.Seek(tp, o); err != nil {
			t.Fatal(err)
		}
		if got := drain(t, c, 1); len(got) != 3-int(o) || len(got) > 0 && got[0] != fmt.Sprintf("%d:%c", o, "abc"[o]) {
			t.Fatalf("from %d: %v", o, got)
		}
	}
	if err := c.Seek(tp, 4); !errors.Is(err, ErrOffsetOutOfRange) {
		t.Fatalf("seek past the end: %v", err)
	}
	if o, _ := c.Position(tp); o != 3 {
		t.Fatalf("a seek that failed moved to %d", o)
	}
	if err := c.Seek(TopicPartition{"other", 0}, 0); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("seek where nothing is assigned: %v", err)
	}
	if err := c.Assign(TopicPartition{"other", 0}, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteTopic("t"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fetch(1); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("fetch of a deleted topic: %v", err)
	}
	if err := c.Seek(tp, 0); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("seek in a deleted topic: %v", err)
	}
	c.Unassign(tp)
	if got := drain(t, c, 1); !slices.Equal(got, []string{"0:x"}) {
		t.Fatalf("without it: %v", got)
	}
}

// TestReaderBesideTheOwnerFindsSwappedSegments reads through a read-only log
// while the owner compacts and removes what the reader stands in.
func TestReaderBesideTheOwnerFindsSwappedSegments(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, Config{stepped: true, SegmentBytes: 1 << 10, TailBytes: 4 << 10, JournalBytes: 8 << 10})
	tp := TopicPartition{"t", 0}
	for _, name := range []string{"t", "other"} {
		if _, err := b.CreateTopic(name, TopicConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	const records = 60
	for i := range records {
		produce(t, b, "t", value(i)[:200])
	}
	checkpoint := func() {
		for range 20 { // more than the journal gathers between two
			produce(t, b, "other", value(0)[:1000])
		}
	}
	checkpoint()
	cfg, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	reader := newBroker(mem, ".", cfg)
	reader.readOnly = true
	reader.follow = &follower{b: reader} // stepped by hand
	if err := reader.follow.load(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := consume(t, reader, tp, 0)
	if _, err := c.Fetch(1); err != nil {
		t.Fatal(err)
	}
	compactByHand(t, b, tp, func(o Offset) bool { return o%2 == 0 })
	checkpoint()
	if len(b.pub.doomed) > 0 {
		t.Fatal("files are still there: this shows nothing")
	}
	// What it has open it reads. Then it does not know yet: nothing, and no error.
	if got := drain(t, c, 1<<20); len(got) > 10 {
		t.Fatalf("%d records of files that are gone", len(got))
	}
	if fetches, err := c.Fetch(1 << 20); err != nil || len(fetches) > 0 {
		t.Fatalf("%d fetches, %v", len(fetches), err)
	}
	reader.follow.tell(reader.follow.step())
	p, err := b.partition(tp)
	if err != nil {
		t.Fatal(err)
	}
	last := Offset(p.segments[len(p.segments)-1].Base())
	o, _ := c.Position(tp)
	var want []string
	for ; o < records; o++ {
		if o%2 == 0 || o >= last {
			want = append(want, fmt.Sprintf("%d:%s", o, value(int(o))[:200]))
		}
	}
	if got := drain(t, c, 1<<20); !slices.Equal(got, want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
}
