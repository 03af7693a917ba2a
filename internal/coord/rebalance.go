package coord

import "time"

// prepareRebalance begins a join phase, unless there is one. An empty group
// collects members for a while first, if it has to wait at all.
func (g *group) prepareRebalance(now time.Time, collect time.Duration, fx *Effects) {
	if g.state == GroupPreparingRebalance {
		return
	}
	wasEmpty := g.state == GroupEmpty
	for _, m := range g.members {
		if m.sync.waiting {
			g.answerSync(m, RebalanceInProgress, fx)
			g.touch(m, now)
		}
		m.unsynced = false
	}
	g.syncDeadline = time.Time{}
	g.state = GroupPreparingRebalance
	g.collecting = wasEmpty && collect > 0
	if g.collecting {
		g.collectingLeft, g.joinedMeantime = max(g.rebalanceTimeout()-collect, 0), false
		g.joinDeadline = now.Add(collect)
	} else {
		g.joinDeadline = now.Add(g.rebalanceTimeout())
	}
	g.due(g.joinDeadline)
}

// rebalanceTimeout is the longest that a member asked for.
func (g *group) rebalanceTimeout() time.Duration {
	var longest time.Duration
	for _, m := range g.members {
		longest = max(longest, m.rebalance)
	}
	return longest
}

// joined counts the members that wait for the end of the join phase.
func (g *group) joined() int {
	n := 0
	for _, m := range g.members {
		if m.join.waiting {
			n++
		}
	}
	return n
}

// tryCompleteJoin ends the join phase if nobody is missing.
func (g *group) tryCompleteJoin(now time.Time, fx *Effects) {
	if g.state != GroupPreparingRebalance || g.collecting && len(g.members) > 0 {
		return
	}
	if len(g.pending) == 0 && g.joined() == len(g.members) {
		g.completeJoin(now, fx)
	}
}

// joinTimeout is called when the time of the join phase is over.
func (g *group) joinTimeout(now time.Time, delay time.Duration, fx *Effects) {
	if g.collecting && g.joinedMeantime && g.collectingLeft > 0 {
		more := min(delay, g.collectingLeft)
		g.collectingLeft, g.joinedMeantime = g.collectingLeft-more, false
		g.joinDeadline = now.Add(more)
		g.due(g.joinDeadline)
		return
	}
	g.completeJoin(now, fx)
}

// completeJoin ends the join phase. Who has not joined is out, but a static
// member keeps its place until its session ends.
func (g *group) completeJoin(now time.Time, fx *Effects) {
	g.collecting = false
	for _, m := range append([]*member(nil), g.members...) {
		if !m.join.waiting && !m.static() {
			g.remove(m, UnknownMemberID, fx)
		}
	}
	if len(g.members) > 0 && !g.electLeader() {
		g.joinDeadline = now.Add(g.rebalanceTimeout()) // only static members, and none is here
		g.due(g.joinDeadline)
		return
	}
	g.joinDeadline = time.Time{}
	if g.usedUp() {
		g.end(fx)
		return
	}
	g.generation++
	if len(g.members) == 0 {
		g.state, g.protocol = GroupEmpty, ""
		g.save(fx)
		return
	}
	g.state, g.protocol = GroupCompletingRebalance, g.elect()
	g.save(fx)
	for _, m := range g.members {
		m.unsynced = true
		if m.join.waiting {
			m.join.waiting, m.isNew = false, false
			fx.Joined = append(fx.Joined, g.joinedAnswer(m, m.join.token, g.leader, m.id == g.leader))
			g.touch(m, now)
		}
	}
	g.syncDeadline = now.Add(g.rebalanceTimeout())
	g.due(g.syncDeadline)
}

// electLeader makes sure that the leader is one who joined. It returns false if
// nobody did.
func (g *group) electLeader() bool {
	if m := g.byID[g.leader]; m != nil && m.join.waiting {
		return true
	}
	for _, m := range g.members {
		if m.join.waiting {
			g.leader = m.id
			return true
		}
	}
	return false
}

// end drops everybody from a group that can have no next generation.
func (g *group) end(fx *Effects) {
	for len(g.members) > 0 {
		g.remove(g.members[len(g.members)-1], InvalidGroupID, fx)
	}
	g.state, g.protocol = GroupEmpty, ""
}

func (g *group) joinedAnswer(m *member, token uint64, leader string, withMembers bool) JoinAnswer {
	a := JoinAnswer{Token: token, Generation: g.generation, MemberID: m.id, Leader: leader,
		ProtocolType: g.protocolType, Protocol: g.protocol}
	if withMembers {
		for _, o := range g.members {
			a.Members = append(a.Members, JoinedMember{ID: o.id, InstanceID: o.instanceID, Metadata: o.metadata(g.protocol)})
		}
	}
	return a
}

// tick does what is due in one group.
func (g *group) tick(now time.Time, cfg GroupConfig, fx *Effects) {
	over := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	for id, deadline := range g.pending {
		if over(deadline) {
			delete(g.pending, id)
		}
	}
	lost := false
	unsynced := over(g.syncDeadline)
	for _, m := range append([]*member(nil), g.members...) {
		deadline, ok := m.expires()
		if ok && over(deadline) || unsynced && m.unsynced {
			g.remove(m, UnknownMemberID, fx)
			lost = true
		}
	}
	if unsynced {
		g.syncDeadline = time.Time{}
	}
	if lost {
		g.prepareRebalance(now, 0, fx)
	}
	if g.state == GroupPreparingRebalance && over(g.joinDeadline) {
		g.joinTimeout(now, cfg.InitialRebalanceDelay, fx)
	}
	g.tryCompleteJoin(now, fx)
	g.findNext()
}

// findNext makes next exact again, which other steps only lower.
func (g *group) findNext() {
	g.next = time.Time{}
	g.due(g.joinDeadline)
	g.due(g.syncDeadline)
	for _, deadline := range g.pending {
		g.due(deadline)
	}
	for _, m := range g.members {
		if deadline, ok := m.expires(); ok {
			g.due(deadline)
		}
	}
}
