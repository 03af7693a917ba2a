package coord

import "time"

// Sync brings a member its assignment, as soon as the leader has brought
// everybody's. The answer may come with the effects of a later step.
func (gs *Groups) Sync(now time.Time, q SyncGroup) Effects {
	var fx Effects
	g, m, code := gs.member(Membership{Group: q.Group, MemberID: q.MemberID, InstanceID: q.InstanceID, Generation: q.Generation})
	if code == OK {
		code = gs.syncFault(g, &q)
	}
	if code != OK {
		fx.Synced = append(fx.Synced, SyncAnswer{Token: q.Token, Code: code})
		return fx
	}
	m.unsynced = false
	if g.state == GroupStable {
		g.touch(m, now)
		fx.Synced = append(fx.Synced, g.synced(m, q.Token, OK))
		gs.settle(g)
		return fx
	}
	g.answerSync(m, RebalanceInProgress, &fx) // its client has given that one up
	m.sync = waiter{token: q.Token, waiting: true}
	if m.id == g.leader {
		g.assign(now, q.Assignments, &fx)
	}
	gs.settle(g)
	return fx
}

// member finds who a request comes from, and checks its generation.
func (gs *Groups) member(who Membership) (*group, *member, Code) {
	if who.Group == "" || len(who.Group) > MaxNameBytes {
		return nil, nil, InvalidGroupID
	}
	g := gs.byID[who.Group]
	if g == nil {
		return nil, nil, UnknownMemberID
	}
	m, code := g.current(who.MemberID, who.InstanceID)
	if code == OK && who.Generation != g.generation {
		code = IllegalGeneration
	}
	return g, m, code
}

func (gs *Groups) syncFault(g *group, q *SyncGroup) Code {
	switch {
	case q.ProtocolType != "" && q.ProtocolType != g.protocolType, q.Protocol != "" && q.Protocol != g.protocol:
		return InconsistentGroupProtocol
	case g.state == GroupPreparingRebalance:
		return RebalanceInProgress
	}
	for _, a := range q.Assignments {
		if len(a.Bytes) > gs.cfg.MaxMetadataBytes {
			return InvalidRequest
		}
	}
	return OK
}

// assign takes the leader's assignment, which makes the group stable. Whom the
// leader left out gets nothing, and what it gives to strangers is dropped.
func (g *group) assign(now time.Time, assignments []Assignment, fx *Effects) {
	for _, m := range g.members {
		m.assignment = nil
	}
	for _, a := range assignments {
		if m := g.byID[a.MemberID]; m != nil {
			m.assignment = a.Bytes
		}
	}
	g.state = GroupStable
	for _, m := range g.members {
		if m.sync.waiting {
			g.answerSync(m, OK, fx)
			g.touch(m, now)
		}
	}
}
