package log

import (
	"testing"
)

// TestEpochsBelowTheLogStart: a segment may still have batches of leader epochs
// that the log start has passed and the checkpoint does not know any more.
func TestEpochsBelowTheLogStart(t *testing.T) {
	dir := t.TempDir()
	tp := TopicPartition{"t", 0}
	for life := range 2 {
		b, err := Open(dir, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
				t.Fatal(err)
			}
		}
		fill(t, b, "t", 5)
		if life == 1 {
			if _, err := b.DeleteRecords(tp, 7); err != nil {
				t.Fatal(err)
			}
			if end, err := b.EpochEnd(tp, b.epoch-1); err != nil || end != 5 {
				t.Errorf("the epoch before ends at %d, %v, want 5", end, err)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := verified(dir); err != nil {
		t.Error(err)
	}
}
