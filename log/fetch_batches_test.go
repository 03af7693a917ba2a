package log

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestFetchBatchesReturnsStoredBytes compares what is fetched with what was
// appended, but for the offset and the epoch that the log has stamped, and lets
// another codec of Kafka's format read it.
func TestFetchBatchesReturnsStoredBytes(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{SegmentBytes: 4 << 10})
	tp := TopicPartition{"t", 0}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	var want []byte
	var bounds []int // of batches
	for i := range 50 {
		stored := encode(t, codecs[i%len(codecs)], testRecord{1, "k", value(i)[:i*20]}, testRecord{2, "k", "second"})
		base := appendBatch(t, b, tp, bytes.Clone(stored))
		batch.Stamp(stored, int64(base), b.epoch)
		bounds = append(bounds, len(want))
		want = append(want, stored...)
	}
	for _, where := range []string{"memory", "segments"} {
		for _, maxBytes := range []int{1, 700, 3000, 1 << 20} {
			c := consume(t, b, tp, 0)
			var got []byte
			for len(got) < len(want) {
				fetches, err := c.FetchBatches(maxBytes)
				if err == nil {
					err = fetches[0].Err
				}
				if err != nil {
					t.Fatal(err)
				}
				f := fetches[0]
				joined := slices.Concat(f.Batches...)
				if f.Bytes != len(joined) || f.Bytes == 0 {
					t.Fatalf("%d bytes, said to be %d", len(joined), f.Bytes)
				}
				var first kmsg.RecordBatch
				if err := first.ReadFrom(joined); err != nil {
					t.Fatal(err)
				}
				if f.Bytes > maxBytes && f.Bytes != int(first.Length)+12 {
					t.Fatalf("%d bytes in several batches, want %d at most", f.Bytes, maxBytes)
				}
				if f.End != 100 || f.StableEnd != 100 || f.Start != 0 || f.LeaderEpoch != b.epoch {
					t.Fatalf("%+v", f)
				}
				got = append(got, joined...)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("from %s, %d at a time: other bytes than were appended", where, maxBytes)
			}
			fetches, err := c.FetchBatches(maxBytes)
			if err != nil || len(fetches) != 1 || len(fetches[0].Batches) != 0 || fetches[0].Next != 100 {
				t.Fatalf("at the end: %+v, %v", fetches, err)
			}
		}
		epoch := b.epoch
		b = restart(t, b)
		for _, at := range bounds { // the epoch of stored batches stays
			if e := int32(binary.BigEndian.Uint32(want[at+12:])); e != epoch && where == "memory" {
				t.Fatalf("epoch %d, want %d", e, epoch)
			}
		}
	}
}

// TestFetchBatchesSaysWhatWasAborted fetches the bytes of three transactions and
// an open one at both levels of isolation.
func TestFetchBatchesSaysWhatWasAborted(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	tp := TopicPartition{"t", 0}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	write := func(producer int64, sequence int32) {
		bytes := encode(t, batch.None, testRecord{1, "k", "v"})
		batch.StampProducer(bytes, producer, 0, sequence, true)
		appendProduced(t, b, tp, bytes)
	}
	write(1, 0)                                // 0
	write(2, 0)                                // 1
	appendProduced(t, b, tp, marker(false, 1)) // 2
	appendProduced(t, b, tp, marker(true, 2))  // 3
	write(1, 1)                                // 4
	appendProduced(t, b, tp, marker(false, 1)) // 5
	write(3, 0)                                // 6, open
	for _, committed := range []bool{false, true} {
		c := consume(t, b, tp, 0)
		want, end := []AbortedTxn(nil), Offset(7)
		if committed {
			c.ReadCommitted()
			want = []AbortedTxn{{1, 0, 2, 1}, {1, 4, 5, 6}}
			end = 6
		}
		fetches, err := c.FetchBatches(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		f := fetches[0]
		if f.Next != end || f.StableEnd != 6 || f.End != 7 || len(f.Batches) != int(end) || !slices.Equal(f.Aborted, want) {
			t.Fatalf("committed %v: %+v", committed, f)
		}
		if err := c.Seek(tp, 3); err != nil {
			t.Fatal(err)
		}
		if fetches, err = c.FetchBatches(1); err != nil || fetches[0].Next != 4 || len(fetches[0].Aborted) != 0 {
			t.Fatalf("committed %v, a batch between aborted transactions: %+v, %v", committed, fetches, err)
		}
	}
}

// TestFetchBatchesKeepsErrorsApart reads a partition beside others that cannot
// be read.
func TestFetchBatchesKeepsErrorsApart(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	c := b.NewConsumer()
	defer c.Close()
	for _, name := range []string{"good", "deleted", "cut"} {
		if _, err := b.CreateTopic(name, TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		produce(t, b, name, "a", "b", "c")
		if err := c.Assign(TopicPartition{name, 0}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DeleteTopic("deleted"); err != nil {
		t.Fatal(err)
	}
	p, err := b.partition(TopicPartition{"cut", 0})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.commitEntries(logStartEntry{p.at(), 2}); err != nil {
		t.Fatal(err)
	}
	c.LimitBytes(TopicPartition{"good", 0}, 1)
	for range 3 { // whoever is first
		fetches, err := c.PollBatches(t.Context(), 1<<20, 1<<20) // does not wait
		if err != nil || len(fetches) != 3 {
			t.Fatal(fetches, err)
		}
		for _, f := range fetches {
			want := map[string]error{"deleted": ErrUnknownTopic, "cut": ErrOffsetOutOfRange}[f.Topic]
			if !errors.Is(f.Err, want) {
				t.Errorf("%s: %v, want %v", f.Topic, f.Err, want)
			}
			if f.Topic == "good" && (f.End != 3 || f.Next != 3) {
				t.Errorf("%+v", f)
			}
		}
	}
}

// TestPollBatchesWaitsForBytes polls with a minimum that the third commit
// reaches, and with one that nothing reaches.
func TestPollBatchesWaitsForBytes(t *testing.T) {
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
		one := batch.HeaderBytes + 1000
		done := make(chan string, 1)
		poll := func(ctx context.Context, minBytes int) {
			fetches, err := c.PollBatches(ctx, minBytes, 1<<20)
			if err != nil {
				done <- err.Error()
				return
			}
			done <- fmt.Sprint(len(fetches[0].Batches), " batches")
		}
		go poll(t.Context(), 2*one+200)
		for i := range 3 {
			synctest.Wait()
			select {
			case got := <-done:
				t.Fatalf("after %d commits: %s", i, got)
			default:
			}
			produce(t, b, "t", value(i)[:1000])
		}
		if got := <-done; got != "3 batches" {
			t.Fatal(got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		go poll(ctx, 1<<20)
		produce(t, b, "t", value(0)[:1000])
		if got := <-done; got != "1 batches" || time.Since(began) != time.Second {
			t.Fatal(got, time.Since(began))
		}
		cancelled, cancel := context.WithCancel(t.Context())
		go poll(cancelled, 1)
		synctest.Wait()
		cancel()
		if got := <-done; got != context.Canceled.Error() {
			t.Fatal(got)
		}
	})
}

// TestPollBatchesKnowsSegments polls what is in segments: it waits where the
// size is known to be too small, and not where it is unknown.
func TestPollBatchesKnowsSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, vfs.NewMem(), Config{SegmentBytes: 4 << 10})
		tp := TopicPartition{"t", 0}
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			produce(t, b, "t", value(i)[:1000])
		}
		write := encode(t, batch.None, testRecord{1, "k", "open"})
		batch.StampProducer(write, 1, 0, 0, true)
		appendProduced(t, b, tp, write)
		b = restart(t, b)
		for _, committed := range []bool{false, true} {
			c := consume(t, b, tp, 0)
			if committed {
				c.ReadCommitted()
			}
			poll := func(minBytes int) (took time.Duration, batches []BatchFetch) {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				batches, err := c.PollBatches(ctx, minBytes, 1<<20)
				if err != nil || len(batches) != 1 || batches[0].Err != nil {
					t.Fatal(batches, err)
				}
				return time.Since(began), batches
			}
			c.LimitBytes(tp, 1)
			if took, f := poll(1 << 20); took != 0 || f[0].Next != 1 {
				t.Fatalf("where the size is unknown: %v, next %d", took, f[0].Next)
			}
			if took, f := poll(8 << 10); took != 0 || f[0].Next != 2 {
				t.Fatalf("enough, in several segments: %v, next %d", took, f[0].Next)
			}
			c.LimitBytes(tp, 0)
			took, f := poll(20 << 10)
			if want := map[bool]time.Duration{false: time.Second}[committed]; took != want || f[0].Next == 2 {
				t.Fatalf("committed %v, less than wanted: %v, want %v; next %d", committed, took, want, f[0].Next)
			}
		}
	})
}
