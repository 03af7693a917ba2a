package log

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

func open(t testing.TB, fsys vfs.FS, cfg Config) *Broker {
	t.Helper()
	b, err := OpenFS(fsys, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil && !errors.Is(err, ErrPoisoned) {
			t.Error(err)
		}
	})
	return b
}

// readAll returns the values of a partition, which must be dense.
func readAll(t testing.TB, b *Broker, tp TopicPartition) []string {
	t.Helper()
	c := b.NewConsumer()
	defer c.Close()
	start, _, err := b.Offsets(tp)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Assign(tp, start); err != nil {
		t.Fatal(err)
	}
	var values []string
	next := start
	for {
		fetches, err := c.Fetch(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			return values
		}
		for _, f := range fetches {
			var r Record
			for f.Records.Next(&r) {
				if r.Offset != next {
					t.Fatalf("offset %d, want %d", r.Offset, next)
				}
				next++
				values = append(values, string(r.Value))
			}
			if err := f.Records.Err(); err != nil {
				t.Fatal(err)
			}
			if f.Next != next {
				t.Fatalf("Fetch.Next %d, want %d", f.Next, next)
			}
		}
	}
}

func produce(t testing.TB, b *Broker, topic string, values ...string) {
	t.Helper()
	var rs []Record
	for _, v := range values {
		rs = append(rs, Record{Key: []byte("k"), Value: []byte(v)})
	}
	if err := b.NewProducer().Produce(context.Background(), topic, rs...); err != nil {
		t.Fatal(err)
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("crash=%v", crash), func(t *testing.T) {
			fsys := vfs.NewMem()
			var want []string
			for round := range 4 {
				b, err := OpenFS(fsys, Config{JournalBytes: 4 << 10, SegmentBytes: 2 << 10, TailBytes: 8 << 10})
				if err != nil {
					t.Fatal(err)
				}
				if round == 0 {
					if _, err := b.CreateTopic("orders", TopicConfig{Partitions: 1}); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 50 {
					v := fmt.Sprintf("round %d value %d", round, i)
					produce(t, b, "orders", v, v+" again")
					want = append(want, v, v+" again")
				}
				if got := readAll(t, b, TopicPartition{"orders", 0}); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("round %d: got %d values, want %d", round, len(got), len(want))
				}
				if crash {
					fsys = fsys.KillProcess()
					b.Close()
				} else if err := b.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
