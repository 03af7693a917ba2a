package log

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/google/uuid"
)

// The calls in this file are Kafka's requests of the same names. Their errors
// are [CodeError] where the coordinator refuses, ErrReadOnly, ErrClosed, what
// [Broker.Commit] returns where a generation could not be written, or that of
// the context. Slices that are handed in belong to the log.

// JoinGroup makes the caller a member of a group, and waits for the others of
// its generation. Where the error is a [CodeError] the answer is valid, too:
// with MEMBER_ID_REQUIRED it has the id to join with. When ctx ends, the
// request stays: who joins again takes its place.
//
// It is for servers of Kafka's protocol; programs have [Broker.Subscribe].
func (b *Broker) JoinGroup(ctx context.Context, q coord.JoinGroup) (coord.JoinAnswer, error) {
	if err := ctx.Err(); err != nil {
		return coord.JoinAnswer{}, err
	}
	token, replies, err := b.groups.join(q)
	if err != nil {
		return coord.JoinAnswer{}, err
	}
	select {
	case r := <-replies:
		return r.answer, r.error()
	case <-ctx.Done():
		err = ctx.Err()
	case <-b.stop:
		err = ErrClosed
	}
	b.groups.forget(token)
	return coord.JoinAnswer{}, err
}

// SyncGroup returns what the caller is to work on, as soon as the leader of its
// generation has brought everybody's assignment. It is for servers of Kafka's
// protocol, as JoinGroup is.
func (b *Broker) SyncGroup(ctx context.Context, q coord.SyncGroup) (coord.SyncAnswer, error) {
	if err := ctx.Err(); err != nil {
		return coord.SyncAnswer{}, err
	}
	token, replies, err := b.groups.sync(q)
	if err != nil {
		return coord.SyncAnswer{}, err
	}
	select {
	case r := <-replies:
		return r.answer, r.error()
	case <-ctx.Done():
		err = ctx.Err()
	case <-b.stop:
		err = ErrClosed
	}
	b.groups.forget(token)
	return coord.SyncAnswer{}, err
}

// Heartbeat keeps a member alive. REBALANCE_IN_PROGRESS tells it to join again.
// It waits for nobody. It is for servers of Kafka's protocol, as JoinGroup is.
func (b *Broker) Heartbeat(who coord.Membership) error {
	g := b.groups
	if err := g.usable(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return codeError(g.mu.coord.Heartbeat(b.cfg.Now(), who))
}

// LeaveGroup takes members out of a group, by their ids or, as an operator
// knows them, by their instances alone. It returns one error, or nil, for each.
// It is for servers of Kafka's protocol, as JoinGroup is.
func (b *Broker) LeaveGroup(group string, who []coord.Leaving) ([]error, error) {
	var code coord.Code
	var codes []coord.Code
	err := b.groups.step(group, func(now time.Time, c *coord.Groups) (fx coord.Effects) {
		code, codes, fx = c.Leave(now, group, who)
		return fx
	})
	if err == nil {
		err = codeError(code)
	}
	if err != nil {
		return nil, fmt.Errorf("leave group %q: %w", group, err)
	}
	errs := make([]error, len(codes))
	for i := range codes {
		errs[i] = codeError(codes[i])
	}
	return errs, nil
}

func (r joinReply) error() error {
	if r.err != nil {
		return r.err
	}
	return codeError(r.answer.Code)
}

func (r syncReply) error() error {
	if r.err != nil {
		return r.err
	}
	return codeError(r.answer.Code)
}

// join begins a join. Its answer comes through the channel, which has room for
// it.
func (g *groups) join(q coord.JoinGroup) (uint64, <-chan joinReply, error) {
	if q.MemberID == "" && q.NewMemberID == "" {
		prefix := q.ClientID
		if q.InstanceID != "" {
			prefix = q.InstanceID
		}
		q.NewMemberID = prefix + "-" + uuid.NewString()
	}
	replies := make(chan joinReply, 1)
	err := g.step(q.Group, func(now time.Time, c *coord.Groups) coord.Effects {
		g.mu.token++
		q.Token = g.mu.token
		g.mu.joins[q.Token] = replies
		return c.Join(now, q)
	})
	return q.Token, replies, g.begun(q.Token, len(replies) > 0, err)
}

func (g *groups) sync(q coord.SyncGroup) (uint64, <-chan syncReply, error) {
	replies := make(chan syncReply, 1)
	err := g.step(q.Group, func(now time.Time, c *coord.Groups) coord.Effects {
		g.mu.token++
		q.Token = g.mu.token
		g.mu.syncs[q.Token] = replies
		return c.Sync(now, q)
	})
	return q.Token, replies, g.begun(q.Token, len(replies) > 0, err)
}

// begun returns the error of a step whose request was not answered by it: an
// answer has the error already.
func (g *groups) begun(token uint64, answered bool, err error) error {
	if answered || err == nil {
		return nil
	}
	g.forget(token)
	return err
}

// forget drops a request that nobody waits for any more.
func (g *groups) forget(token uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.mu.joins, token)
	delete(g.mu.syncs, token)
}

// touch is a heartbeat whose answer nobody needs.
func (g *groups) touch(who coord.Membership) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.coord.Heartbeat(g.b.cfg.Now(), who)
}
