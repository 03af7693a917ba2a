package log

import (
	"fmt"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/coord"
)

// groups is the coordinator of all groups, shared by those who call it. What
// must outlive the process goes through the journal before anybody hears of it.
type groups struct {
	b *Broker

	// steps is held by whatever changes a group from its step until the journal
	// has it and those concerned have heard of it, so that they hear of steps in
	// their order. It is taken before mu, and never by the leader of the journal.
	steps sync.Mutex

	// mu guards the coordinator itself. Nobody waits for the journal while
	// holding it: its leader takes mu to check who commits. It is taken before
	// Broker.pub.
	mu struct {
		sync.Mutex
		coord    *coord.Groups
		token    uint64 // of the request that waits since last
		joins    map[uint64]chan joinReply
		syncs    map[uint64]chan syncReply
		watchers map[string]map[chan struct{}]bool // by group, see watch
		idle     idleGroups
	}

	wake chan struct{} // the timer has to look at the deadlines anew
}

// A joinReply is the answer to a join, or why it could not be written.
type joinReply struct {
	answer coord.JoinAnswer
	err    error
}

type syncReply struct {
	answer coord.SyncAnswer
	err    error
}

func newGroups(b *Broker) *groups {
	g := &groups{b: b, wake: make(chan struct{}, 1)}
	g.mu.coord = coord.NewGroups(coord.GroupConfig{InitialRebalanceDelay: b.cfg.GroupInitialRebalanceDelay})
	g.mu.joins = map[uint64]chan joinReply{}
	g.mu.syncs = map[uint64]chan syncReply{}
	g.mu.watchers = map[string]map[chan struct{}]bool{}
	g.mu.idle.since = map[string]time.Duration{}
	return g
}

// load takes in what was recovered. The members of the process before are not:
// each hears that it is unknown, and joins again.
func (g *groups) load() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.idle.last = g.b.cfg.Now()
	for _, e := range g.b.pub.groups {
		if err := g.mu.coord.Load(coord.SavedGroup{Group: e.group, Generation: e.generation, ProtocolType: e.protocolType}); err != nil {
			return err
		}
	}
	return nil
}

// usable returns why there is no coordinator to ask, or nil.
func (g *groups) usable() error {
	if g.b.readOnly {
		return ErrReadOnly
	}
	select {
	case <-g.b.stop:
		return ErrClosed
	default:
		return nil
	}
}

// step lets the coordinator do something about a group, writes what must be
// kept of it, and then gives the answers. Commits that a step outdates and that
// are on their way already are published when it returns; others are refused.
func (g *groups) step(group string, f func(now time.Time, c *coord.Groups) coord.Effects) error {
	if err := g.usable(); err != nil {
		return err
	}
	g.steps.Lock()
	defer g.steps.Unlock()
	g.mu.Lock()
	fx := f(g.b.cfg.Now(), g.mu.coord)
	g.mu.idle.active(group)
	g.mu.Unlock()
	err := g.save(fx.Saved)
	g.deliver(group, &fx, err)
	notify(g.wake)
	return err
}

// save writes generations. One that was not written is skipped for good, which
// harms nobody.
func (g *groups) save(saved []coord.SavedGroup) error {
	if len(saved) == 0 {
		return nil
	}
	es := make([]entry, 0, len(saved))
	for _, s := range saved {
		es = append(es, groupEntry{s.Group, s.Generation, s.ProtocolType})
	}
	if err := g.b.commitEntries(es...); err != nil {
		return fmt.Errorf("generation %d of group %q: %w", saved[0].Generation, saved[0].Group, err)
	}
	for _, s := range saved {
		g.b.cfg.Logger.Info("group has a new generation", "group", s.Group, "generation", s.Generation)
	}
	return nil
}

// deliver gives the answers of a step to those who wait for them. If its
// generation could not be written they get the error in their place.
func (g *groups) deliver(group string, fx *coord.Effects, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range fx.Joined {
		if ch := g.mu.joins[a.Token]; ch != nil {
			ch <- joinReply{a, err}
			delete(g.mu.joins, a.Token)
		}
	}
	for _, a := range fx.Synced {
		if ch := g.mu.syncs[a.Token]; ch != nil {
			ch <- syncReply{a, err}
			delete(g.mu.syncs, a.Token)
		}
	}
	for ch := range g.mu.watchers[group] {
		notify(ch)
	}
	for _, s := range fx.Saved {
		for ch := range g.mu.watchers[s.Group] {
			notify(ch)
		}
	}
}

// notify leaves a token in ch, which has room for one.
func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// watch returns a channel that has a token when something may have changed in
// a group, so that members in this process need not wait for their next
// heartbeat to hear of a rebalance.
func (g *groups) watch(group string) (changed chan struct{}, stop func()) {
	changed = make(chan struct{}, 1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.watchers[group] == nil {
		g.mu.watchers[group] = map[chan struct{}]bool{}
	}
	g.mu.watchers[group][changed] = true
	return changed, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.mu.watchers[group], changed)
		if len(g.mu.watchers[group]) == 0 {
			delete(g.mu.watchers, group)
		}
	}
}

// tick does what is due by time: members whose session is over are removed,
// rebalances end, groups that nobody uses are forgotten.
func (g *groups) tick() {
	err := g.tickMembers()
	if err == nil {
		err = g.expire()
	}
	if err != nil && g.usable() == nil {
		g.b.cfg.Logger.Warn("groups not looked after", "err", err)
	}
}

func (g *groups) tickMembers() error {
	g.steps.Lock()
	defer g.steps.Unlock()
	g.mu.Lock()
	fx := g.mu.coord.Tick(g.b.cfg.Now())
	g.mu.Unlock()
	err := g.save(fx.Saved)
	g.deliver("", &fx, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, watchers := range g.mu.watchers { // a rebalance may have begun in any group
		for ch := range watchers {
			notify(ch)
		}
	}
	return err
}

// run ticks when something is due.
func (g *groups) run() {
	defer g.b.background.Done()
	timer := time.NewTimer(g.untilDue())
	defer timer.Stop()
	for {
		select {
		case <-g.b.stop:
			return
		case <-g.wake:
		case <-timer.C:
			g.tick()
		}
		timer.Reset(g.untilDue())
	}
}

// untilDue returns how long tick has nothing to do.
func (g *groups) untilDue() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := idleInterval
	if deadline, ok := g.mu.coord.NextDeadline(); ok {
		d = min(d, deadline.Sub(g.b.cfg.Now()))
	}
	return max(d, 0)
}
