package log

import (
	"fmt"
	"math/bits"
	"strings"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/log/internal/journal"
)

// Metrics are what a log has done since it was opened, and how it stands. A log
// that is open for reading only has no appends.
type Metrics struct {
	Commits       int64
	Batches       int64
	Records       int64
	AppendedBytes int64   // of batches, as they are stored
	Groups        int64   // of commits that shared a write; one sync each with Sync
	CommitTime    Latency // from the call of Commit until it was acknowledged

	JournalBytes int64 // written to the journal
	JournalSyncs int64

	Fetches      int64 // by consumers
	FetchedBytes int64 // of batches, as they are stored

	Checkpoints      int64
	LastCheckpoint   time.Time // zero if there was none
	RecoveredCommits int64     // replayed by the opening
	RecoveryTime     time.Duration

	Cleaner         CleanerStats
	ExpiredSegments int64 // deleted by retention
	ExpiredBytes    int64 // of them

	// How it stands.
	Topics           int
	Partitions       int
	Segments         int
	SizeBytes        int64 // of the batches of all partitions
	TailBytes        int64 // of batches that are in memory only, but for the journal
	FreeBufferBytes  int64 // of memory that is kept for batches
	OpenFiles        int   // of segments
	DoomedFiles      int   // segments and topics whose files the next checkpoint lets go
	ConsumerGroups   int
	GroupMembers     int
	OpenTransactions int
	OldestOpen       time.Duration // age of the oldest open transaction; 0 if there is none
	ProducerIDs      int64         // given away so far, in the life of the log
}

// latencyBuckets is enough for half an hour.
const latencyBuckets = 32

// A Latency says how long something took.
type Latency struct {
	Count int64
	Sum   time.Duration
	Max   time.Duration

	// Buckets count by powers of two: Buckets[i] took less than
	// [LatencyBound](i), and not less than the bound before. The last has the
	// rest.
	Buckets [latencyBuckets]int64
}

// LatencyBound returns the upper bound of a bucket of [Latency]: 1 µs for the
// first, and twice as much for each that follows.
func LatencyBound(i int) time.Duration { return time.Microsecond << i }

// Mean returns the average, 0 where there was nothing.
func (l *Latency) Mean() time.Duration {
	if l.Count == 0 {
		return 0
	}
	return l.Sum / time.Duration(l.Count)
}

// Quantile returns an upper bound of the q-quantile, 0 to 1, at most twice what
// it is; 0 where there was nothing.
func (l *Latency) Quantile(q float64) time.Duration {
	var total int64
	for _, n := range l.Buckets {
		total += n
	}
	below := int64(0)
	for i, n := range l.Buckets {
		below += n
		if n > 0 && float64(below) >= q*float64(total) {
			return min(LatencyBound(i), l.Max)
		}
	}
	return 0
}

// A latency is a Latency that is being counted.
type latency struct {
	sum, max atomic.Int64
	buckets  [latencyBuckets]atomic.Int64
}

func (l *latency) observe(d time.Duration) {
	l.buckets[min(bits.Len64(uint64(max(d, 0)/time.Microsecond)), latencyBuckets-1)].Add(1)
	l.sum.Add(int64(d))
	for {
		most := l.max.Load()
		if int64(d) <= most || l.max.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

func (l *latency) value() (out Latency) {
	for i := range l.buckets {
		out.Buckets[i] = l.buckets[i].Load()
		out.Count += out.Buckets[i]
	}
	out.Sum, out.Max = time.Duration(l.sum.Load()), time.Duration(l.max.Load())
	return out
}

// counters are the part of Metrics that is counted as it happens.
type counters struct {
	commits, batches, records, bytes, groups atomic.Int64
	commitTime                               latency
	fetches, fetchedBytes                    atomic.Int64
	checkpoints                              atomic.Int64
	lastCheckpoint                           atomic.Pointer[time.Time]
	expiredSegments, expiredBytes            atomic.Int64
}

// published counts a group of commits. Only the leader calls it.
func (c *counters) published(group []*journal.Entry) {
	var batches, records, bytes int64
	for _, e := range group {
		batched := e.Commit.(*Commit).batches
		batches += int64(len(batched))
		for i := range batched {
			records += int64(batched[i].count)
			bytes += int64(len(batched[i].bytes))
		}
	}
	c.groups.Add(1)
	c.commits.Add(int64(len(group)))
	c.batches.Add(batches)
	c.records.Add(records)
	c.bytes.Add(bytes)
}

func (c *counters) fetched(bytes int) {
	c.fetches.Add(1)
	c.fetchedBytes.Add(int64(bytes))
}

// Metrics returns what there is to count. It waits for no disk; the numbers are
// not all of one moment.
func (b *Broker) Metrics() Metrics {
	c := &b.counters
	m := Metrics{
		Commits: c.commits.Load(), Batches: c.batches.Load(), Records: c.records.Load(), AppendedBytes: c.bytes.Load(),
		Groups: c.groups.Load(), CommitTime: c.commitTime.value(),
		Fetches: c.fetches.Load(), FetchedBytes: c.fetchedBytes.Load(),
		Checkpoints: c.checkpoints.Load(), RecoveredCommits: int64(b.recovery.Commits), RecoveryTime: b.recovery.Duration,
		Cleaner: b.CleanerStats(), ExpiredSegments: c.expiredSegments.Load(), ExpiredBytes: c.expiredBytes.Load(),
		FreeBufferBytes: b.buffers.size(), OpenFiles: b.files.Open(),
	}
	if t := c.lastCheckpoint.Load(); t != nil {
		m.LastCheckpoint = *t
	}
	if b.journal != nil {
		m.JournalBytes, m.JournalSyncs = b.journal.Written()
	}
	m.ConsumerGroups, m.GroupMembers = b.groups.count()
	b.standingMetrics(&m)
	return m
}

// standingMetrics fills in how the log stands.
func (b *Broker) standingMetrics(m *Metrics) {
	b.pub.RLock()
	defer b.pub.RUnlock()
	m.Topics, m.TailBytes, m.DoomedFiles = len(b.pub.topics), b.pub.tailBytes, len(b.pub.doomed)
	for _, t := range b.pub.topics {
		for _, p := range t.partitions() {
			m.Partitions++
			m.Segments += len(p.segments)
			m.SizeBytes += p.sizeBytesLocked()
		}
	}
	m.OpenTransactions, m.ProducerIDs = len(b.pub.openTxns), b.pub.producerIDs
	now := b.cfg.Now()
	for _, t := range b.pub.openTxns {
		m.OldestOpen = max(m.OldestOpen, now.Sub(t.Started))
	}
}

// count returns how many groups and members there are.
func (g *groups) count() (groups, members int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	groups, members = g.mu.coord.Count()
	g.b.pub.RLock()
	defer g.b.pub.RUnlock()
	for group := range g.b.pub.groups {
		if !g.mu.coord.Knows(group) {
			groups++
		}
	}
	for group := range g.b.pub.committed {
		if _, ok := g.b.pub.groups[group]; !ok && !g.mu.coord.Knows(group) {
			groups++
		}
	}
	return groups, members
}

// String prints one number a line, without those that are 0.
func (m Metrics) String() string {
	var s strings.Builder
	line := func(name string, v any) {
		switch fmt.Sprint(v) {
		case "0", "0s":
		default:
			fmt.Fprintf(&s, "%-24s %v\n", name, v)
		}
	}
	line("commits", m.Commits)
	line("batches", m.Batches)
	line("records", m.Records)
	line("appended bytes", m.AppendedBytes)
	line("groups of commits", m.Groups)
	line("commit time, mean", m.CommitTime.Mean())
	line("commit time, 99 %", m.CommitTime.Quantile(0.99))
	line("commit time, max", m.CommitTime.Max)
	line("journal bytes", m.JournalBytes)
	line("journal syncs", m.JournalSyncs)
	line("fetches", m.Fetches)
	line("fetched bytes", m.FetchedBytes)
	line("checkpoints", m.Checkpoints)
	if !m.LastCheckpoint.IsZero() {
		line("last checkpoint", m.LastCheckpoint.UTC().Format(time.RFC3339))
	}
	line("recovered commits", m.RecoveredCommits)
	line("recovery time", m.RecoveryTime)
	line("cleaner passes", m.Cleaner.Passes)
	line("cleaner passes failed", m.Cleaner.Failed)
	line("cleaner records dropped", m.Cleaner.RecordsDropped)
	line("expired segments", m.ExpiredSegments)
	line("expired bytes", m.ExpiredBytes)
	line("topics", m.Topics)
	line("partitions", m.Partitions)
	line("segments", m.Segments)
	line("size bytes", m.SizeBytes)
	line("tail bytes", m.TailBytes)
	line("free buffer bytes", m.FreeBufferBytes)
	line("open files", m.OpenFiles)
	line("doomed files", m.DoomedFiles)
	line("consumer groups", m.ConsumerGroups)
	line("group members", m.GroupMembers)
	line("open transactions", m.OpenTransactions)
	line("oldest open transaction", m.OldestOpen)
	line("producer ids", m.ProducerIDs)
	return s.String()
}
