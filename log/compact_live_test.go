package log

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// TestReadersNeverNoticeCompaction appends, compacts and reads at once. Each
// reader sees the values of a key grow, never an error, and at the end the last
// value of each.
func TestReadersNeverNoticeCompaction(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{
		JournalBytes: 32 << 10, SegmentBytes: 4 << 10, TailBytes: 8 << 10,
		CleanerBackoff: time.Millisecond, CleanerBufferBytes: 4 << 10, OpenFiles: 16,
	})
	if _, err := b.CreateTopic("t", TopicConfig{CleanupPolicy: CleanupCompact, MinCleanableRatio: 0.3}); err != nil {
		t.Fatal(err)
	}
	const most, passes = 200_000, 15
	written := make(chan int)
	var reading sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var end int // set before stop
	for i := range 3 {
		reading.Add(1)
		go func() {
			defer reading.Done()
			for {
				if err := readGrowing(ctx, b, i == 0, &end); err != nil {
					t.Error(err)
					return
				}
				if ctx.Err() != nil {
					return
				}
			}
		}()
	}
	go func() {
		p := b.NewProducer()
		n := 0
		for ; n < most && b.CleanerStats().Passes < passes; n++ {
			r := Record{Key: []byte(fmt.Sprint("key-", n%growingKeys)), Value: []byte(fmt.Sprint(n, " ", strings.Repeat("x", n%90)))}
			if err := p.Produce(t.Context(), "t", r); err != nil {
				t.Error(err)
				break
			}
		}
		written <- n
	}()
	end = <-written
	stop()
	reading.Wait()
	if err := readGrowing(ctx, b, true, &end); err != nil {
		t.Error(err)
	}
	stats := b.CleanerStats()
	t.Logf("%d records, %+v", end, stats)
	if stats.Passes < passes || stats.Failed > 0 || stats.RecordsDropped == 0 {
		t.Errorf("want at least %d passes and no failure", passes)
	}
}

const growingKeys = 97

// readGrowing reads from the start to the end as it is then. Once the context
// has ended, everything is there.
func readGrowing(ctx context.Context, b *Broker, reuse bool, written *int) error {
	c := b.NewConsumer()
	defer c.Close()
	if reuse {
		c.ReuseMemory()
	}
	complete := ctx.Err() != nil
	tp := TopicPartition{"t", 0}
	_, end, err := b.Offsets(tp)
	if err == nil {
		err = c.Assign(tp, 0)
	}
	if err != nil {
		return err
	}
	last := map[string]int{}
	next := Offset(0)
	for next < end {
		fetches, err := c.Fetch(3000)
		if err != nil {
			return err
		}
		for i := range fetches {
			f := &fetches[i]
			var r Record
			for f.Records.Next(&r) {
				v, _, _ := strings.Cut(string(r.Value), " ")
				n, err := strconv.Atoi(v)
				if before, ok := last[string(r.Key)]; err != nil || r.Offset < next || ok && n <= before || int(r.Offset) != n {
					return fmt.Errorf("offset %d, want %d or more: %s=%q, had %d, %w", r.Offset, next, r.Key, r.Value, before, err)
				}
				last[string(r.Key)] = n
				next = r.Offset + 1
			}
			if err := f.Records.Err(); err != nil {
				return err
			}
			next = f.Next
		}
	}
	if !complete {
		return nil
	}
	for k := range growingKeys {
		n := *written - 1
		n -= ((n-k)%growingKeys + growingKeys) % growingKeys
		if got := last[fmt.Sprint("key-", k)]; got != n {
			return fmt.Errorf("key-%d is %d, want %d", k, got, n)
		}
	}
	return nil
}

// TestManyRecordsCompact is Kafka's own test of compaction: random keys, a
// tenth of the records deletions. FRESHET_RECORDS sets how many; a million
// takes a minute.
func TestManyRecordsCompact(t *testing.T) {
	skipOneGoroutine(t)
	records := testCount(t, "FRESHET_RECORDS", 30_000)
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	dir := t.TempDir()
	cfg := Config{Durability: OS, JournalBytes: 8 << 20, SegmentBytes: 32 << 10, CleanerBufferBytes: 256 << 10, stepped: true}
	clock := newTestClock()
	cfg.Now = clock.now
	b, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateTopic("t", TopicConfig{CleanupPolicy: CleanupCompact, Compression: "lz4", DeleteRetention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for n := 0; n < records; {
		c := b.NewCommitBuilder()
		for range min(500, records-n) {
			key := fmt.Sprint("key-", rng.IntN(records/20))
			r := Record{Key: []byte(key), TimestampMillis: clock.wall.UnixMilli()}
			if rng.IntN(10) == 0 {
				delete(want, key)
			} else {
				want[key] = fmt.Sprint("value-", n)
				r.Value = []byte(want[key])
			}
			if err := c.Append("t", 0, &r); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if _, err := b.Commit(c.Build()); err != nil {
			t.Fatal(err)
		}
		if n%(records/5) < 500 {
			clock.pass(time.Hour)
			if err := b.reclaim(); err != nil {
				t.Fatal(err)
			}
			clock.check(b)
		}
	}
	stats := b.CleanerStats()
	if stats.Passes < 2 || stats.Failed > 0 {
		t.Errorf("%+v, want at least two passes", stats)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = Open(dir, cfg); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		clock.pass(2 * time.Hour)
		clock.check(b)
		got, total := map[string]string{}, 0
		for _, r := range recordsOf(t, b, TopicPartition{"t", 0}) {
			if total++; r.Value == nil {
				delete(got, string(r.Key))
			} else {
				got[string(r.Key)] = string(r.Value)
			}
		}
		if len(got) != len(want) || total > records/2 {
			t.Fatalf("%d keys in %d records of %d, want %d keys", len(got), total, records, len(want))
		}
		for k, v := range want {
			if got[k] != v {
				t.Fatalf("%s is %q, want %q", k, got[k], v)
			}
		}
		t.Logf("%d records, %d keys, %d left; %+v", records, len(want), total, stats)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
