package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A testClock is a wall clock that tests move, with a monotonic one beside it.
type testClock struct {
	mono time.Duration
	wall time.Time
}

func newTestClock() *testClock { return &testClock{wall: time.UnixMilli(1_700_000_000_000)} }

func (c *testClock) now() time.Time { return c.wall }

// pass lets time pass on both.
func (c *testClock) pass(d time.Duration) {
	c.mono += d
	c.wall = c.wall.Add(d)
}

// check has the cleaner look as often as it takes to be sure.
func (c *testClock) check(b *Broker) {
	for range 2 {
		c.pass(DefaultRetentionCheckInterval)
		b.cleaner.step(c.mono)
	}
}

func retained(t testing.TB, cfg TopicConfig) (*vfs.Mem, *Broker, *testClock) {
	t.Helper()
	mem, clock := vfs.NewMem(), newTestClock()
	config := small()
	config.Now = clock.now
	b := open(t, mem, config)
	if _, err := b.CreateTopic("t", cfg); err != nil {
		t.Fatal(err)
	}
	return mem, b, clock
}

func offsets(t testing.TB, b *Broker) (start, end Offset) {
	t.Helper()
	start, end, err := b.Offsets(TopicPartition{"t", 0})
	if err != nil {
		t.Fatal(err)
	}
	return start, end
}

func flush(t testing.TB, b *Broker) {
	t.Helper()
	if err := b.flush(); err != nil {
		t.Fatal(err)
	}
}

func TestRetentionByTime(t *testing.T) {
	mem, b, clock := retained(t, TopicConfig{Retention: time.Hour})
	fill(t, b, "t", 50)
	clock.pass(30 * time.Minute)
	fill(t, b, "t", 50)
	flush(t, b)
	clock.check(b)
	if start, _ := offsets(t, b); start != 0 {
		t.Fatalf("after 40 minutes the start is %d, want 0", start)
	}
	clock.pass(20 * time.Minute)
	clock.check(b)
	start, _ := offsets(t, b)
	if start < 40 || start > 50 {
		t.Fatalf("after 70 minutes the start is %d, want 40 to 50", start)
	}
	if got := readAll(t, b, TopicPartition{"t", 0}); len(got) != 100-int(start) {
		t.Fatalf("%d records from %d on", len(got), start)
	}
	clock.pass(2 * time.Hour)
	fill(t, b, "t", 1) // in the tail, so the newest segment stays
	clock.check(b)
	if start, _ := offsets(t, b); start >= 100 || start < 85 {
		t.Fatalf("with a tail the start is %d, want 85 to 99", start)
	}
	flush(t, b)
	clock.pass(2 * time.Hour)
	clock.check(b)
	if start, end := offsets(t, b); start != 101 || end != 101 {
		t.Fatalf("when all is old, offsets %d to %d, want 101 to 101", start, end)
	}
	if n := segmentFiles(t, mem); n != 1 {
		t.Errorf("%d files of segments left, want that of the empty one", n)
	}
	fill(t, b, "t", 3)
	for _, again := range []*Broker{b, open(t, mem.KillProcess(), small())} {
		if got := readAll(t, again, TopicPartition{"t", 0}); len(got) != 3 {
			t.Fatalf("%d records, want 3", len(got))
		}
	}
}

func TestRetentionBySize(t *testing.T) {
	const limit = 5 << 10
	_, b, clock := retained(t, TopicConfig{Retention: NoLimit, RetentionBytes: limit})
	for range 10 {
		fill(t, b, "t", 30)
		clock.check(b)
		d, err := b.Topic("t")
		if err != nil {
			t.Fatal(err)
		}
		if size := d.Partitions[0].SizeBytes; size > limit+1200 || d.Partitions[0].Start > 60 && size < limit {
			t.Fatalf("%d bytes, want %d and at most a segment more", size, limit)
		}
	}
	if start, _ := offsets(t, b); start < 200 {
		t.Fatalf("start is %d, want more than 200", start)
	}
}

// TestRetentionLeavesCompactedAlone: only policies with delete delete.
func TestRetentionLeavesCompactedAlone(t *testing.T) {
	_, b, clock := retained(t, TopicConfig{CleanupPolicy: CleanupCompact, MinCleanableRatio: 1, Retention: time.Hour, RetentionBytes: 1})
	fill(t, b, "t", 100)
	clock.pass(1000 * time.Hour)
	clock.check(b)
	if start, _ := offsets(t, b); start != 0 {
		t.Fatalf("start is %d, want 0", start)
	}
}

// TestRetentionOfTheFuture: records whose timestamps have not come go when
// they have been there for long enough, by a clock that does not jump.
func TestRetentionOfTheFuture(t *testing.T) {
	_, b, clock := retained(t, TopicConfig{Retention: time.Hour})
	now := clock.wall
	clock.wall = now.AddDate(10, 0, 0)
	fill(t, b, "t", 50)
	flush(t, b)
	clock.wall = now
	clock.check(b)
	clock.pass(30 * time.Minute)
	clock.check(b)
	if start, _ := offsets(t, b); start != 0 {
		t.Fatalf("after 50 minutes the start is %d, want 0", start)
	}
	clock.pass(30 * time.Minute)
	clock.check(b)
	if start, _ := offsets(t, b); start != 50 {
		t.Fatalf("after 90 minutes the start is %d, want 50", start)
	}
}

// TestClockJumpsDeleteNothing runs seeded schedules of jumps, each of which is
// over by the next look of the cleaner, FRESHET_HISTORIES of them.
func TestClockJumpsDeleteNothing(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	for i := range testCount(t, "FRESHET_HISTORIES", 1000) {
		rng := rand.New(rand.NewPCG(seed+uint64(i), 0))
		if err := jumpSchedule(t, rng); err != nil {
			t.Fatalf("FRESHET_SEED=%d FRESHET_HISTORIES=1: %v", seed+uint64(i), err)
		}
	}
}

func jumpSchedule(t *testing.T, rng *rand.Rand) error {
	const retention = 3 * time.Hour
	_, b, clock := retained(t, TopicConfig{Retention: retention})
	var born []time.Duration // of each record, by the clock that does not jump
	for range 30 {
		for range rng.IntN(12) {
			fill(t, b, "t", 1)
			born = append(born, clock.mono)
		}
		if rng.IntN(2) == 0 {
			flush(t, b)
		}
		clock.pass(time.Duration(rng.Int64N(int64(40 * time.Minute))))
		if jump := jumps[rng.IntN(len(jumps))]; rng.IntN(2) == 0 && !b.cleaner.clock.jumped(clock) {
			clock.wall = clock.wall.Add(jump)
			b.cleaner.step(clock.mono)
			clock.wall = clock.wall.Add(-jump)
		} else {
			b.cleaner.step(clock.mono)
		}
		start, end := offsets(t, b)
		if int(end) != len(born) {
			return fmt.Errorf("end is %d, want %d", end, len(born))
		}
		if start > 0 && clock.mono-born[start-1] <= retention {
			return fmt.Errorf("offset %d is gone after %v", start-1, clock.mono-born[start-1])
		}
	}
	clock.pass(2 * retention)
	flush(t, b)
	clock.check(b)
	if start, end := offsets(t, b); start != end {
		return fmt.Errorf("offsets %d to %d are left, though all are old", start, end)
	}
	return b.Close()
}

var jumps = []time.Duration{time.Hour, -time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour, time.Minute}

// jumped reports whether the last look was at a clock that had jumped ahead.
func (c *settledClock) jumped(now *testClock) bool {
	return c.looked && c.wall-(now.wall.Add(c.at-now.mono)).UnixMilli() > 0
}

// TestRetentionWhileAppending deletes, seals and appends at once.
func TestRetentionWhileAppending(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{
		JournalBytes: 32 << 10, SegmentBytes: 2 << 10, TailBytes: 8 << 10, CleanerBackoff: time.Millisecond, RetentionCheckInterval: time.Millisecond,
	})
	// All but what is in memory is too old at once.
	if _, err := b.CreateTopic("t", TopicConfig{Retention: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	c := b.NewConsumer()
	defer c.Close()
	tp := TopicPartition{"t", 0}
	next, seen := Offset(0), 0
	for n := 0; n < 100_000; n++ {
		produce(t, b, "t", fmt.Sprint(n))
		start, _ := offsets(t, b)
		if start > 3000 {
			break
		}
		if n%50 > 0 {
			continue
		}
		err := c.Assign(tp, next)
		for err == nil {
			var fetches []Fetch
			if fetches, err = c.Fetch(1000); len(fetches) == 0 {
				break
			}
			var r Record
			for fetches[0].Records.Next(&r) {
				if string(r.Value) != fmt.Sprint(r.Offset) || r.Offset < next {
					t.Fatalf("offset %d has %q, want %d on", r.Offset, r.Value, next)
				}
				next, seen = r.Offset+1, seen+1
			}
		}
		if errors.Is(err, ErrOffsetOutOfRange) {
			next, _ = offsets(t, b)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if start, _ := offsets(t, b); start <= 3000 || seen == 0 {
		t.Errorf("start is %d, %d records were seen", start, seen)
	}
}

// TestRemovedSegmentsAreNotSynced: what was placed in a segment, and is deleted
// with it before the journal was synced, poisons nothing.
func TestRemovedSegmentsAreNotSynced(t *testing.T) {
	cfg := small()
	cfg.Durability, cfg.placeBytes = OS, 1
	b := open(t, vfs.NewMem(), cfg)
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	fill(t, b, "t", 50)
	p, err := b.partition(TopicPartition{"t", 0})
	if err != nil {
		t.Fatal(err)
	}
	s := b.view(p).segments[0]
	b.unsyncedPlaced.add(s, p)
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := b.unsyncedPlaced.sync(); err != nil || !s.Removed() {
		t.Errorf("%v, removed %v", err, s.Removed())
	}
	b.pub.Lock()
	p.segments = p.segments[1:]
	p.start = Offset(p.segments[0].Base())
	b.pub.Unlock()
}

// TestRetentionSparesWhatComesMeanwhile: a record is placed in the newest segment
// after the cleaner has found all of that too old, and before it is sealed.
func TestRetentionSparesWhatComesMeanwhile(t *testing.T) {
	clock := newTestClock()
	cfg := placingConfig()
	cfg.Now = clock.now
	b := open(t, vfs.NewMem(), cfg)
	if _, err := b.CreateTopic("t", TopicConfig{Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	fill(t, b, "t", 2)
	flush(t, b)
	clock.pass(2 * time.Hour)
	p, err := b.partition(TopicPartition{"t", 0})
	if err != nil {
		t.Fatal(err)
	}
	b.cfg.stepped = false // the test is the flusher
	done := make(chan error)
	go func() {
		b.cleaner.retention.begin()
		done <- b.cleaner.retain(p, clock.mono, clock.wall.UnixMilli())
	}()
	s := <-b.seals
	fill(t, b, "t", 1)
	if n := len(p.segments); n != 1 {
		t.Fatalf("%d segments, want that the record was placed in the only one", n)
	}
	s.done <- b.seal(s.p)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.cfg.stepped = true
	if start, end := offsets(t, b); start > 2 || end != 3 {
		t.Errorf("offsets %d to %d, want the newest record", start, end)
	}
}
