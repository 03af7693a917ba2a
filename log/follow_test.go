package log

import (
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
