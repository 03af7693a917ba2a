package coord

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// A TxnState is where a transactional id stands.
type TxnState int8

// The states. There is no prepared one: an outcome is written at once.
const (
	TxnEmpty TxnState = iota // no transaction since the producer began
	TxnOngoing
	TxnCompleteCommit
	TxnCompleteAbort
)

// String returns Kafka's name of the state.
func (s TxnState) String() string {
	switch s {
	case TxnEmpty:
		return "Empty"
	case TxnOngoing:
		return "Ongoing"
	case TxnCompleteCommit:
		return "CompleteCommit"
	case TxnCompleteAbort:
		return "CompleteAbort"
	}
	return fmt.Sprintf("state %d", int8(s))
}

// lastClientEpoch is the highest epoch a client is given. The one above it is
// left for fencing that client.
const lastClientEpoch = math.MaxInt16 - 1

// A Partition is one that a transaction appends to.
type Partition struct {
	Topic string
	Index int32
}

// Compare orders partitions by topic, then index.
func (p Partition) Compare(q Partition) int {
	return cmp.Or(cmp.Compare(p.Topic, q.Topic), cmp.Compare(p.Index, q.Index))
}

// A Transaction is what is known of one transactional id. Nobody changes a
// Transaction once it was returned, nor its slices: a step makes another. The
// caller writes it to disk and hands it to [Transactions.Load] after a restart.
type Transaction struct {
	ID         string
	ProducerID int64
	Epoch      int16
	// LastProducerID and LastEpoch are what the client may still believe it has:
	// a request that bears them is the repetition of one whose answer was lost.
	// None if there is no such pair, as in an open transaction.
	LastProducerID int64
	LastEpoch      int16
	State          TxnState
	Timeout        time.Duration // of a transaction, from its first partition or group
	Partitions     []Partition   // of the open transaction, in order
	Groups         []string      // whose offsets the open transaction commits, in order
	Started        time.Time     // of the transaction that is open or ended last
	Updated        time.Time
}

// Has says whether the open transaction includes p.
func (t *Transaction) Has(p Partition) bool {
	_, found := slices.BinarySearchFunc(t.Partitions, p, Partition.Compare)
	return found
}

// HasGroup says whether the open transaction commits offsets of group.
func (t *Transaction) HasGroup(group string) bool {
	_, found := slices.BinarySearch(t.Groups, group)
	return found
}

// is says whether a request bears the present producer id and epoch. Nobody was
// given the epoch that only fences.
func (t *Transaction) is(producerID int64, epoch int16) bool {
	return t.ProducerID == producerID && t.Epoch == epoch && epoch <= lastClientEpoch
}

// repeats says whether a request bears the pair before the present one, whose
// successor its client was given but may not have heard of.
func (t *Transaction) repeats(producerID int64, epoch int16) bool {
	return epoch != None && t.LastProducerID == producerID && t.LastEpoch == epoch
}

// with returns a copy with partitions and a group added, and whether that made
// a difference.
func (t *Transaction) with(now time.Time, partitions []Partition, groups []string) (*Transaction, bool) {
	moved := *t
	for _, p := range partitions {
		if i, found := slices.BinarySearchFunc(moved.Partitions, p, Partition.Compare); !found {
			moved.Partitions = slices.Insert(slices.Clip(moved.Partitions), i, p)
		}
	}
	for _, g := range groups {
		if i, found := slices.BinarySearch(moved.Groups, g); !found {
			moved.Groups = slices.Insert(slices.Clip(moved.Groups), i, g)
		}
	}
	if len(moved.Partitions) == len(t.Partitions) && len(moved.Groups) == len(t.Groups) {
		return t, false
	}
	if t.State != TxnOngoing {
		moved.State, moved.Started = TxnOngoing, now
		moved.LastProducerID, moved.LastEpoch = None, None // its client has moved on
	}
	moved.Updated = now
	return &moved, true
}

// ended returns a copy without an open transaction. Its identity stays.
func (t *Transaction) ended(now time.Time, commit bool) *Transaction {
	moved := *t
	moved.State = TxnCompleteAbort
	if commit {
		moved.State = TxnCompleteCommit
	}
	if t.State != TxnOngoing {
		moved.Started = now
	}
	moved.Partitions, moved.Groups, moved.Updated = nil, nil, now
	return &moved
}

// An Ending is an outcome that must be written in the same journal record as
// the change it comes with: a marker for each partition, and the pending
// offsets of each group made good or dropped.
type Ending struct {
	ID         string
	ProducerID int64
	Epoch      int16 // of the markers
	Commit     bool
	Partitions []Partition
	Groups     []string
}

func (t *Transaction) ending(epoch int16, commit bool) *Ending {
	return &Ending{ID: t.ID, ProducerID: t.ProducerID, Epoch: epoch, Commit: commit,
		Partitions: t.Partitions, Groups: t.Groups}
}

func (t *Transaction) deadline(expiration time.Duration) time.Time {
	if t.State == TxnOngoing {
		return t.Started.Add(t.Timeout)
	}
	return t.Updated.Add(expiration)
}

// check finds what this package never hands out.
func (t *Transaction) check() error {
	var faults []error
	fault := func(found bool, format string, args ...any) {
		if found {
			faults = append(faults, fmt.Errorf("transactional id %q: "+format, append([]any{t.ID}, args...)...))
		}
	}
	fault(t.ID == "" || len(t.ID) > MaxNameBytes, "%d bytes, want 1 to %d", len(t.ID), MaxNameBytes)
	fault(t.ProducerID < 0 || t.Epoch < 0, "producer id %d, epoch %d", t.ProducerID, t.Epoch)
	fault(t.LastProducerID < None || t.LastEpoch < None || (t.LastProducerID == None) != (t.LastEpoch == None),
		"last producer id %d, epoch %d", t.LastProducerID, t.LastEpoch)
	fault(t.State < TxnEmpty || t.State > TxnCompleteAbort, "%s", t.State)
	fault(t.State == TxnOngoing && t.LastEpoch != None, "open, but epoch %d may be repeated", t.LastEpoch)
	fault(t.State == TxnOngoing && t.Epoch > lastClientEpoch, "open in epoch %d, want at most %d", t.Epoch, lastClientEpoch)
	fault(t.Timeout <= 0, "timeout %s", t.Timeout)
	open := len(t.Partitions) > 0 || len(t.Groups) > 0
	fault(open != (t.State == TxnOngoing), "%s with %d partitions and %d groups", t.State, len(t.Partitions), len(t.Groups))
	fault(!slices.IsSortedFunc(t.Partitions, Partition.Compare) || !slices.IsSorted(t.Groups), "partitions or groups out of order")
	return errors.Join(faults...)
}
