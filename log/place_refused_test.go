package log

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestRefusedPlacingIsNotSynced: a batch is placed in a segment that was begun for
// it, then the disk is full for another batch of the commit, and the segment is
// given up. Later syncs do not miss it.
func TestRefusedPlacingIsNotSynced(t *testing.T) {
	for _, d := range []Durability{Sync, Interval, OS} {
		full := ""
		fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
			if full != "" && op.Kind == vfs.OpCreate && strings.HasPrefix(op.Name, topicsDir) && !strings.Contains(op.Name, full) {
				return syscall.ENOSPC
			}
			return nil
		})
		cfg := small()
		cfg.Durability, cfg.placeBytes, cfg.placeSyncBytes = d, 1, 1
		b := open(t, fsys, cfg)
		first, err := b.CreateTopic("first", TopicConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.CreateTopic("second", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		both := func() error {
			c := b.NewCommitBuilder()
			for _, topic := range []string{"first", "second"} {
				if err := c.Append(topic, 0, &Record{Value: []byte("value")}); err != nil {
					t.Fatal(err)
				}
			}
			_, err := b.Commit(c.Build())
			return err
		}
		full = first.ID.String()
		if err := both(); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("durability %v: %v, want ErrNoSpace", d, err)
		}
		full = ""
		if err := both(); err != nil {
			t.Fatalf("durability %v: %v", d, err)
		}
		if err := b.journal.SyncNow(); err != nil {
			t.Fatalf("durability %v: %v", d, err)
		}
		for _, topic := range []string{"first", "second"} {
			if got := readAll(t, b, TopicPartition{topic, 0}); len(got) != 1 {
				t.Errorf("durability %v: %d records in %s, want 1", d, len(got), topic)
			}
		}
	}
}
