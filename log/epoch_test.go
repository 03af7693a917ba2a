package log

import (
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestEpochEndsWhereTheNextBegins opens a log six times and writes in the
// second and the fourth.
func TestEpochEndsWhereTheNextBegins(t *testing.T) {
	fsys := vfs.NewMem()
	tp := TopicPartition{"t", 0}
	for epoch := 1; epoch <= 5; epoch++ {
		b := open(t, fsys, Config{})
		if epoch == 1 {
			if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
				t.Fatal(err)
			}
		}
		switch epoch {
		case 2:
			produce(t, b, "t", "a", "b", "c")
		case 4:
			produce(t, b, "t", "d", "e")
		}
		if epoch%2 == 0 {
			fsys = fsys.KillProcess()
		} else if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, fsys, Config{})
	for epoch, want := range []Offset{0, 0, 3, 3, 5, 5, 5, 0} {
		if got, err := b.EpochEnd(tp, int32(epoch)); err != nil || got != want {
			t.Errorf("epoch %d ends at %d, %v; want %d", epoch, got, err, want)
		}
	}
}
