package log

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestSegmentOfTopicDeletedWhileItIsFlushed: the segment that was begun for it is
// closed, as nobody else knows of it.
func TestSegmentOfTopicDeletedWhileItIsFlushed(t *testing.T) {
	var b *Broker
	deleted := false
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasPrefix(op.Name, topicsDir) && !deleted {
			deleted = true
			if err := b.DeleteTopic("t"); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	b = open(t, fsys, small())
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	produce(t, b, "t", "value")
	b.cfg.stepped = false // the test is the flusher
	flush(t, b)
	b.cfg.stepped = true
	if !deleted {
		t.Fatal("nothing was flushed")
	}
	if err := b.reclaim(); err != nil {
		t.Fatal(err)
	}
	if n := b.files.Open(); n > 0 {
		t.Errorf("%d files are open", n)
	}
	if b.Err() != nil {
		t.Error(b.Err())
	}
}
