package log

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fixtureStart is the time by the clock of those who write fixtures.
var fixtureStart = time.UnixMilli(1_700_000_000_000)

// TestWriteFixture writes the directories of the present format to the directory
// that FRESHET_WRITE_FIXTURE names, to be kept under testdata for ever: one that
// was closed, and one whose process was killed.
func TestWriteFixture(t *testing.T) {
	dir := os.Getenv("FRESHET_WRITE_FIXTURE")
	if dir == "" {
		t.Skip("FRESHET_WRITE_FIXTURE names no directory")
	}
	closed := fillFixture(t, filepath.Join(dir, "closed"), 150)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	b := fillFixture(t, filepath.Join(dir, "scratch"), 200)
	if err := os.CopyFS(filepath.Join(dir, "killed"), os.DirFS(filepath.Join(dir, "scratch"))); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "scratch")); err != nil {
		t.Fatal(err)
	}
}

// fillFixture has something of everything that is stored: what checkOld and
// checkFixture look for.
func fillFixture(t *testing.T, dir string, commits int) *Broker {
	t.Helper()
	now := fixtureStart
	b, err := Open(dir, Config{
		JournalBytes: 64 << 10, SegmentBytes: 4 << 10, TailBytes: 8 << 10, Durability: OS, placeBytes: 1000, stepped: true,
		Now: func() time.Time { now = now.Add(time.Second); return now },
	})
	done(t, err)
	for name, cfg := range map[string]TopicConfig{
		"orders":   {Partitions: 2, Compression: "lz4"},
		"accounts": {CleanupPolicy: CleanupCompact, MaxMessageBytes: 4096, MinCleanableRatio: 0.01},
		"payments": {Partitions: 2},
		"gone":     {},
	} {
		_, err := b.CreateTopic(name, cfg)
		done(t, err)
	}
	_, err = b.AddPartitions("orders", 3)
	done(t, err)
	_, err = b.AlterTopic("orders", map[string]string{"retention.ms": "-1"})
	done(t, err)
	_, err = b.ClaimGroup("readers")
	done(t, err)
	fence, err := b.ClaimGroup("readers")
	done(t, err)
	fillOrders(t, b, fence, 0, commits/2)
	done(t, b.reclaim()) // compaction is about what a checkpoint has
	b.cleaner.step(time.Hour)
	fillOrders(t, b, fence, commits/2, commits)
	fillPayments(t, b)
	done(t, b.DeleteTopic("gone"))
	_, err = b.DeleteRecords(TopicPartition{"payments", 1}, 2)
	done(t, err)
	return b
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fillOrders writes what checkOld reads.
func fillOrders(t *testing.T, b *Broker, fence Fence, from, to int) {
	t.Helper()
	c := b.NewCommitBuilder()
	c.SetFence(fence)
	for i := from; i < to; i++ {
		key := fmt.Sprintf("key-%03d", i%17)
		r := Record{
			Key: []byte(key), Value: []byte(fmt.Sprintf("order %d of %s, with some text behind it to fill a segment", i, key)),
			TimestampMillis: fixtureStart.UnixMilli() + int64(i)*1000, Headers: []Header{{Key: "n", Value: []byte{byte(i)}}},
		}
		done(t, c.Append("orders", Partition(r.Key, 3), &r))
		account := Record{Key: r.Key, Value: []byte(fmt.Sprint(i)), TimestampMillis: r.TimestampMillis}
		if i%29 == 0 {
			account.Value = nil
		}
		done(t, c.Append("accounts", 0, &account))
		done(t, c.SetOffset("readers", TopicPartition{"orders", int32(i % 3)}, CommittedOffset{Offset: Offset(i / 4), Metadata: fmt.Sprintf("at %d", i)}))
		_, err := b.Commit(c.Build())
		done(t, err)
	}
}

// fillPayments has a transaction of each end, and large batches.
func fillPayments(t *testing.T, b *Broker) {
	t.Helper()
	ctx := context.Background()
	for _, end := range []string{"committed", "aborted", "open"} {
		p, err := b.NewTransactionalProducer(ctx, TransactionalConfig{ID: "txn-" + end})
		done(t, err)
		done(t, p.Begin())
		for i := range 4 {
			done(t, p.Produce(ctx, "payments", Record{Key: []byte{byte(i)}, Value: []byte(fmt.Sprintf("%s %d", end, i))}))
		}
		done(t, p.SendOffsets(ctx, "payers-"+end, GroupMembership{Generation: -1}, GroupOffset{TopicPartition: TopicPartition{"orders", 0}, CommittedOffset: CommittedOffset{Offset: 7}}))
		switch end {
		case "committed":
			done(t, p.Commit(ctx))
		case "aborted":
			done(t, p.Abort(ctx))
		}
	}
	large := make([]Record, 30)
	for i := range large {
		large[i] = Record{Key: []byte("large"), Value: make([]byte, 100)}
	}
	done(t, b.NewProducer().Produce(ctx, "payments", large...))
}
