package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A history is a seeded run of commits to a log on a file system in memory
// that crashes at a chosen operation, also while it recovers. What is left is
// compared with what was acknowledged.
type history struct {
	rng  *rand.Rand
	mem  *vfs.Mem
	cfg  Config
	boot int

	// fault, if set, is a bug of the log: it is asked before each operation.
	fault func(vfs.Op) error
	full  bool // the disk: no file grows

	passes    int64     // of the cleaner
	attempted []attempt // in order
	acked     int       // of attempted, from the front
	crash     *crashPoint
}

// An attempt is a commit that was tried: one value to each of some partitions
// and the offset of a group.
type attempt struct {
	id         int
	partitions []TopicPartition
}

// value is what the attempt writes to its i-th partition.
func (a attempt) value(i, size int) string {
	return fmt.Sprintf("%d/%d/%d/%s", a.id, i, len(a.partitions), strings.Repeat("x", size))
}

var errCrashed = errors.New("crashed")

// A crashPoint is the operation at which the machine, or the process, stops.
type crashPoint struct {
	after int  // mutating operations
	power bool // or else only the process is killed
	left  *vfs.Mem
	acked int
}

func newHistory(seed uint64) *history {
	rng := rand.New(rand.NewPCG(seed, 0))
	h := &history{rng: rng, mem: vfs.NewMem()}
	h.cfg = Config{
		Durability:     []Durability{Sync, Sync, Interval, OS}[rng.IntN(4)],
		JournalBytes:   4<<10 + rng.Int64N(8<<10),
		SegmentBytes:   1<<10 + rng.Int64N(4<<10),
		TailBytes:      4<<10 + rng.Int64N(8<<10),
		Now:            func() time.Time { return time.UnixMilli(1_700_000_000_000) },
		partBytes:      100 + rng.IntN(2000),
		placeBytes:     100 + rng.IntN(600),
		placeSyncBytes: 100 + rng.IntN(600),
		stepped:        true,
		bootID:         func() string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", h.boot+1) },
	}
	return h
}

// fs returns the file system as the log sees it.
func (h *history) fs() vfs.FS {
	ops := 0
	cp := h.crash
	return vfs.Fail(h.mem, func(op vfs.Op) error {
		if cp.left != nil {
			return errCrashed
		}
		if op.Kind.Mutates() {
			if ops++; ops > cp.after {
				cp.acked = h.acked
				if cp.power {
					cp.left = h.mem.Crash(h.rng)
				} else {
					cp.left = h.mem.KillProcess()
				}
				return errCrashed
			}
		}
		if h.fault != nil {
			return h.fault(op)
		}
		return h.room(op)
	})
}

// room is the full disk, which takes a part of what is written.
func (h *history) room(op vfs.Op) error {
	switch {
	case h.full && op.Kind == vfs.OpWrite:
		return &vfs.ShortWrite{Bytes: h.rng.IntN(int(op.Bytes) + 1), Err: syscall.ENOSPC}
	case h.full && (op.Kind == vfs.OpCreate || op.Kind == vfs.OpPreallocate):
		return syscall.ENOSPC
	}
	return nil
}

// run lives several lives and returns what is wrong, if something is.
func (h *history) run() error {
	for range 2 + h.rng.IntN(3) {
		h.crash = &crashPoint{after: h.rng.IntN(150), power: h.rng.IntN(3) > 0}
		if h.rng.IntN(4) == 0 {
			h.crash.after = h.rng.IntN(20) // while it opens
		}
		b, err := OpenFS(h.fs(), h.cfg)
		switch {
		case h.crash.left != nil: // while it opened, at worst in tidying up
		case err != nil:
			return fmt.Errorf("open: %w", err)
		default:
			// Reading writes too, where an index has to be made anew.
			if err := h.check(b); err != nil && h.crash.left == nil {
				return err
			}
			if err := h.live(b); err != nil {
				return err
			}
		}
		if h.crash.left != nil {
			h.mem = h.crash.left
			if h.crash.power {
				h.boot++
				if h.cfg.Durability != Sync {
					h.acked = 0 // anything may be lost, but only from the end
				}
			}
		}
	}
	h.crash = &crashPoint{after: 1 << 30}
	b, err := OpenFS(h.fs(), h.cfg)
	if err != nil {
		return fmt.Errorf("last open: %w", err)
	}
	return errors.Join(h.check(b), b.Close())
}

var historyPartitions = []TopicPartition{{"a", 0}, {"a", 1}, {"b", 0}}

// live commits until the crash, or closes the log after some commits.
func (h *history) live(b *Broker) error {
	var passes int64
	for _, t := range []struct {
		name string
		n    int32
	}{{"a", 2}, {"b", 1}} {
		// Compaction has nothing to drop, as no key comes twice, but segments to
		// merge when they may be larger than they were.
		cfg := TopicConfig{Partitions: t.n, CleanupPolicy: CleanupCompact, MinCleanableRatio: 1e-9}
		if _, err := b.CreateTopic(t.name, cfg); err != nil && !errors.Is(err, ErrTopicExists) {
			return h.unlessCrashed(err)
		}
	}
	size := map[string]string{"segment.bytes": strconv.Itoa(1024 << h.rng.IntN(5))}
	if _, err := b.AlterTopic("a", size); err != nil {
		return h.unlessCrashed(err)
	}
	c := b.NewCommitBuilder()
	for range h.rng.IntN(60) {
		if h.rng.IntN(10) == 0 {
			b.cleaner.step(0)
			h.passes += b.CleanerStats().Passes - passes
			passes = b.CleanerStats().Passes
			if h.crash.left != nil {
				return h.unlessCrashed(nil)
			}
		}
		a := attempt{id: len(h.attempted) + 1}
		for _, tp := range historyPartitions {
			if h.rng.IntN(2) == 0 {
				a.partitions = append(a.partitions, tp)
			}
		}
		for i, tp := range a.partitions {
			if err := c.Append(tp.Topic, tp.Partition, &Record{Key: []byte(strconv.Itoa(a.id)), Value: []byte(a.value(i, h.rng.IntN(400)))}); err != nil {
				return err
			}
		}
		if err := c.SetOffset("g", historyPartitions[0], CommittedOffset{Offset: Offset(a.id), Metadata: "m"}); err != nil {
			return err
		}
		if err := h.commit(b, a, c.Build()); err != nil || h.crash.left != nil {
			return h.unlessCrashed(err)
		}
	}
	return h.unlessCrashed(b.Close())
}

// commit tries an attempt, at times on a full disk, and in the interval mode is
// the syncer at times.
func (h *history) commit(b *Broker, a attempt, c *Commit) error {
	h.full = h.fault == nil && h.rng.IntN(8) == 0
	defer func() { h.full = false }()
	h.attempted = append(h.attempted, a)
	_, err := b.Commit(c)
	switch {
	case err == nil:
		h.acked = len(h.attempted)
	case errors.Is(err, ErrNoSpace) && h.crash.left == nil:
		h.attempted = h.attempted[:len(h.attempted)-1] // it must never be seen
	default:
		return err
	}
	if h.cfg.Durability == Interval && h.rng.IntN(4) == 0 {
		return b.journal.SyncNow()
	}
	return nil
}

func (h *history) unlessCrashed(err error) error {
	if h.crash.left != nil {
		h.acked = h.crash.acked
		return nil
	}
	return err
}

// check compares what b holds with what was attempted and acknowledged, and
// forgets attempts that are not there.
func (h *history) check(b *Broker) error {
	present := map[int]int{} // values by attempt
	for _, tp := range historyPartitions {
		if _, err := b.Topic(tp.Topic); err != nil {
			continue
		}
		values, err := valuesOf(b, tp)
		if err != nil {
			return fmt.Errorf("read %s: %w", tp, err)
		}
		last := 0
		for _, v := range values {
			id, err := strconv.Atoi(v[:strings.IndexByte(v, '/')])
			if err != nil || id <= last || id > len(h.attempted) {
				return fmt.Errorf("%s: attempt %d after %d of %d", tp, id, last, len(h.attempted))
			}
			last = id
			present[id]++
		}
	}
	o, _ := b.Committed("g", historyPartitions[0])
	n := int(o.Offset)
	if n < h.acked {
		return fmt.Errorf("%d commits were acknowledged, %d are there", h.acked, n)
	}
	if n > len(h.attempted) {
		return fmt.Errorf("offset %d, only %d commits were tried", n, len(h.attempted))
	}
	for _, a := range h.attempted {
		want := len(a.partitions)
		if a.id > n {
			want = 0
		}
		if present[a.id] != want {
			return fmt.Errorf("commit %d of %d: %d values, want %d", a.id, n, present[a.id], want)
		}
	}
	h.attempted = h.attempted[:n]
	h.acked = n
	return nil
}

func valuesOf(b *Broker, tp TopicPartition) ([]string, error) {
	c := b.NewConsumer()
	defer c.Close()
	if err := c.Assign(tp, 0); err != nil {
		return nil, err
	}
	var values []string
	for {
		fetches, err := c.Fetch(1 << 10)
		if err != nil || len(fetches) == 0 {
			return values, err
		}
		var r Record
		for fetches[0].Records.Next(&r) {
			if int(r.Offset) != len(values) {
				return nil, fmt.Errorf("offset %d, want %d", r.Offset, len(values))
			}
			values = append(values, string(r.Value))
		}
		if err := fetches[0].Records.Err(); err != nil {
			return nil, err
		}
	}
}

// testSeed is FRESHET_SEED, or a new seed each time.
func testSeed(t testing.TB) uint64 {
	seed := rand.Uint64N(1 << 32)
	if s := os.Getenv("FRESHET_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("FRESHET_SEED: %v", err)
		}
	}
	t.Logf("FRESHET_SEED=%d", seed)
	return seed
}

// testCount reads a number from the environment.
func testCount(t testing.TB, name string, byDefault int) int {
	s := os.Getenv(name)
	if s == "" {
		return byDefault
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// skipOneGoroutine skips a long test that has nothing to race, where only races
// are looked for.
func skipOneGoroutine(t *testing.T) {
	t.Helper()
	if raceEnabled && testing.Short() {
		t.Skip("it runs on one goroutine")
	}
}

// TestCrashHistories crashes the log at random operations, FRESHET_HISTORIES
// times. Nothing acknowledged is lost, no commit is there in part, and what is
// left is a prefix.
func TestCrashHistories(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	var passes int64
	for i := range testCount(t, "FRESHET_HISTORIES", 2000) {
		h := newHistory(seed + uint64(i))
		if err := h.run(); err != nil {
			t.Fatalf("FRESHET_SEED=%d FRESHET_HISTORIES=1: %v", seed+uint64(i), err)
		}
		passes += h.passes
	}
	t.Logf("%d passes of the cleaner", passes)
}

// TestSeededBugsAreCaught breaks the log on purpose: the histories must see it.
func TestSeededBugsAreCaught(t *testing.T) {
	bugs := map[string]func(vfs.Op) error{
		"acknowledge before the journal is synced": func(op vfs.Op) error {
			return skipIf(op.Kind == vfs.OpSync && strings.HasPrefix(op.Name, journalDir))
		},
		"forget to sync the directory of the journal": func(op vfs.Op) error {
			return skipIf(op.Kind == vfs.OpSyncDir && op.Name == journalDir)
		},
		"forget to sync the directory of a segment": func(op vfs.Op) error {
			return skipIf(op.Kind == vfs.OpSyncDir && strings.HasPrefix(op.Name, topicsDir))
		},
		"forget to sync a segment before the checkpoint": func(op vfs.Op) error {
			return skipIf(op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, ".log"))
		},
		"replace the checkpoint before it is synced": func(op vfs.Op) error {
			return skipIf(op.Kind == vfs.OpSync && strings.HasPrefix(op.Name, checkpointName))
		},
	}
	for name, fault := range bugs {
		t.Run(name, func(t *testing.T) {
			seed := testSeed(t)
			for i := range 5000 {
				h := newHistory(seed + uint64(i))
				h.fault = fault
				if err := h.run(); err != nil {
					t.Logf("caught by history %d: %v", i, err)
					return
				}
			}
			t.Fatal("5,000 histories did not see it")
		})
	}
}

func skipIf(bug bool) error {
	if bug {
		return vfs.ErrSkip
	}
	return nil
}
