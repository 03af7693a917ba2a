package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/freshet/freshet/internal/vfs"
)

// TestCommitsAreSeenWhole commits to several partitions while consumers poll:
// each sees all of a commit in one Fetch, or none.
func TestCommitsAreSeenWhole(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{Durability: OS, TailBytes: 64 << 10, SegmentBytes: 8 << 10})
	const partitions, commits, readers = 4, 400, 3
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			c := b.NewConsumer()
			defer c.Close()
			for p := range int32(partitions) {
				if err := c.Assign(TopicPartition{"t", p}, 0); err != nil {
					t.Error(err)
					return
				}
			}
			counts := make([]int, partitions)
			for counts[0] < commits {
				// Room for all, so that a Fetch ends only at what was visible.
				fetches, err := c.Poll(context.Background(), 64<<20)
				if err != nil {
					t.Error(err)
					return
				}
				for _, f := range fetches {
					var r Record
					for f.Records.Next(&r) {
						counts[f.Partition]++
					}
				}
				// Where the partitions ended when they were seen; one that
				// is not in the result was read to that end before.
				end := fetches[0].End
				for _, f := range fetches {
					if f.End != end {
						t.Errorf("partitions end at %d and %d: part of a commit was seen", end, f.End)
						return
					}
				}
				for p, n := range counts {
					in := slices.ContainsFunc(fetches, func(f Fetch) bool { return f.Partition == int32(p) })
					if !in && Offset(n) != end {
						t.Errorf("partition %d ends at %d, others at %d: part of a commit was seen", p, n, end)
						return
					}
				}
			}
		})
	}
	wg.Go(func() {
		c := b.NewCommitBuilder()
		for i := range commits {
			for p := range int32(partitions) {
				if err := c.Append("t", p, &Record{Value: fmt.Append(nil, i)}); err != nil {
					t.Error(err)
				}
			}
			if _, err := b.Commit(c.Build()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
}

func TestPollWaitsWithoutPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, vfs.NewMem(), Config{})
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		c := b.NewConsumer()
		defer c.Close()
		if err := c.Assign(TopicPartition{"t", 0}, 0); err != nil {
			t.Fatal(err)
		}
		var got string
		go func() {
			fetches, err := c.Poll(t.Context(), 1)
			if err != nil {
				t.Error(err)
				return
			}
			var r Record
			fetches[0].Records.Next(&r)
			got = string(r.Value)
		}()
		synctest.Wait() // every goroutine sleeps, on no timer
		produce(t, b, "t", "hello")
		synctest.Wait()
		if got != "hello" {
			t.Fatalf("got %q", got)
		}
	})
}

func TestFetchFromEveryOffset(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{SegmentBytes: 2 << 10, JournalBytes: 4 << 10, TailBytes: 8 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	tp := TopicPartition{"t", 0}
	for i := range 100 {
		produce(t, b, "t", fmt.Sprint(3*i), fmt.Sprint(3*i+1), fmt.Sprint(3*i+2))
	}
	for from := range Offset(300) {
		c := b.NewConsumer()
		if err := c.Assign(tp, from); err != nil {
			t.Fatal(err)
		}
		fetches, err := c.Fetch(1)
		if err != nil || len(fetches) != 1 {
			t.Fatalf("from %d: %v, %v", from, fetches, err)
		}
		var r Record
		for want := from; want < fetches[0].Next; want++ {
			if !fetches[0].Records.Next(&r) || r.Offset != want || string(r.Value) != fmt.Sprint(want) {
				t.Fatalf("from %d: got %d %q, want %d", from, r.Offset, r.Value, want)
			}
		}
		c.Close()
	}
	c := b.NewConsumer()
	defer c.Close()
	for _, from := range []Offset{-1, 301} {
		if err := c.Assign(tp, from); !errors.Is(err, ErrOffsetOutOfRange) {
			t.Fatalf("assign at %d: %v, want ErrOffsetOutOfRange", from, err)
		}
	}
	if err := c.Assign(TopicPartition{"t", 1}, 0); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("assign of a partition that is not there: %v", err)
	}
}

func TestHeadersAndNulls(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	want := []Record{
		{Key: []byte{}, Value: nil, TimestampMillis: 5, Headers: []Header{{"a", []byte("1")}, {"", nil}}},
		{Key: nil, Value: []byte{}, TimestampMillis: 3},
	}
	if err := b.NewProducer().Produce(t.Context(), "t", want...); err != nil {
		t.Fatal(err)
	}
	c := b.NewConsumer()
	defer c.Close()
	if err := c.Assign(TopicPartition{"t", 0}, 0); err != nil {
		t.Fatal(err)
	}
	fetches, err := c.Fetch(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		var r Record
		if !fetches[0].Records.Next(&r) {
			t.Fatal(fetches[0].Records.Err())
		}
		want[i].Offset = Offset(i)
		if got, want := fmt.Sprintf("%#v", r), fmt.Sprintf("%#v", want[i]); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestDamagedSegmentIsAnError(t *testing.T) {
	fsys := vfs.NewMem()
	b := open(t, fsys, Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		produce(t, b, "t", strings.Repeat("x", 100))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	var path string
	ids, err := fsys.ReadDir(topicsDir)
	if err != nil {
		t.Fatal(err)
	}
	path = topicsDir + "/" + ids[0].Name() + "/0/00000000000000000000.log"
	data, err := vfs.ReadFile(fsys, path)
	if err != nil {
		t.Fatal(err)
	}
	for _, pos := range []int{7, 11, 100, len(data) / 2, len(data) - 1} {
		data[pos] ^= 4
		if err := vfs.WriteFileAtomic(fsys, path, data); err != nil {
			t.Fatal(err)
		}
		data[pos] ^= 4
		b, err := OpenFS(fsys, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := valuesOf(b, TopicPartition{"t", 0}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("flip at %d: %v, want ErrCorrupt", pos, err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReusedMemoryReadsTheSame reads segments of batches of all sizes with and
// without new memory for each fetch.
func TestReusedMemoryReadsTheSame(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{SegmentBytes: 64 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		produce(t, b, "t", strings.Repeat(fmt.Sprint(i), 1+i*i%4000))
	}
	if err := b.Close(); err != nil { // everything is in segments then
		t.Fatal(err)
	}
	b = open(t, b.fsys, Config{})
	want := readAll(t, b, TopicPartition{"t", 0})
	c := b.NewConsumer()
	defer c.Close()
	c.ReuseMemory()
	if err := c.Assign(TopicPartition{"t", 0}, 0); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		fetches, err := c.Fetch(10_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			break
		}
		var r Record
		for fetches[0].Records.Next(&r) {
			got = append(got, string(r.Value))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("read %d records that are not the %d written", len(got), len(want))
	}
}
