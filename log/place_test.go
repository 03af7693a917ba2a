package log

import (
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// TestPlacedBatchesAreReadBeside: a reader in another process finds batches that
// are in a segment and not in the journal, also between some that are in the
// journal alone.
func TestPlacedBatchesAreReadBeside(t *testing.T) {
	fsys := vfs.NewMem()
	b := open(t, fsys, Config{Durability: OS, placeBytes: 500})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", 1000)
	want := []string{"1" + large, "2" + large, "small", "3" + large}
	for _, v := range want {
		produce(t, b, "t", v)
	}
	if p := b.pub.topics["t"].partitions()[0]; p.placed != 2 {
		t.Fatalf("%d batches were placed, want the 2 before the small one", p.placed)
	}
	beside, err := openReadOnlyFS(fsys, ".", Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := beside.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := readAll(t, beside, TopicPartition{"t", 0}); !slices.Equal(got, want) {
		t.Errorf("beside the owner: %d records, want %d", len(got), len(want))
	}
	again := open(t, fsys.KillProcess(), Config{})
	if got := readAll(t, again, TopicPartition{"t", 0}); !slices.Equal(got, want) {
		t.Errorf("after a kill: %d records, want %d", len(got), len(want))
	}
}
