package log

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// beside opens a log for reading beside its owner. It follows when the test says
// so.
func beside(t testing.TB, mem *vfs.Mem) *Broker {
	t.Helper()
	r, err := openReadOnlyFS(mem, ".", Config{stepped: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func follow(t testing.TB, r *Broker) {
	t.Helper()
	if err := r.follow.step(); err != nil {
		t.Fatal(err)
	}
}

// placingConfig writes every batch straight to its segment.
func placingConfig() Config {
	cfg := small()
	cfg.Durability, cfg.placeBytes = OS, 1
	return cfg
}

// TestFollowerReadsPlacedBatches reads them as they come, and after checkpoints.
func TestFollowerReadsPlacedBatches(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, placingConfig())
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	r := beside(t, mem)
	for n := range 300 {
		fill(t, b, "t", 1)
		if n%7 > 0 {
			continue
		}
		follow(t, r)
		if got := readAll(t, r, TopicPartition{"t", 0}); len(got) != n+1 {
			t.Fatalf("%d records, want %d", len(got), n+1)
		}
	}
}

// TestFollowerMissesNothingBetweenCheckpoints: what the owner deletes and makes
// anew before a checkpoint, the follower does not find in the journal any more.
func TestFollowerMissesNothingBetweenCheckpoints(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, small())
	for _, topic := range []string{"deleted", "again", "kept"} {
		if _, err := b.CreateTopic(topic, TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		fill(t, b, topic, 10)
	}
	commitOffset(t, b, "gone", TopicPartition{"kept", 0}, 3)
	commitOffset(t, b, "there", TopicPartition{"kept", 0}, 4)
	r := beside(t, mem)
	c := r.NewConsumer()
	defer c.Close()
	if err := c.Assign(TopicPartition{"deleted", 0}, 10); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"deleted", "again"} {
		if err := b.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.CreateTopic("again", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteGroup("gone"); err != nil {
		t.Fatal(err)
	}
	if err := b.reclaim(); err != nil {
		t.Fatal(err)
	}
	fill(t, b, "again", 3)
	follow(t, r)
	if got := readAll(t, r, TopicPartition{"again", 0}); len(got) != 3 {
		t.Errorf("%d records of the topic that was made again, want 3", len(got))
	}
	if _, err := r.Topic("deleted"); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("deleted topic: %v, want ErrUnknownTopic", err)
	}
	if _, err := c.Fetch(1000); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("consumer of the deleted topic: %v, want ErrUnknownTopic", err)
	}
	if o, ok := r.Committed("gone", TopicPartition{"kept", 0}); ok {
		t.Errorf("deleted group is at %d", o.Offset)
	}
	if o, ok := r.Committed("there", TopicPartition{"kept", 0}); !ok || o.Offset != 4 {
		t.Errorf("group is at %d, %v, want 4", o.Offset, ok)
	}
}

func commitOffset(t testing.TB, b *Broker, group string, tp TopicPartition, o Offset) {
	t.Helper()
	c := b.NewCommitBuilder()
	if err := c.SetOffset(group, tp, CommittedOffset{Offset: o}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
}

// TestFollowerForgets: it keeps nothing of what its owner has removed.
func TestFollowerForgets(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, placingConfig())
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	r := beside(t, mem)
	for range 20 {
		fill(t, b, "t", 50)
		if _, err := b.DeleteRecords(TopicPartition{"t", 0}, HighWatermark); err != nil {
			t.Fatal(err)
		}
		follow(t, r)
		if err := b.reclaim(); err != nil {
			t.Fatal(err)
		}
		follow(t, r)
	}
	if n := len(r.pub.doomed); n > 50 {
		t.Errorf("%d doomed segments are remembered", n)
	}
	if n := len(r.unsynced.segments); n > 0 {
		t.Errorf("%d segments to be synced", n)
	}
	if n := r.files.Open(); n > 10 {
		t.Errorf("%d files are open", n)
	}
}

// TestFollowerNoticesCompactionAheadOfIt: segments are swapped that are in the
// owner's newest checkpoint, while the follower still goes on from the one before.
func TestFollowerNoticesCompactionAheadOfIt(t *testing.T) {
	mem := vfs.NewMem()
	cfg := small()
	cfg.JournalBytes = 1 << 20
	b := open(t, mem, cfg)
	if _, err := b.CreateTopic("t", TopicConfig{CleanupPolicy: CleanupCompact, MinCleanableRatio: 1e-9}); err != nil {
		t.Fatal(err)
	}
	r := beside(t, mem)
	fill(t, b, "t", 50)
	flush(t, b)
	if err := b.reclaim(); err != nil {
		t.Fatal(err)
	}
	before := b.CleanerStats().Passes
	b.cleaner.compactAll()
	if b.CleanerStats().Passes == before {
		t.Fatal("nothing was compacted")
	}
	// The step has looked at the checkpoint already, and goes on with the journal.
	r.pub.Lock()
	err := readCommits(r.follow.reader, r)
	r.pub.Unlock()
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v, want fs.ErrNotExist", err)
	}
	follow(t, r)
	for _, at := range []*Broker{b, r} {
		c := at.NewConsumer()
		defer c.Close()
		if err := c.Assign(TopicPartition{"t", 0}, 0); err != nil {
			t.Fatal(err)
		}
		n := 0
		for {
			fetches, err := c.Fetch(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			if len(fetches) == 0 {
				break
			}
			for rec := (Record{}); fetches[0].Records.Next(&rec); {
				n++
			}
		}
		if n == 0 || n >= 50 {
			t.Errorf("%d records, want some, but not all", n)
		}
	}
}

// TestFollowerTakesNoGapForTheEnd: while a follower reads the journal behind a
// checkpoint, its owner writes another, and removes files that were not read yet.
// The segments of the first have more than what was read: half of each commit.
func TestFollowerTakesNoGapForTheEnd(t *testing.T) {
	mem := vfs.NewMem()
	cfg := small()
	cfg.JournalBytes = 64 << 10
	b := open(t, mem, cfg)
	tp := TopicPartition{"t", 0}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	n := Offset(0)
	commits := func(want int) {
		for range want {
			n++
			c := b.NewCommitBuilder()
			err := errors.Join(c.Append("t", 0, &Record{Value: make([]byte, 1000)}), c.SetOffset("g", tp, CommittedOffset{Offset: n}))
			if err == nil {
				_, err = b.Commit(c.Build())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	commits(1)
	b.cfg.TailBytes = 1 << 30
	b.cfg.stepped = false // nobody writes the checkpoint
	if err := b.reclaim(); err != nil {
		t.Fatal(err)
	}
	commits(25)
	b.cfg.stepped = true
	b.runPending() // it begins two files before the end, and its segments go to the end

	var later sync.Once
	r, err := openReadOnlyFS(vfs.Fail(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpRead && strings.HasPrefix(op.Name, journalDir) {
			later.Do(func() {
				if err := b.reclaim(); err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	}), ".", Config{stepped: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, end := offsets(t, r)
	if o, _ := r.Committed("g", tp); o.Offset != end || end != n {
		t.Errorf("the group is at %d, the end is %d, want %d", o.Offset, end, n)
	}
}
