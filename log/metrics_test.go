package log

import (
	"context"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// aWorkedLog has done a little of everything, under a clock that stands.
func aWorkedLog(t *testing.T) *Broker {
	now := time.UnixMilli(1_700_000_000_000).UTC()
	b := open(t, vfs.NewMem(), Config{stepped: true, Now: func() time.Time { return now }, JournalBytes: 64 << 10})
	b.cluster = uuid.MustParse("01234567-89ab-cdef-0123-456789abcdef")
	for name, cfg := range map[string]TopicConfig{"orders": {Partitions: 2}, "accounts": {CleanupPolicy: CleanupCompact}} {
		if _, err := b.CreateTopic(name, cfg); err != nil {
			t.Fatal(err)
		}
	}
	produce(t, b, "orders", "one", "two", "three")
	produce(t, b, "accounts", "one")
	c := b.NewCommitBuilder()
	if err := c.SetOffset("billing", TopicPartition{"accounts", 0}, CommittedOffset{Offset: 0}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
	p, err := b.NewTransactionalProducer(context.Background(), TransactionalConfig{ID: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Begin(); err != nil {
		t.Fatal(err)
	}
	if err := p.Produce(context.Background(), "orders", Record{Key: []byte("k"), Value: []byte("four")}); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, b, TopicPartition{"accounts", 0}); len(got) != 1 {
		t.Fatalf("read %q", got)
	}
	now = now.Add(3 * time.Second)
	return b
}

func TestMetricsCount(t *testing.T) {
	b := aWorkedLog(t)
	m := b.Metrics()
	if m.CommitTime.Count != m.Commits || m.CommitTime.Max < m.CommitTime.Mean() || m.CommitTime.Quantile(1) != m.CommitTime.Max {
		t.Errorf("commit time is %+v of %d commits", m.CommitTime, m.Commits)
	}
	if m.Groups != m.Commits { // one goroutine commits
		t.Errorf("%d groups, want %d", m.Groups, m.Commits)
	}
	if m.JournalSyncs < m.Groups {
		t.Errorf("%d syncs of %d groups", m.JournalSyncs, m.Groups)
	}
	m.CommitTime, m.JournalSyncs = Latency{}, 0 // of the machine
	const want = `commits                  7
batches                  3
records                  5
appended bytes           241
groups of commits        7
journal bytes            984
fetches                  1
fetched bytes            72
checkpoints              1
last checkpoint          2023-11-14T22:13:20Z
topics                   2
partitions               3
size bytes               241
tail bytes               241
consumer groups          1
open transactions        1
oldest open transaction  3s
producer ids             1
`
	if diff := cmp.Diff(want, m.String()); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsOfRecoveryAndReaders(t *testing.T) {
	mem := vfs.NewMem()
	b, err := OpenFS(mem, Config{stepped: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	produce(t, b, "t", "one", "two")
	b2 := open(t, mem.KillProcess(), Config{stepped: true})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	m := b2.Metrics()
	if m.RecoveredCommits != 2 || m.Commits != 0 || m.Segments != 1 || m.TailBytes != 0 || m.OpenFiles == 0 {
		t.Errorf("after recovery: %s", m)
	}
	r, err := openReadOnlyFS(mem, ".", Config{})
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Metrics(); m.Partitions != 1 || m.SizeBytes == 0 || m.JournalBytes != 0 {
		t.Errorf("beside the owner: %s", m)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMetricsForgetEndedTransactions(t *testing.T) {
	b := aWorkedLog(t)
	if err := b.AbortTransaction("shop"); err != nil {
		t.Fatal(err)
	}
	if m := b.Metrics(); m.OpenTransactions != 0 || m.OldestOpen != 0 {
		t.Errorf("%d open, the oldest for %s", m.OpenTransactions, m.OldestOpen)
	}
}

func TestDescribe(t *testing.T) {
	b := aWorkedLog(t)
	const want = `cluster 01234567-89ab-cdef-0123-456789abcdef, leader epoch 1, sync, 241 bytes
topic accounts: 1 partitions, 1 records, 72 bytes; cleanup.policy=compact
topic orders: 2 partitions, 4 records, 169 bytes
group billing: Empty, generation 0, 1 partitions, lag 1
transaction shop: producer 0, epoch 0, open for 3s of 1m0s, 1 partitions, 0 groups
`
	if diff := cmp.Diff(want, b.Describe().String()); diff != "" {
		t.Error(diff)
	}
}

func TestLatencyIsInItsBucket(t *testing.T) {
	for _, d := range []time.Duration{0, time.Microsecond - 1, time.Microsecond, 3 * time.Microsecond, time.Millisecond, time.Hour, 1<<63 - 1, -1} {
		var l latency
		l.observe(d)
		v := l.value()
		for i, n := range v.Buckets {
			last := i == latencyBuckets-1
			in := (i == 0 || d >= LatencyBound(i-1)) && (d < LatencyBound(i) || last)
			if in != (n == 1) {
				t.Errorf("%v: bucket %d, up to %v, has %d", d, i, LatencyBound(i), n)
			}
		}
		if v.Count != 1 {
			t.Errorf("%v: count %d", d, v.Count)
		}
	}
}
