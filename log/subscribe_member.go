package log

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/google/uuid"
)

// heartbeatInterval is the longest time between two heartbeats.
const heartbeatInterval = 3 * time.Second

// A memberState is what Poll and the heart share of a member.
//
//	          join               its answer              sync, its answer
//	outside ───────▶ joining ────────────────▶ syncing ─────────────────▶ stable
//	   ▲                                                                     │
//	   └──────────── a rebalance begins; or it is unknown, and lost ◀────────┘
type memberState struct {
	sync.Mutex
	id         string // "" if it is no member
	newID      string // which it has asked for
	generation int32  // coord.None if it has none
	inside     bool   // it is in a generation, and not to join again
	joining    request[joinReply]
	syncing    request[syncReply]
	polled     time.Time // when the last Poll ended
	polling    bool
	left       bool // because it did not Poll
}

// A request waits for its answer, or has it.
type request[T any] struct {
	token  uint64
	wait   <-chan T
	answer T
	has    bool
}

// take looks for the answer, without waiting.
func (r *request[T]) take() bool {
	if r.has || r.wait == nil {
		return r.has
	}
	select {
	case r.answer = <-r.wait:
		r.has, r.wait = true, nil
	default:
	}
	return r.has
}

func (r *request[T]) open() bool { return r.has || r.wait != nil }

// membership returns who the member takes itself for.
func (c *GroupConsumer) membership() coord.Membership {
	c.member.Lock()
	defer c.member.Unlock()
	return c.membershipLocked()
}

func (c *GroupConsumer) membershipLocked() coord.Membership {
	return coord.Membership{Group: c.cfg.Group, MemberID: c.member.id, InstanceID: c.cfg.InstanceID, Generation: c.member.generation}
}

// beginPoll reports whether the member had to leave meanwhile.
func (c *GroupConsumer) beginPoll() (left bool) {
	c.member.Lock()
	defer c.member.Unlock()
	left, c.member.left, c.member.polling = c.member.left, false, true
	return left
}

func (c *GroupConsumer) endPoll() {
	c.member.Lock()
	defer c.member.Unlock()
	c.member.polling, c.member.polled = false, c.b.cfg.Now()
}

// takeLocked takes in what has been answered. The heart does it too: an answer
// has the generation that it must name.
func (m *memberState) takeLocked() {
	if m.joining.wait != nil && m.joining.take() && m.joining.answer.error() == nil {
		m.id, m.generation = m.joining.answer.answer.MemberID, m.joining.answer.answer.Generation
	}
	m.syncing.take()
}

// advance goes as far in a rebalance as it can without waiting.
func (c *GroupConsumer) advance() error {
	for {
		m := &c.member
		m.Lock()
		m.takeLocked()
		join, sync, inside := m.joining, m.syncing, m.inside
		if join.has {
			m.joining = request[joinReply]{}
		}
		if sync.has {
			m.syncing = request[syncReply]{}
		}
		m.Unlock()
		var again bool
		var err error
		switch {
		case join.has:
			again, err = true, c.onJoined(join.answer)
		case sync.has:
			again, err = true, c.onSynced(sync.answer)
		case join.open() || sync.open():
		case !inside:
			again, err = true, c.join()
		default:
			again, err = c.look()
		}
		if err != nil || !again {
			return err
		}
	}
}

// look asks whether the group goes on as it is, and reports whether not.
func (c *GroupConsumer) look() (bool, error) {
	if c.topicsChanged() {
		c.outside()
		return true, nil
	}
	err := c.b.Heartbeat(c.membership())
	if err == nil {
		return false, nil
	}
	return true, c.refused(err)
}

// outside makes the member join again.
func (c *GroupConsumer) outside() {
	c.member.Lock()
	defer c.member.Unlock()
	c.member.inside = false
}

// lose forgets everything that the group had given.
func (c *GroupConsumer) lose() {
	c.member.Lock()
	c.b.groups.forget(c.member.joining.token)
	c.b.groups.forget(c.member.syncing.token)
	c.member.joining, c.member.syncing = request[joinReply]{}, request[syncReply]{}
	c.member.id, c.member.generation, c.member.inside = "", coord.None, false
	c.member.Unlock()
	if len(c.held) > 0 {
		c.b.cfg.Logger.Warn("member lost its partitions", "group", c.cfg.Group, "partitions", len(c.held))
	}
	c.giveUp(sortedPlaces(c.held), c.cfg.OnLost)
}

// refused does what an answer of the coordinator asks for; it returns those
// that only the caller can do something about.
func (c *GroupConsumer) refused(err error) error {
	var code *CodeError
	if !errors.As(err, &code) {
		c.outside()
		return fmt.Errorf("group %q: %w", c.cfg.Group, err)
	}
	switch coord.Code(code.Code) {
	case coord.RebalanceInProgress:
		c.outside()
		return nil
	case coord.UnknownMemberID, coord.IllegalGeneration:
		c.lose()
		return nil
	}
	c.lose()
	err = fmt.Errorf("group %q: %w", c.cfg.Group, err)
	if coord.Code(code.Code) == coord.FencedInstanceID {
		c.fenced = err
	}
	return err
}

// join asks to be in the next generation.
func (c *GroupConsumer) join() error {
	if c.eager {
		c.giveUp(sortedPlaces(c.held), c.cfg.OnRevoked)
	}
	c.seenTopic = c.b.topicChanges.Load()
	c.joined = c.topics()
	m := &c.member
	m.Lock()
	if m.id == "" {
		m.newID = c.cfg.ClientID + "-" + uuid.NewString()
	}
	q := coord.JoinGroup{
		Group: c.cfg.Group, MemberID: m.id, NewMemberID: m.newID, InstanceID: c.cfg.InstanceID,
		ClientID: c.cfg.ClientID, ClientHost: "embedded", ProtocolType: consumerProtocol,
		Protocols: c.protocols(m.generation), SessionTimeout: c.cfg.SessionTimeout,
		RebalanceTimeout: c.cfg.RebalanceTimeout, CanSkipAssignment: true,
	}
	m.Unlock()
	token, wait, err := c.b.groups.join(q)
	if err != nil {
		return fmt.Errorf("join group %q: %w", c.cfg.Group, err)
	}
	m.Lock()
	defer m.Unlock()
	m.joining = request[joinReply]{token: token, wait: wait}
	m.inside = true
	return nil
}

// onJoined goes on with a generation: the leader shares the partitions out, and
// everybody asks for theirs.
func (c *GroupConsumer) onJoined(r joinReply) error {
	if r.err != nil && r.answer.Code == coord.OK {
		c.member.Lock()
		c.member.id = r.answer.MemberID // of a generation that was not written
		c.member.Unlock()
	}
	if err := r.error(); err != nil {
		return c.refused(err)
	}
	a := r.answer
	q := coord.SyncGroup{Group: c.cfg.Group, MemberID: a.MemberID, InstanceID: c.cfg.InstanceID,
		Generation: a.Generation, ProtocolType: a.ProtocolType, Protocol: a.Protocol}
	c.counts = nil
	if a.Leader == a.MemberID {
		var err error
		if q.Assignments, c.counts, err = c.b.share(c.assignors, a); err != nil {
			return errors.Join(err, c.leave())
		}
		if a.SkipAssignment {
			q.Assignments = nil
		}
	}
	token, wait, err := c.b.groups.sync(q)
	if err != nil {
		c.outside()
		return fmt.Errorf("sync group %q: %w", c.cfg.Group, err)
	}
	c.member.Lock()
	defer c.member.Unlock()
	c.member.syncing = request[syncReply]{token: token, wait: wait}
	return nil
}

// onSynced takes the member's partitions. One that had to give some up joins
// again, so that others can have them.
func (c *GroupConsumer) onSynced(r syncReply) error {
	if err := r.error(); err != nil {
		return c.refused(err)
	}
	assigned, err := parseAssignment(r.answer.Assignment)
	if err != nil {
		return errors.Join(fmt.Errorf("assignment in group %q: %w", c.cfg.Group, err), c.leave())
	}
	var gone, added []TopicPartition
	for _, tp := range sortedPlaces(c.held) {
		if !assigned[tp] {
			gone = append(gone, tp)
		}
	}
	for _, tp := range sortedPlaces(assigned) {
		if c.held[tp] == nil {
			added = append(added, tp)
		}
	}
	c.giveUp(gone, c.cfg.OnRevoked)
	if len(gone) > 0 {
		c.outside()
	}
	c.unplaced = true
	c.take(added)
	return nil
}

// leave takes the member out of the group, if it is in it.
func (c *GroupConsumer) leave() error {
	c.member.Lock()
	who := c.leavingLocked()
	c.member.Unlock()
	_, err := c.b.LeaveGroup(c.cfg.Group, who)
	return err
}

func (c *GroupConsumer) leavingLocked() []coord.Leaving {
	id := cmp.Or(c.member.id, c.member.newID)
	if id == "" {
		return nil
	}
	return []coord.Leaving{{MemberID: id, InstanceID: c.cfg.InstanceID}}
}

// runHeart keeps the member alive while its owner is busy.
func (c *GroupConsumer) runHeart() {
	defer c.heart.Done()
	t := time.NewTicker(min(c.cfg.SessionTimeout/3, heartbeatInterval))
	defer t.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-c.b.stop:
			return
		case <-t.C:
			c.beat()
		}
	}
}

// beat is one heartbeat; a member that does not Poll leaves in its place. A
// static one stops its heartbeats only.
func (c *GroupConsumer) beat() {
	c.member.Lock()
	m := &c.member
	m.takeLocked()
	idle := !m.polling && c.b.cfg.Now().Sub(m.polled) > c.cfg.MaxPollInterval
	leave := idle && !m.left && (m.id != "" || m.joining.open())
	m.left = m.left || leave
	left, who, leaving := m.left, c.membershipLocked(), c.leavingLocked()
	c.member.Unlock()
	if leave {
		c.b.cfg.Logger.Warn("member leaves its group, it did not poll in time", "group", c.cfg.Group, "member", who.MemberID, "interval", c.cfg.MaxPollInterval)
		if c.cfg.InstanceID == "" {
			if _, err := c.b.LeaveGroup(c.cfg.Group, leaving); err != nil {
				c.b.cfg.Logger.Warn("member did not leave its group", "group", c.cfg.Group, "member", who.MemberID, "err", err)
			}
		}
	}
	if left {
		return
	}
	if who.Generation != coord.None {
		c.b.groups.touch(who)
	}
	notify(c.changed) // Poll hears what the answer would be, and looks for new topics
}
