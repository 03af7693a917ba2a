package log

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// TestPlacedBatchOfDeletedTopicIsSynced: the journal speaks of a batch that was
// placed in a segment, also after its topic was deleted. A sync of the journal
// that left the segment out would make a power cut look like corruption.
func TestPlacedBatchOfDeletedTopicIsSynced(t *testing.T) {
	skipOneGoroutine(t)
	mem := vfs.NewMem()
	b := open(t, mem, Config{Durability: Interval, SyncInterval: time.Hour, placeBytes: 1, stepped: true})
	for _, topic := range []string{"deleted", "kept"} {
		if _, err := b.CreateTopic(topic, TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		produce(t, b, topic, "value")
	}
	if err := b.DeleteTopic("deleted"); err != nil {
		t.Fatal(err)
	}
	if err := b.journal.SyncNow(); err != nil {
		t.Fatal(err)
	}
	produce(t, b, "kept", "later") // it says that what is before it was synced
	for seed := range uint64(50) {
		left := mem.Crash(rand.New(rand.NewPCG(seed, 0)))
		again := open(t, left, Config{bootID: func() string { return "00000000-0000-0000-0000-000000000002" }, stepped: true})
		if got := readAll(t, again, TopicPartition{"kept", 0}); len(got) == 0 || got[0] != "value" {
			t.Fatalf("crash %d: %q", seed, got)
		}
	}
}

// TestTopicIsDeletedBeforeItsCheckpoint: between the moment of which a
// checkpoint speaks and the one in which it is written, a topic gets a record
// and is deleted. The checkpoint has nothing of its segments then.
func TestTopicIsDeletedBeforeItsCheckpoint(t *testing.T) {
	for _, placeBytes := range []int{1, 1 << 20} {
		mem := vfs.NewMem()
		b := open(t, mem, Config{Durability: OS, placeBytes: placeBytes, stepped: true})
		for _, topic := range []string{"deleted", "kept"} {
			if _, err := b.CreateTopic(topic, TopicConfig{}); err != nil {
				t.Fatal(err)
			}
			produce(t, b, topic, "value")
		}
		b.cfg.stepped = false // nobody writes the checkpoint
		if err := b.reclaim(); err != nil {
			t.Fatal(err)
		}
		produce(t, b, "deleted", "another")
		if err := b.DeleteTopic("deleted"); err != nil {
			t.Fatal(err)
		}
		b.cfg.stepped = true
		b.runPending()
		produce(t, b, "kept", "later")
		again := open(t, mem.KillProcess(), Config{stepped: true})
		if got := readAll(t, again, TopicPartition{"kept", 0}); len(got) != 2 {
			t.Fatalf("%q", got)
		}
		if _, err := again.CreateTopic("deleted", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
	}
}
