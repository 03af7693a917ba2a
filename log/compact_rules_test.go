package log

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// compactable is a log with a topic t that is compacted whenever there is
// something new.
func compactable(t testing.TB, configs map[string]string) (*vfs.Mem, *Broker, *testClock) {
	t.Helper()
	mem, b, clock := retained(t, TopicConfig{CleanupPolicy: CleanupCompact, DeleteRetention: time.Hour})
	all := map[string]string{"min.cleanable.dirty.ratio": "0"}
	for name, value := range configs {
		all[name] = value
	}
	if _, err := b.AlterTopic("t", all); err != nil {
		t.Fatal(err)
	}
	return mem, b, clock
}

// put writes one record, a tombstone where value is "".
func put(t testing.TB, b *Broker, clock *testClock, key, value string) {
	t.Helper()
	r := Record{Key: []byte(key), TimestampMillis: clock.wall.UnixMilli()}
	if value != "" {
		r.Value = []byte(value)
	}
	if err := b.NewProducer().Produce(context.Background(), "t", r); err != nil {
		t.Fatal(err)
	}
}

// pad fills a segment, so that what came before is in sealed ones, and has that
// checkpointed.
func pad(t testing.TB, b *Broker, clock *testClock) {
	t.Helper()
	for i := range 3 {
		put(t, b, clock, fmt.Sprint("pad-", i), strings.Repeat("p", 600))
	}
	flush(t, b)
	if err := b.reclaim(); err != nil {
		t.Fatal(err)
	}
}

// kept lists what is in t, as offset:key=value.
func kept(t testing.TB, b *Broker) string {
	t.Helper()
	var out []string
	for _, r := range recordsOf(t, b, TopicPartition{"t", 0}) {
		if strings.HasPrefix(string(r.Key), "pad-") {
			continue
		}
		v := string(r.Value)
		if r.Value == nil {
			v = "-"
		}
		out = append(out, fmt.Sprintf("%d:%s=%s", r.Offset, r.Key, v))
	}
	return strings.Join(out, " ")
}

func wantKept(t testing.TB, b *Broker, want string) {
	t.Helper()
	if got := kept(t, b); got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestCompactionKeepsTheLastOfEachKey(t *testing.T) {
	_, b, clock := compactable(t, nil)
	for _, kv := range []string{"a=1", "b=1", "a=2", "c=1", "c=2", "a=3", "=1", "=2"} {
		key, value, _ := strings.Cut(kv, "=")
		put(t, b, clock, key, value)
	}
	wantKept(t, b, "0:a=1 1:b=1 2:a=2 3:c=1 4:c=2 5:a=3 6:=1 7:=2")
	b.cleaner.step(clock.mono)
	wantKept(t, b, "0:a=1 1:b=1 2:a=2 3:c=1 4:c=2 5:a=3 6:=1 7:=2") // of the newest segment nothing goes
	pad(t, b, clock)
	b.cleaner.step(clock.mono)
	wantKept(t, b, "1:b=1 4:c=2 5:a=3 7:=2")
	if s := b.CleanerStats(); s.Passes != 1 || s.RecordsDropped != 4 || s.Last.To <= s.Last.From || s.BytesWritten == 0 || s.BytesRead == 0 {
		t.Errorf("stats %+v", s)
	}
	b.cleaner.step(clock.mono)
	if s := b.CleanerStats(); s.Passes != 1 {
		t.Errorf("%d passes, though there was nothing new", s.Passes)
	}
}

func TestTombstonesStayForDeleteRetention(t *testing.T) {
	mem, b, clock := compactable(t, nil)
	put(t, b, clock, "a", "1")
	put(t, b, clock, "b", "1")
	put(t, b, clock, "a", "")
	pad(t, b, clock)
	clock.pass(100 * time.Hour) // before compaction has met it, that counts for nothing
	clock.check(b)
	wantKept(t, b, "1:b=1 2:a=-")
	step := func(d time.Duration, want string) {
		t.Helper()
		clock.pass(d)
		pad(t, b, clock) // there has to be something new
		b.cleaner.step(clock.mono)
		wantKept(t, b, want)
	}
	step(30*time.Minute, "1:b=1 2:a=-")
	clock.wall = clock.wall.Add(1000 * time.Hour) // a jump
	step(0, "1:b=1 2:a=-")
	clock.wall = clock.wall.Add(-1000 * time.Hour)
	step(40*time.Minute, "1:b=1 2:a=-")
	step(10*time.Minute, "1:b=1")
	wantKept(t, open(t, mem.KillProcess(), small()), "1:b=1")
}

// TestTombstonesStayThoughTheClockJumpsBack: by a clock that is behind while the
// first pass meets a tombstone, its time would be over too early.
func TestTombstonesStayThoughTheClockJumpsBack(t *testing.T) {
	_, b, clock := compactable(t, nil)
	clock.check(b)
	put(t, b, clock, "a", "1")
	put(t, b, clock, "a", "")
	pad(t, b, clock)
	clock.wall = clock.wall.Add(-1000 * time.Hour)
	b.cleaner.step(clock.mono)
	clock.wall = clock.wall.Add(1000 * time.Hour)
	wantKept(t, b, "1:a=-")
	clock.pass(20 * time.Minute)
	clock.check(b)
	pad(t, b, clock) // there has to be something new
	b.cleaner.step(clock.mono)
	wantKept(t, b, "1:a=-")
	clock.pass(2 * time.Hour)
	clock.check(b)
	pad(t, b, clock)
	b.cleaner.step(clock.mono)
	wantKept(t, b, "")
}

func TestMinCompactionLag(t *testing.T) {
	_, b, clock := compactable(t, map[string]string{"min.compaction.lag.ms": "7200000"})
	put(t, b, clock, "a", "1")
	put(t, b, clock, "a", "2")
	pad(t, b, clock)
	clock.check(b)
	wantKept(t, b, "0:a=1 1:a=2")
	clock.wall = clock.wall.Add(1000 * time.Hour)
	b.cleaner.step(clock.mono)
	clock.wall = clock.wall.Add(-1000 * time.Hour)
	wantKept(t, b, "0:a=1 1:a=2")
	clock.pass(2 * time.Hour)
	clock.check(b)
	wantKept(t, b, "1:a=2")
}

func TestDirtyRatioChooses(t *testing.T) {
	_, b, clock := compactable(t, map[string]string{"min.cleanable.dirty.ratio": "0.5"})
	for i := range 100 {
		put(t, b, clock, fmt.Sprint("key-", i), strings.Repeat("v", 100))
	}
	pad(t, b, clock)
	b.cleaner.step(clock.mono)
	if n := b.CleanerStats().Passes; n != 1 {
		t.Fatalf("%d passes when all was new, want 1", n)
	}
	put(t, b, clock, "key-1", "again")
	pad(t, b, clock)
	b.cleaner.step(clock.mono)
	if n := b.CleanerStats().Passes; n != 1 {
		t.Fatalf("%d passes when little was new, want 1", n)
	}
	d, err := b.Topic("t")
	if err != nil || d.Partitions[0].Uncompacted <= 0 || d.Partitions[0].Uncompacted > d.Partitions[0].SizeBytes/2 {
		t.Fatalf("uncompacted %+v, %v", d.Partitions, err)
	}
}

// TestSmallBufferTakesMorePasses: more keys than fit are compacted in several
// passes, to the same end.
func TestSmallBufferTakesMorePasses(t *testing.T) {
	_, b, clock := compactable(t, nil)
	b.cfg.CleanerBufferBytes = 1 << 10 // about 38 keys
	for round := range 2 {
		for i := range 200 {
			put(t, b, clock, fmt.Sprint("key-", i), fmt.Sprint(round))
		}
	}
	pad(t, b, clock)
	b.cleaner.step(clock.mono)
	if n := b.CleanerStats().Passes; n < 10 {
		t.Errorf("%d passes, want at least 10", n)
	}
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf("%d:key-%d=1", 200+i, i))
	}
	wantKept(t, b, strings.Join(want, " "))
}

// TestSmallSegmentsAreMerged: what is left of many segments is in few.
func TestSmallSegmentsAreMerged(t *testing.T) {
	mem, b, clock := compactable(t, nil)
	for i := range 500 {
		put(t, b, clock, "a", fmt.Sprint(i, strings.Repeat("v", 50)))
	}
	pad(t, b, clock)
	for range 6 { // each joins neighbours up to the size of a segment
		b.cleaner.step(clock.mono)
		pad(t, b, clock)
	}
	if n := segmentFiles(t, mem); n > 12 {
		t.Errorf("%d files of segments, want a few", n)
	}
	if got := kept(t, b); !strings.HasPrefix(got, "499:a=499") || strings.Count(got, "=") != 1 {
		t.Errorf("kept %q", got)
	}
}

// TestMarkersGoAfterTheirTransactions follows the marker of a transaction whose
// records are replaced, pass by pass.
func TestMarkersGoAfterTheirTransactions(t *testing.T) {
	for _, commit := range []bool{true, false} {
		m := newCompactModel(CleanupCompact, CompressionProducer, commit)
		markers := func() (n int) {
			batches, err := rawBatches(m.b, modelPartition)
			if err != nil {
				t.Fatal(err)
			}
			for _, raw := range batches {
				if h, err := batch.ParseHeader(raw); err == nil && h.Attributes&batch.Control != 0 {
					n++
				}
			}
			return n
		}
		pass := func(want int) {
			t.Helper()
			for i := range 4 {
				if err := m.append(fmt.Sprint("pad-", i), strings.Repeat("p", 400)); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(m.b.flush(), m.b.reclaim()); err != nil {
				t.Fatal(err)
			}
			m.step()
			if err := m.check(); err != nil {
				t.Fatal(err)
			}
			if got := markers(); got != want {
				t.Fatalf("commit %v: %d markers, want %d", commit, got, want)
			}
		}
		if err := errors.Join(m.txnAppend("p", "a", "1", "b", "1"), m.endTxn("p", commit), m.append("a", "2", "b", "2")); err != nil {
			t.Fatal(err)
		}
		pass(1) // the records of the transaction were there when it began
		pass(1) // they are gone, so the marker may go in an hour
		m.clock.pass(90 * time.Minute)
		m.clock.check(m.b)
		pass(0)
		if err := m.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIdempotentProducersSurviveCompaction: the log tells repeated batches also
// when the records are gone.
func TestIdempotentProducersSurviveCompaction(t *testing.T) {
	mem, b, clock := compactable(t, nil)
	p, err := b.InitProducerID(InitProducerIDRequest{Current: NoProducer})
	if err != nil {
		t.Fatal(err)
	}
	send := func(b *Broker, sequence int32) AppendResult {
		t.Helper()
		var build batch.Builder
		build.Append(clock.wall.UnixMilli(), []byte("a"), []byte(fmt.Sprint(sequence)), nil)
		build.SetProducer(p.ID, p.Epoch, sequence)
		results, err := b.AppendBatches([]AppendBatch{{TopicPartition{"t", 0}, build.Finish()}}, AppendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return results[0]
	}
	for sequence := range int32(4) {
		if r := send(b, sequence); r.Err != nil || r.Base != Offset(sequence) {
			t.Fatalf("%+v", r)
		}
	}
	put(t, b, clock, "a", "last")
	pad(t, b, clock)
	b.cleaner.step(clock.mono)
	wantKept(t, b, "4:a=last")
	again := open(t, mem.KillProcess(), small())
	for _, b := range []*Broker{b, again} {
		for sequence := range int32(4) {
			if r := send(b, sequence); r.Err != nil || !r.Duplicate || r.Base != Offset(sequence) {
				t.Errorf("sequence %d again: %+v, want a duplicate", sequence, r)
			}
		}
		if r := send(b, 5); r.Err == nil {
			t.Error("a sequence was left out, and nobody minded")
		}
		if r := send(b, 4); r.Err != nil || r.Duplicate {
			t.Errorf("next sequence: %+v", r)
		}
	}
}

// TestCompactionAndTheLogStart moves the log start into, and past, segments
// whose successors are being written.
func TestCompactionAndTheLogStart(t *testing.T) {
	for _, part := range []float64{0.1, 0.5, 1} {
		mem, b, clock := compactable(t, map[string]string{"cleanup.policy": CleanupCompactDelete, "retention.ms": "-1"})
		for i := range 100 {
			put(t, b, clock, fmt.Sprint("key-", i%10), fmt.Sprint(i))
		}
		pad(t, b, clock)
		work := begunPass(t, b)
		p := work.p
		g := work.groups(work.to)[0]
		s, err := work.write(g)
		if err != nil || s == nil {
			t.Fatal(s, err)
		}
		end := Offset(g[len(g)-1].End())
		start := Offset(float64(end) * part)
		if _, err := b.DeleteRecords(TopicPartition{"t", 0}, start); err != nil {
			t.Fatal(err)
		}
		swap := swapEntry{at: p.at(), first: Offset(g[0].Base()), end: end, segments: []segment.Meta{s.Meta()}, opened: []*segment.Segment{s}}
		if err := b.commitEntries(swap); err != nil {
			t.Fatal(err)
		}
		if err := b.reclaim(); err != nil {
			t.Fatal(err)
		}
		want := kept(t, b)
		for _, again := range []*Broker{b, open(t, mem.KillProcess(), small())} {
			wantKept(t, again, want)
			if got, _ := offsets(t, again); got != start {
				t.Errorf("start %d, want %d", got, start)
			}
		}
		if name := partitionDir(p.at()) + "/" + segment.LogName(s.Base(), s.Generation()); part == 1 {
			if _, err := mem.Stat(name); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v, want it gone", name, err)
			}
		}
	}
}

// TestLeftoversOfAPassAreRemoved: segments that nobody put in their place go at
// the next pass; what compaction does not name stays.
func TestLeftoversOfAPassAreRemoved(t *testing.T) {
	mem, b, clock := compactable(t, nil)
	for i := range 50 {
		put(t, b, clock, "a", fmt.Sprint(i))
	}
	pad(t, b, clock)
	p, err := b.partition(TopicPartition{"t", 0})
	if err != nil {
		t.Fatal(err)
	}
	dir := partitionDir(p.at())
	for _, name := range []string{segment.LogName(7, 3), "notes.txt"} {
		f, err := mem.OpenFile(dir+"/"+name, os.O_CREATE|os.O_RDWR, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.cleaner.step(clock.mono)
	left := strings.Join(segmentNames(t, mem), " ")
	if strings.Contains(left, segment.LogName(7, 3)) || !strings.Contains(left, "notes.txt") {
		t.Errorf("left: %s", left)
	}
}

// TestFollowerReadsOnPastSwaps: a reader of another process sees each record
// that is live, once and in order.
func TestFollowerReadsOnPastSwaps(t *testing.T) {
	mem, b, clock := compactable(t, nil)
	put(t, b, clock, "a", "0")
	cfg, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	beside := newBroker(mem, ".", cfg) // without the goroutine that follows
	beside.readOnly = true
	beside.follow = &follower{b: beside}
	if err := beside.follow.load(); err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	for i := range 200 {
		put(t, b, clock, fmt.Sprint("key-", i%7), fmt.Sprint(i))
		if i%20 == 19 {
			pad(t, b, clock)
			b.cleaner.step(clock.mono)
		}
		if i%30 == 29 {
			if err := beside.follow.step(); err != nil {
				t.Fatal(err)
			}
			wantKept(t, beside, kept(t, b))
		}
	}
}

// TestKmsgReadsCompactedSegments: what compaction writes is what other programs
// read.
func TestKmsgReadsCompactedSegments(t *testing.T) {
	m := compactedModel(t, 7)
	m.step()
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	p, err := m.b.partition(modelPartition)
	if err != nil {
		t.Fatal(err)
	}
	batches, records, compacted := 0, 0, 0
	for _, s := range m.b.view(p).segments {
		raw, err := vfs.ReadFile(m.mem, partitionDir(p.at())+"/"+segment.LogName(s.Base(), s.Generation()))
		if err != nil {
			t.Fatal(err)
		}
		if s.Generation() > 0 {
			compacted++
		}
		for next := s.Meta().First; len(raw) > 0; batches++ {
			var kb kmsg.RecordBatch
			size := 12 + int(uint32(raw[8])<<24|uint32(raw[9])<<16|uint32(raw[10])<<8|uint32(raw[11]))
			if err := kb.ReadFrom(raw[:size]); err != nil {
				t.Fatal(err)
			}
			if kb.FirstOffset != next {
				t.Fatalf("batch at offset %d, want %d", kb.FirstOffset, next)
			}
			next += int64(kb.LastOffsetDelta) + 1
			if plain, err := batch.Decompress(nil, raw[:size], 1<<20); err != nil || kb.ReadFrom(plain) != nil {
				t.Fatal(err)
			}
			for body := kb.Records; len(body) > 0; records++ {
				var r kmsg.Record
				n := 1
				for body[n-1]&0x80 != 0 {
					n++
				}
				_ = r.ReadFrom(body)
				n += int(r.Length)
				if err := r.ReadFrom(body[:n]); err != nil {
					t.Fatal(err)
				}
				want := m.records[kb.FirstOffset+int64(r.OffsetDelta)]
				if !want.marker && (string(r.Key) != want.key || string(r.Value) != want.value) {
					t.Fatalf("record %q=%q, want %+v", r.Key, r.Value, want)
				}
				body = body[n:]
			}
			raw = raw[size:]
		}
	}
	if compacted == 0 || batches < 5 || records < 5 {
		t.Fatalf("%d compacted segments, %d batches, %d records", compacted, batches, records)
	}
}

// begunPass is a pass over t as far as it knows what there is to drop.
func begunPass(t testing.TB, b *Broker) *pass {
	t.Helper()
	p, err := b.partition(TopicPartition{"t", 0})
	if err != nil {
		t.Fatal(err)
	}
	k, err := newCompaction(b.view(p), 0)
	if err != nil || k == nil {
		t.Fatal(k, err)
	}
	work := &pass{compaction: k, c: b.cleaner}
	if err := work.readKeys(); err != nil {
		t.Fatal(err)
	}
	work.filter = newBatchFilter(work)
	return work
}

// TestTopicDeletedWhileItIsCompacted: the pass ends, and nothing is left of it.
func TestTopicDeletedWhileItIsCompacted(t *testing.T) {
	mem, b, clock := compactable(t, nil)
	for i := range 50 {
		put(t, b, clock, "a", fmt.Sprint(i))
	}
	pad(t, b, clock)
	work := begunPass(t, b)
	if err := b.DeleteTopic("t"); err != nil {
		t.Fatal(err)
	}
	err := work.rewrite(work.groups(work.to)[0], work.to)
	if !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("%v, want ErrUnknownTopic", err)
	}
	b.cleaner.giveUp(work.p, err)
	if err := b.reclaim(); err != nil {
		t.Fatal(err)
	}
	if left := segmentNames(t, mem); len(left) > 0 || b.CleanerStats().Failed > 0 || b.Err() != nil {
		t.Errorf("left: %v, %+v, %v", left, b.CleanerStats(), b.Err())
	}
}

// TestCleanerKeepsToItsRate measures a pass by a clock of its own, and closes
// the log in the midst of another.
func TestCleanerKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 4 << 10
		cfg := small()
		cfg.stepped, cfg.CleanerBytesPerSecond, cfg.CleanerBackoff = false, rate, 1000*time.Hour
		b := open(t, vfs.NewMem(), cfg)
		if _, err := b.CreateTopic("t", TopicConfig{CleanupPolicy: CleanupCompact}); err != nil {
			t.Fatal(err)
		}
		clock := newTestClock()
		for range 2 {
			for i := range 200 {
				put(t, b, clock, fmt.Sprint("key-", i%20), strings.Repeat("v", 100))
			}
			if err := b.reclaim(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the checkpoint is written
		}
		p, err := b.partition(TopicPartition{"t", 0})
		if err != nil {
			t.Fatal(err)
		}
		k, err := newCompaction(b.view(p), 0)
		if err != nil || k == nil {
			t.Fatal(k, err)
		}
		begun := time.Now()
		b.cleaner.compact(k, 0)
		s := b.CleanerStats()
		want := time.Duration(s.BytesRead+s.BytesWritten) * time.Second / rate
		if took := time.Since(begun); s.Passes != 1 || took < want-time.Second || took > want+time.Second {
			t.Errorf("%+v took %v, want %v", s, took, want)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.cleaner.compact(k, 0)
		}()
		time.Sleep(want / 8) // of the bubble's clock
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		<-done
		if got := b.CleanerStats(); got.Passes != 1 || got.Failed != 0 {
			t.Errorf("%+v after a pass that was ended", got)
		}
	})
}

// TestTimesAreFoundAfterCompaction compares looking up times with what is left.
func TestTimesAreFoundAfterCompaction(t *testing.T) {
	_, b, clock := compactable(t, nil)
	for i := range 120 {
		value := fmt.Sprint(i)
		if i%7 == 0 {
			value = ""
		}
		put(t, b, clock, fmt.Sprint("key-", i*i%31), value)
		clock.pass(time.Minute)
	}
	pad(t, b, clock)
	b.cleaner.step(clock.mono)
	if b.CleanerStats().Passes == 0 {
		t.Fatal("nothing was compacted")
	}
	left := recordsOf(t, b, TopicPartition{"t", 0})
	for at := newTestClock().wall.Add(-time.Minute); at.Before(clock.wall.Add(time.Minute)); at = at.Add(20 * time.Second) {
		want := Offset(-1)
		for _, r := range left {
			if r.TimestampMillis >= at.UnixMilli() {
				want = r.Offset
				break
			}
		}
		got, ok, err := b.OffsetForTime(TopicPartition{"t", 0}, at.UnixMilli())
		if !ok {
			got.Offset = -1
		}
		if err != nil || got.Offset != want {
			t.Fatalf("%v: offset %d, %v; want %d", at, got.Offset, err, want)
		}
	}
}
