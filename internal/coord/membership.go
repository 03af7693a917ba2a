package coord

import "time"

// Heartbeat keeps a member alive. RebalanceInProgress tells it to join again.
func (gs *Groups) Heartbeat(now time.Time, who Membership) Code {
	g, m, code := gs.member(who)
	if code != OK {
		return code
	}
	g.touch(m, now)
	gs.settle(g)
	if g.state == GroupPreparingRebalance {
		return RebalanceInProgress
	}
	return OK
}

// Leave takes members out of a group. It returns one code for the request, and
// one for each member.
func (gs *Groups) Leave(now time.Time, id string, who []Leaving) (Code, []Code, Effects) {
	var fx Effects
	if id == "" || len(id) > MaxNameBytes {
		return InvalidGroupID, nil, fx
	}
	codes := make([]Code, len(who))
	g := gs.byID[id]
	for i, l := range who {
		if g == nil {
			codes[i] = UnknownMemberID
			continue
		}
		codes[i] = g.leave(now, l, &fx)
	}
	if g != nil {
		g.tryCompleteJoin(now, &fx)
		gs.settle(g)
	}
	return OK, codes, fx
}

func (g *group) leave(now time.Time, l Leaving, fx *Effects) Code {
	if _, ok := g.pending[l.MemberID]; ok && l.InstanceID == "" {
		delete(g.pending, l.MemberID)
		return OK
	}
	if m := g.static[l.InstanceID]; m != nil && l.MemberID == "" {
		l.MemberID = m.id // an operator knows instances only
	}
	m, code := g.current(l.MemberID, l.InstanceID)
	if code != OK {
		return code
	}
	g.remove(m, UnknownMemberID, fx)
	g.prepareRebalance(now, 0, fx)
	return OK
}

// CommitOffsets says whether a member may commit offsets, and keeps it alive.
// Nobody, generation -1, may while the group has no members.
func (gs *Groups) CommitOffsets(now time.Time, who Membership) Code {
	return gs.commit(now, who, false)
}

// TxnCommitOffsets is CommitOffsets within a transaction, whose producer is
// fenced already: so nobody, generation -1, always may (KIP-447).
func (gs *Groups) TxnCommitOffsets(now time.Time, who Membership) Code {
	return gs.commit(now, who, true)
}

func (gs *Groups) commit(now time.Time, who Membership, transactional bool) Code {
	if who.Group == "" || len(who.Group) > MaxNameBytes {
		return InvalidGroupID
	}
	nobody := who.Generation < 0 && who.MemberID == "" && who.InstanceID == ""
	g := gs.byID[who.Group]
	if g == nil {
		if who.Generation >= 0 {
			return IllegalGeneration
		}
		if g = gs.create(who.Group); g == nil {
			return GroupMaxSizeReached
		}
	}
	if who.Generation < 0 && g.state == GroupEmpty || nobody && transactional {
		g.kept = true
		return OK
	}
	if nobody {
		return UnknownMemberID
	}
	_, m, code := gs.member(who)
	if code != OK {
		return code
	}
	if g.state == GroupCompletingRebalance && !transactional {
		return RebalanceInProgress
	}
	if !transactional {
		g.touch(m, now)
		gs.settle(g)
	}
	return OK
}
