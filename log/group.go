package log

import (
	"fmt"

	"github.com/google/uuid"
)

// A CommittedOffset is how far a group has taken a partition.
type CommittedOffset struct {
	Offset          Offset // of the next record to take
	LeaderEpoch     int32  // of the last record taken, if the group told; -1 else
	TimestampMillis int64  // when it was committed; set by the log
	Metadata        string // the group's own, at most 4096 bytes
}

// A Fence is one member's claim on a group. The zero Fence claims nothing and
// is never fenced.
type Fence struct {
	Group      string
	Member     uuid.UUID
	Generation int32
}

// ClaimGroup makes the caller the only member of a group: commits that bear an
// older fence of it fail with ErrFenced from here on, and those that were being
// written are published when it returns, so that what the caller reads after it
// stays true. Claims end with the broker.
func (b *Broker) ClaimGroup(group string) (Fence, error) {
	if b.readOnly {
		return Fence{}, ErrReadOnly
	}
	var f Fence
	err := b.journal.Exclusive(func() error {
		b.pub.Lock()
		defer b.pub.Unlock()
		f = Fence{Group: group, Member: uuid.New(), Generation: b.pub.claims[group].Generation + 1}
		b.pub.claims[group] = f
		return nil
	})
	if err != nil {
		return Fence{}, fmt.Errorf("claim group %s: %w", group, err)
	}
	return f, nil
}

func (b *Broker) checkFence(f Fence) error {
	if f == (Fence{}) {
		return nil
	}
	b.pub.RLock()
	defer b.pub.RUnlock()
	if now := b.pub.claims[f.Group]; now != f {
		return fmt.Errorf("member %s of group %s, generation %d: %w by generation %d",
			f.Member, f.Group, f.Generation, ErrFenced, now.Generation)
	}
	return nil
}

// Committed returns the offset that group has committed for tp, and false if
// there is none.
func (b *Broker) Committed(group string, tp TopicPartition) (CommittedOffset, bool) {
	b.pub.RLock()
	defer b.pub.RUnlock()
	o, ok := b.pub.committed[group][tp]
	return o, ok
}

func (b *Broker) setOffsetLocked(o offsetCommit) {
	g := b.pub.committed[o.group]
	if g == nil {
		g = map[TopicPartition]CommittedOffset{}
		b.pub.committed[o.group] = g
	}
	g[o.p.tp] = o.o
}
