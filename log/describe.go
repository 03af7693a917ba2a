package log

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A Description is a log as it stands.
type Description struct {
	ClusterID    uuid.UUID
	LeaderEpoch  int32 // one an opening
	Durability   Durability
	ReadOnly     bool
	Err          error // what has poisoned the log
	SizeBytes    int64 // of the batches of all partitions
	Topics       []TopicDescription
	Groups       []GroupSummary
	Transactions []OpenTransaction // by age
}

// A GroupSummary is a group as it stands, in one line.
type GroupSummary struct {
	Group      string
	State      string
	Generation int32
	Partitions int   // with an offset
	Lag        int64 // records from its offsets to the ends of these partitions
}

// An OpenTransaction is a transaction that is neither committed nor aborted.
type OpenTransaction struct {
	TransactionalID string
	Producer        ProducerIdentity
	Age             time.Duration // by the log's clock
	Timeout         time.Duration
	Partitions      int
	Groups          int
}

// Describe describes the log. It waits for no disk, and works on a log that is
// poisoned.
func (b *Broker) Describe() Description {
	d := Description{
		Durability: b.cfg.Durability, ReadOnly: b.readOnly, Err: b.Err(), Topics: b.Topics(),
	}
	for _, t := range d.Topics {
		for _, p := range t.Partitions {
			d.SizeBytes += p.SizeBytes
		}
	}
	for _, g := range b.ListGroups() {
		s := GroupSummary{Group: g.Group, State: g.State, Generation: g.Generation}
		for _, o := range b.GroupOffsets(g.Group) {
			s.Partitions++
			if _, end, err := b.Offsets(o.TopicPartition); err == nil { // or the topic was deleted just now
				s.Lag += max(int64(end-o.Offset), 0)
			}
		}
		d.Groups = append(d.Groups, s)
	}
	b.pub.RLock()
	defer b.pub.RUnlock()
	d.ClusterID, d.LeaderEpoch = b.cluster, b.epoch
	now := b.cfg.Now()
	for id, t := range b.pub.openTxns {
		d.Transactions = append(d.Transactions, OpenTransaction{
			TransactionalID: id, Producer: ProducerIdentity{t.ProducerID, t.Epoch}, Age: max(now.Sub(t.Started), 0),
			Timeout: t.Timeout, Partitions: len(t.Partitions), Groups: len(t.Groups),
		})
	}
	slices.SortFunc(d.Transactions, func(x, y OpenTransaction) int {
		if x.Age != y.Age {
			return int(min(max(y.Age-x.Age, -1), 1))
		}
		return strings.Compare(x.TransactionalID, y.TransactionalID)
	})
	return d
}

// String prints the log for people, a line a topic, group and transaction.
func (d Description) String() string {
	var s strings.Builder
	mode := d.Durability.String()
	if d.ReadOnly {
		mode = "read only"
	}
	fmt.Fprintf(&s, "cluster %s, leader epoch %d, %s, %d bytes\n", d.ClusterID, d.LeaderEpoch, mode, d.SizeBytes)
	if d.Err != nil {
		fmt.Fprintf(&s, "! %v\n", d.Err)
	}
	for _, t := range d.Topics {
		var records Offset
		var size int64
		for _, p := range t.Partitions {
			records += p.End - p.Start
			size += p.SizeBytes
		}
		fmt.Fprintf(&s, "topic %s: %d partitions, %d records, %d bytes", t.Name, len(t.Partitions), records, size)
		if cfg := t.Config.String(); cfg != "" {
			fmt.Fprintf(&s, "; %s", cfg)
		}
		s.WriteByte('\n')
	}
	for _, g := range d.Groups {
		fmt.Fprintf(&s, "group %s: %s, generation %d, %d partitions, lag %d\n", g.Group, g.State, g.Generation, g.Partitions, g.Lag)
	}
	for _, t := range d.Transactions {
		fmt.Fprintf(&s, "transaction %s: producer %d, epoch %d, open for %s of %s, %d partitions, %d groups\n",
			t.TransactionalID, t.Producer.ID, t.Producer.Epoch, t.Age, t.Timeout, t.Partitions, t.Groups)
	}
	return s.String()
}
