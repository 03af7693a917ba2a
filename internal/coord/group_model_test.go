package coord

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// groupChecks follows every effect of a Groups and checks what must always be
// true.
type groupChecks struct {
	t       *rapid.T
	groups  *Groups
	open    map[uint64]string // token → what waits
	last    uint64
	saved   map[string]int32            // group → highest generation that was saved
	leaders map[string]map[int32]string // group → generation → who was answered as leader
}

func newGroupChecks(t *rapid.T, cfg GroupConfig) *groupChecks {
	return &groupChecks{t: t, groups: NewGroups(cfg), open: map[uint64]string{}, saved: map[string]int32{},
		leaders: map[string]map[int32]string{}}
}

func (c *groupChecks) token(what string) uint64 {
	c.last++
	c.open[c.last] = what
	return c.last
}

func (c *groupChecks) answered(token uint64) {
	if _, ok := c.open[token]; !ok {
		c.t.Fatalf("token %d is answered, but nothing waits", token)
	}
	delete(c.open, token)
}

// see checks effects, which group g is behind. It returns the answers.
func (c *groupChecks) see(fx Effects) Effects {
	for _, s := range fx.Saved {
		if s.Deleted {
			delete(c.saved, s.Group)
			delete(c.leaders, s.Group)
			continue
		}
		if s.Generation <= c.saved[s.Group] {
			c.t.Fatalf("generation %d after %d", s.Generation, c.saved[s.Group])
		}
		c.saved[s.Group] = s.Generation
	}
	for _, a := range fx.Joined {
		c.answered(a.Token)
		if a.Code != OK && (a.Generation != None || len(a.Members) > 0) {
			c.t.Fatalf("refused with a generation: %+v", a)
		}
	}
	for _, a := range fx.Synced {
		c.answered(a.Token)
	}
	c.invariants()
	return fx
}

// leads checks that a generation has one leader.
func (c *groupChecks) leads(group string, a JoinAnswer) {
	if a.Code != OK || len(a.Members) == 0 || a.SkipAssignment {
		return
	}
	if c.leaders[group] == nil {
		c.leaders[group] = map[int32]string{}
	}
	if was, ok := c.leaders[group][a.Generation]; ok && was != a.MemberID {
		c.t.Fatalf("generation %d of %s is led by %s and by %s", a.Generation, group, was, a.MemberID)
	}
	c.leaders[group][a.Generation] = a.MemberID
	if a.Leader != a.MemberID || !slices.ContainsFunc(a.Members, func(m JoinedMember) bool { return m.ID == a.MemberID }) {
		c.t.Fatalf("leader %+v", a)
	}
}

func (c *groupChecks) invariants() {
	for id, g := range c.groups.byID {
		fail := func(format string, args ...any) {
			c.t.Fatalf("group %s, %s: %s", id, g.state, fmt.Sprintf(format, args...))
		}
		if len(g.members) != len(g.byID) {
			fail("%d members, %d ids", len(g.members), len(g.byID))
		}
		if (len(g.members) == 0) != (g.state == GroupEmpty) && g.state != GroupPreparingRebalance {
			fail("%d members", len(g.members))
		}
		if (g.leader == "") != (len(g.members) == 0) || g.leader != "" && g.byID[g.leader] == nil {
			fail("leader %q of %d members", g.leader, len(g.members))
		}
		if g.generation < c.saved[id] {
			fail("generation %d, saved %d", g.generation, c.saved[id])
		}
		if g.state == GroupCompletingRebalance && g.protocol == "" {
			fail("no protocol")
		}
		known := map[string]int{}
		for _, m := range g.members {
			if g.byID[m.id] != m || m.static() && g.static[m.instanceID] != m {
				fail("member %s is not the one with its id", m.id)
			}
			if m.join.waiting && g.state != GroupPreparingRebalance || m.sync.waiting && g.state != GroupCompletingRebalance {
				fail("member %s waits", m.id)
			}
			if _, ok := m.expires(); !ok && !m.join.waiting && !m.sync.waiting && m.session > 0 {
				fail("member %s never expires", m.id)
			}
			for _, p := range m.protocols {
				known[p.Name]++
			}
		}
		if fmt.Sprint(known) != fmt.Sprint(g.known) {
			fail("protocols %v, counted %v", known, g.known)
		}
		if g.state == GroupPreparingRebalance && g.joinDeadline.IsZero() || g.state == GroupCompletingRebalance && g.syncDeadline.IsZero() {
			fail("nothing ends it")
		}
	}
}

func (c *groupChecks) pass(from, to time.Time, each func(Effects)) {
	for {
		at, ok := c.groups.NextDeadline()
		if !ok || at.After(to) {
			return
		}
		if at.Before(from) {
			c.t.Fatalf("due at %s, now is %s", at.Sub(epoch), from.Sub(epoch))
		}
		each(c.see(c.groups.Tick(at)))
		if next, ok := c.groups.NextDeadline(); ok && !next.After(at) {
			c.t.Fatalf("a tick at %s left something due at %s", at.Sub(epoch), next.Sub(epoch))
		}
	}
}

// TestGroupsSurviveAnything sends random requests that know nothing of each
// other. Every request is answered once, and when they stop everybody is gone
// after a while.
func TestGroupsSurviveAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newGroupChecks(t, GroupConfig{MaxGroupSize: rapid.IntRange(0, 4).Draw(t, "max size"), MaxGroups: 2,
			InitialRebalanceDelay: time.Duration(rapid.IntRange(0, 3).Draw(t, "delay")) * time.Second})
		now := epoch
		fresh := 0
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			r := randomRequest{t: t, c: c, now: now, fresh: &fresh}
			r.send()
			next := now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 5, 20}).Draw(t, "seconds")) * time.Second)
			c.pass(now, next, func(Effects) {})
			now = next
		}
		c.pass(now, now.Add(time.Hour), func(Effects) {})
		if len(c.open) > 0 {
			t.Fatalf("never answered: %v", c.open)
		}
		for id, g := range c.groups.byID {
			claimed := len(g.members) == 1 && g.members[0].session == 0
			if g.state != GroupEmpty && !claimed {
				t.Fatalf("group %s is %s", id, g.state)
			}
		}
	})
}

type randomRequest struct {
	t     *rapid.T
	c     *groupChecks
	now   time.Time
	fresh *int
}

// member draws the id of somebody who is, or was, or never was.
func (r *randomRequest) member() string {
	return fmt.Sprintf("m%d", rapid.IntRange(max(*r.fresh-5, 0), *r.fresh+1).Draw(r.t, "member"))
}

func (r *randomRequest) instance() string {
	return rapid.SampledFrom([]string{"", "", "", "i", "j"}).Draw(r.t, "instance")
}

func (r *randomRequest) send() {
	t, groups := r.t, r.c.groups
	group := rapid.SampledFrom([]string{"g", "g", "g", "h", "k"}).Draw(t, "group")
	generation := int32(rapid.IntRange(-1, 1).Draw(t, "generation"))
	if g := groups.byID[group]; g != nil {
		generation += g.generation - max(generation, 0)*rapid.Int32Range(0, 1).Draw(t, "older")
	}
	who := Membership{Group: group, MemberID: r.member(), InstanceID: r.instance(), Generation: generation}
	switch rapid.SampledFrom([]string{"new", "new", "join", "join", "sync", "sync", "sync", "heartbeat", "leave", "commit", "claim", "delete"}).Draw(t, "request") {
	case "new":
		*r.fresh++
		r.join(group, "", fmt.Sprintf("m%d", *r.fresh))
	case "join":
		r.join(group, who.MemberID, "")
	case "sync":
		r.c.see(groups.Sync(r.now, SyncGroup{Token: r.c.token("sync"), Group: group, MemberID: who.MemberID,
			InstanceID: who.InstanceID, Generation: generation}))
	case "heartbeat":
		groups.Heartbeat(r.now, who)
		r.c.invariants()
	case "leave":
		_, _, fx := groups.Leave(r.now, group, []Leaving{{MemberID: who.MemberID, InstanceID: who.InstanceID}, {MemberID: r.member()}})
		r.c.see(fx)
	case "commit":
		if rapid.Bool().Draw(t, "nobody") {
			who = Membership{Group: group, Generation: None}
		}
		groups.CommitOffsets(r.now, who)
		r.c.invariants()
	case "claim":
		*r.fresh++
		_, _, fx := groups.Claim(r.now, group, fmt.Sprintf("m%d", *r.fresh))
		r.c.see(fx)
	case "delete":
		_, fx := groups.Delete(group)
		r.c.see(fx)
	}
}

func (r *randomRequest) join(group, id, newID string) {
	t := r.t
	q := JoinGroup{Token: r.c.token("join"), Group: group, MemberID: id, NewMemberID: newID, InstanceID: r.instance(),
		ProtocolType: "consumer", SessionTimeout: time.Duration(rapid.IntRange(6, 20).Draw(t, "session")) * time.Second,
		RebalanceTimeout:  time.Duration(rapid.IntRange(1, 30).Draw(t, "rebalance")) * time.Second,
		RequireMemberID:   rapid.Bool().Draw(t, "require id"),
		CanSkipAssignment: rapid.Bool().Draw(t, "can skip")}
	for _, name := range rapid.SampledFrom([][]string{{"a"}, {"a"}, {"a", "b"}, {"b", "a"}, {"b"}}).Draw(t, "protocols") {
		q.Protocols = append(q.Protocols, Protocol{Name: name})
	}
	for _, a := range r.c.see(r.c.groups.Join(r.now, q)).Joined {
		r.c.leads(group, a)
	}
}

// TestGenerationsNeverWrap lets a group come to its last generation at random.
func TestGenerationsNeverWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newGroupChecks(t, GroupConfig{})
		near := math.MaxInt32 - rapid.Int32Range(0, 5).Draw(t, "left")
		if err := c.groups.Load(SavedGroup{Group: "g", Generation: near}); err != nil {
			t.Fatal(err)
		}
		c.saved["g"] = near
		now, fresh := epoch, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			r := randomRequest{t: t, c: c, now: now, fresh: &fresh}
			r.send()
			next := now.Add(time.Duration(rapid.IntRange(0, 10).Draw(t, "seconds")) * time.Second)
			c.pass(now, next, func(Effects) {})
			now = next
		}
		c.pass(now, now.Add(time.Hour), func(Effects) {})
		if len(c.open) > 0 {
			t.Fatalf("never answered: %v", c.open)
		}
	})
}
