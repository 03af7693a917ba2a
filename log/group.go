package log

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/google/uuid"
)

// A CommittedOffset is how far a group has taken a partition.
type CommittedOffset struct {
	Offset          Offset // of the next record to take
	LeaderEpoch     int32  // of the last record taken, if the group told; -1 else
	TimestampMillis int64  // when it was committed; set by the log
	Metadata        string // the group's own, at most 4096 bytes
}

// A Fence is one member's claim on a group. The zero Fence claims nothing: what
// bears it is never fenced, but commits offsets only for groups that have no
// members.
type Fence struct {
	Group      string
	Member     string
	Generation int32
}

// ClaimGroup makes the caller the only member of a group: commits that bear an
// older fence of it, or come from a member that joined it, fail with ErrFenced
// from here on, and those that were being written are published when it
// returns, so that what the caller reads after it stays true. A claim ends with
// the next one, with [Broker.ReleaseGroup], or with the broker.
func (b *Broker) ClaimGroup(group string) (Fence, error) {
	f := Fence{Group: group, Member: uuid.NewString()}
	var code coord.Code
	err := b.groups.step(group, func(now time.Time, c *coord.Groups) (fx coord.Effects) {
		f.Generation, code, fx = c.Claim(now, group, f.Member)
		return fx
	})
	if err == nil {
		err = codeError(code)
	}
	if err != nil {
		return Fence{}, fmt.Errorf("claim group %q: %w", group, err)
	}
	return f, nil
}

// ReleaseGroup ends a claim, so that others may join the group, and its offsets
// may be reset. It returns ErrFenced where the claim has ended already.
func (b *Broker) ReleaseGroup(f Fence) error {
	codes, err := b.LeaveGroup(f.Group, []coord.Leaving{{MemberID: f.Member}})
	if err == nil {
		err = codes[0]
	}
	if err != nil {
		return fmt.Errorf("release group %q: %w", f.Group, err)
	}
	return nil
}

// checkGroups refuses a commit whose member has been replaced, and offsets that
// come from nobody in particular while their group has members. It is the
// leader's.
func (b *Broker) checkGroups(c *Commit) error {
	if c.fence == (Fence{}) && len(c.offsets) == 0 {
		return nil
	}
	if f := c.fence; f != (Fence{}) {
		if err := b.checkFence(f); err != nil {
			return err
		}
	}
	g := b.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	now := b.cfg.Now()
	last := c.fence.Group
	for i := range c.offsets {
		group := c.offsets[i].group
		if group == last {
			continue
		}
		last = group
		code := g.mu.coord.CommitOffsets(now, coord.Membership{Group: group, Generation: coord.None})
		if code != coord.OK {
			return fmt.Errorf("offsets of group %q, which has members: %w", group, codeError(code))
		}
		g.mu.idle.active(group)
	}
	return nil
}

func (b *Broker) checkFence(f Fence) error {
	g := b.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	code := g.mu.coord.TxnCommitOffsets(b.cfg.Now(), coord.Membership{Group: f.Group, MemberID: f.Member, Generation: f.Generation})
	if code != coord.OK {
		return fmt.Errorf("member %q of group %q, generation %d: %w", f.Member, f.Group, f.Generation, codeError(code))
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
