package coord

import "time"

// Join makes the caller a member of the next generation. The answer may come
// with the effects of a later step.
func (gs *Groups) Join(now time.Time, q JoinGroup) Effects {
	var fx Effects
	refuse := func(code Code) Effects {
		fx.Joined = append(fx.Joined, refuseJoin(q.Token, q.MemberID, code))
		return fx
	}
	if code := gs.joinFault(&q); code != OK {
		return refuse(code)
	}
	g := gs.byID[q.Group]
	if g == nil {
		if q.MemberID != "" {
			return refuse(UnknownMemberID)
		}
		if g = gs.create(q.Group); g == nil {
			return refuse(GroupMaxSizeReached)
		}
	}
	if g.usedUp() {
		return refuse(InvalidGroupID)
	}
	j := joining{g: g, q: &q, cfg: &gs.cfg, now: now, fx: &fx}
	if code := j.join(); code != OK {
		fx.Joined = append(fx.Joined, refuseJoin(q.Token, q.MemberID, code))
	}
	g.tryCompleteJoin(now, &fx)
	gs.settle(g)
	return fx
}

// joinFault finds what is wrong with a request whatever the group is.
func (gs *Groups) joinFault(q *JoinGroup) Code {
	switch {
	case q.Group == "" || len(q.Group) > MaxNameBytes:
		return InvalidGroupID
	case q.SessionTimeout < gs.cfg.MinSessionTimeout || q.SessionTimeout > gs.cfg.MaxSessionTimeout:
		return InvalidSessionTimeout
	case q.RebalanceTimeout <= 0 || q.RebalanceTimeout > maxTimeout:
		return InvalidRequest
	case q.MemberID == "" && q.NewMemberID == "":
		return InvalidRequest
	case max(len(q.MemberID), len(q.NewMemberID), len(q.InstanceID), len(q.ClientID), len(q.ClientHost), len(q.ProtocolType)) > MaxNameBytes:
		return InvalidRequest
	case q.ProtocolType == "" || len(q.Protocols) == 0:
		return InconsistentGroupProtocol
	case len(q.Protocols) > maxProtocols:
		return InvalidRequest
	}
	size := 0
	names := map[string]bool{}
	for _, p := range q.Protocols {
		size += len(p.Metadata)
		if p.Name == "" || len(p.Name) > MaxNameBytes || names[p.Name] || size > gs.cfg.MaxMetadataBytes {
			return InvalidRequest
		}
		names[p.Name] = true
	}
	return OK
}

// A joining is one JoinGroup on its way. Its steps return the code that the
// request is refused with, or OK when it is answered or waits.
type joining struct {
	g   *group
	q   *JoinGroup
	cfg *GroupConfig
	now time.Time
	fx  *Effects
}

func (j *joining) join() Code {
	g, q := j.g, j.q
	if !j.accepts() {
		delete(g.pending, q.MemberID)
		if m, code := g.current(q.MemberID, q.InstanceID); code == OK {
			g.remove(m, GroupMaxSizeReached, j.fx)
		}
		return GroupMaxSizeReached
	}
	if !g.supports(q.ProtocolType, q.Protocols) {
		return InconsistentGroupProtocol
	}
	if q.MemberID == "" {
		return j.newMember()
	}
	if _, ok := g.pending[q.MemberID]; ok && q.InstanceID == "" {
		delete(g.pending, q.MemberID)
		j.add(q.MemberID)
		return OK
	}
	m, code := g.current(q.MemberID, q.InstanceID)
	if code != OK {
		return code
	}
	j.again(m)
	return OK
}

// accepts says whether the group has room. While it prepares a rebalance, those
// who have not joined again do not count: they may be gone.
func (j *joining) accepts() bool {
	g := j.g
	m := g.byID[j.q.MemberID]
	if j.q.InstanceID != "" && j.q.MemberID == "" {
		m = g.static[j.q.InstanceID] // whose place it takes
	}
	if g.state == GroupPreparingRebalance {
		return m != nil && m.join.waiting || g.joined() < j.cfg.MaxGroupSize
	}
	return m != nil || len(g.members) < j.cfg.MaxGroupSize
}

func (j *joining) newMember() Code {
	g, q := j.g, j.q
	if _, taken := g.pending[q.NewMemberID]; taken || g.byID[q.NewMemberID] != nil {
		return InvalidRequest
	}
	if q.InstanceID != "" {
		if old := g.static[q.InstanceID]; old != nil {
			j.replace(old)
			return OK
		}
		j.add(q.NewMemberID)
		return OK
	}
	if !q.RequireMemberID {
		j.add(q.NewMemberID)
		return OK
	}
	if len(g.pending) >= j.cfg.MaxGroupSize {
		return GroupMaxSizeReached
	}
	deadline := j.now.Add(q.SessionTimeout)
	g.pending[q.NewMemberID] = deadline
	g.due(deadline)
	j.fx.Joined = append(j.fx.Joined, refuseJoin(q.Token, q.NewMemberID, MemberIDRequired))
	return OK
}

// add makes a member of one who was none.
func (j *joining) add(id string) {
	g, q := j.g, j.q
	m := &member{id: id, instanceID: q.InstanceID, isNew: true}
	j.update(m)
	m.deadline = j.now.Add(newMemberTimeout)
	g.due(m.deadline)
	if len(g.members) == 0 {
		g.protocolType = q.ProtocolType
	}
	g.joinedMeantime = true
	g.add(m)
	j.wait(m)
	g.prepareRebalance(j.now, j.cfg.InitialRebalanceDelay, j.fx)
}

// update takes what the request says about the member.
func (j *joining) update(m *member) {
	q := j.q
	m.clientID, m.clientHost = q.ClientID, q.ClientHost
	j.g.setProtocols(m, q.Protocols)
	m.session, m.rebalance = q.SessionTimeout, q.RebalanceTimeout
}

// wait lets m wait for the end of the join phase. A request of its own that
// waited before is answered: its client has given it up.
func (j *joining) wait(m *member) {
	j.g.answerJoin(m, RebalanceInProgress, j.fx)
	m.join = waiter{token: j.q.Token, waiting: true}
}

// again takes the join of one who is a member already.
func (j *joining) again(m *member) {
	g, q := j.g, j.q
	same := m.matches(q.Protocols)
	switch {
	case g.state == GroupCompletingRebalance && same:
		j.answer(m, g.leader, m.id == g.leader, false) // the answer was lost
		return
	case g.state == GroupStable && same && m.id != g.leader:
		j.answer(m, g.leader, false, false)
		return
	}
	j.update(m)
	j.wait(m)
	g.prepareRebalance(j.now, 0, j.fx)
}

// replace gives the place of a static member to its next incarnation (KIP-345).
func (j *joining) replace(old *member) {
	g, q := j.g, j.q
	leaderBefore := g.leader
	g.answerJoin(old, FencedInstanceID, j.fx)
	g.answerSync(old, FencedInstanceID, j.fx)
	delete(g.byID, old.id)
	if g.leader == old.id {
		g.leader = q.NewMemberID
	}
	old.id = q.NewMemberID
	g.byID[old.id] = old
	j.update(old)
	if g.state == GroupStable && g.elect() == g.protocol { // as Kafka: other metadata alone is no reason
		// A leader that can skip the assignment is told that it is one. To another
		// its predecessor is named, so that it takes itself for a follower.
		leads := old.id == g.leader
		if leads && q.CanSkipAssignment {
			j.answer(old, g.leader, true, true)
		} else {
			j.answer(old, leaderBefore, false, false)
		}
		return
	}
	j.wait(old)
	g.prepareRebalance(j.now, 0, j.fx)
}

// answer tells a member of the generation that there is.
func (j *joining) answer(m *member, leader string, withMembers, skip bool) {
	j.g.touch(m, j.now)
	a := j.g.joinedAnswer(m, j.q.Token, leader, withMembers)
	a.SkipAssignment = skip
	j.fx.Joined = append(j.fx.Joined, a)
}
