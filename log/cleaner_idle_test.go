package log

import (
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// TestQuietTopicsAreCompactedToo: what was written is in a checkpoint after a
// while, however little it was, and so compaction comes to it.
func TestQuietTopicsAreCompactedToo(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{stepped: true, SegmentBytes: 1 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{CleanupPolicy: CleanupCompact, MinCleanableRatio: 0.01}); err != nil {
		t.Fatal(err)
	}
	c := b.NewCommitBuilder()
	for i := range 100 {
		if err := c.Append("t", 0, &Record{Key: []byte("k"), Value: []byte(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Commit(c.Build()); err != nil {
			t.Fatal(err)
		}
	}
	b.cleaner.step(time.Second)
	if n := len(recordsOf(t, b, TopicPartition{"t", 0})); n != 100 {
		t.Fatalf("%d records after a second, want all", n)
	}
	b.cleaner.step(DefaultCheckpointInterval)
	if n := len(recordsOf(t, b, TopicPartition{"t", 0})); n == 100 {
		t.Fatal("nothing was compacted after the interval of checkpoints")
	}
}
