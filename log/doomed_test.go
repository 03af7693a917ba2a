package log

import (
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestDeletingATopicFreesADiskThatIsNearlyFull: there is no room to reserve for
// the journal file that a checkpoint begins, and it is written all the same.
func TestDeletingATopicFreesADiskThatIsNearlyFull(t *testing.T) {
	mem := vfs.NewMem()
	full := false
	fsys := vfs.Fail(mem, func(op vfs.Op) error {
		if full && op.Kind == vfs.OpPreallocate {
			return syscall.ENOSPC
		}
		return nil
	})
	b := open(t, fsys, Config{stepped: true, TailBytes: 4 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		produce(t, b, "t", strings.Repeat("x", 1000))
	}
	id := b.pub.topics["t"].id
	full = true
	if err := b.DeleteTopic("t"); err != nil {
		t.Fatal(err)
	}
	if err := b.reclaim(); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.Stat(path.Join(topicsDir, id.String())); err == nil {
		t.Error("the files of the topic are still there")
	}
}
