package coord

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A GroupState is where a group stands.
type GroupState int8

// The states of a group.
const (
	GroupEmpty               GroupState = iota // no members
	GroupPreparingRebalance                    // waits for everybody to join
	GroupCompletingRebalance                   // waits for the leader's assignment
	GroupStable
	GroupDead // is not known
)

// String returns Kafka's name of the state.
func (s GroupState) String() string {
	switch s {
	case GroupEmpty:
		return "Empty"
	case GroupPreparingRebalance:
		return "PreparingRebalance"
	case GroupCompletingRebalance:
		return "CompletingRebalance"
	case GroupStable:
		return "Stable"
	case GroupDead:
		return "Dead"
	}
	return fmt.Sprintf("state %d", int8(s))
}

// A group is owned by its Groups.
//
//	        first joins              all joined, or time-out
//	Empty ─────────────▶ Preparing ─────────────────────────▶ Completing
//	  ▲                   │  ▲  ▲                                │  │
//	  │ nobody is left    │  │  │ joins, leaves, or dies         │  │ leader syncs
//	  └───────────────────┘  │  └────────────────────────────────┘  ▼
//	                         └────────────────────────────────── Stable
type group struct {
	id           string
	state        GroupState
	generation   int32 // grows with every join phase that ends
	protocolType string
	protocol     string
	leader       string
	kept         bool // the caller has written something about it

	members []*member // in order of joining
	byID    map[string]*member
	known   map[string]int       // protocol → how many members know it
	static  map[string]*member   // by group.instance.id
	pending map[string]time.Time // ids that were given but have not joined → deadline

	next time.Time // nothing is due before; zero if nothing ever is

	joinDeadline time.Time // of PreparingRebalance
	// While an empty group collects its first members, the join phase ends by
	// time alone: joinDeadline moves on when somebody joined, as long as some of
	// the collecting time is left.
	collecting     bool
	collectingLeft time.Duration
	joinedMeantime bool

	syncDeadline time.Time // for the members that are unsynced
}

func newGroup(id string) *group {
	return &group{id: id, byID: map[string]*member{}, known: map[string]int{}, static: map[string]*member{}, pending: map[string]time.Time{}}
}

// due lowers next to t.
func (g *group) due(t time.Time) {
	if !t.IsZero() && (g.next.IsZero() || t.Before(g.next)) {
		g.next = t
	}
}

// touch begins a member's session anew.
func (g *group) touch(m *member, now time.Time) {
	m.touch(now)
	g.due(m.deadline)
}

// current finds the member that a request comes from.
func (g *group) current(memberID, instanceID string) (*member, Code) {
	if instanceID != "" {
		m := g.static[instanceID]
		switch {
		case m == nil:
			return nil, UnknownMemberID
		case m.id != memberID:
			return nil, FencedInstanceID
		}
		return m, OK
	}
	if m := g.byID[memberID]; m != nil {
		return m, OK
	}
	return nil, UnknownMemberID
}

func (g *group) add(m *member) {
	g.members = append(g.members, m)
	g.byID[m.id] = m
	if m.static() {
		g.static[m.instanceID] = m
	}
	if g.leader == "" {
		g.leader = m.id
	}
}

// remove drops a member, and answers what it waits for.
func (g *group) remove(m *member, code Code, fx *Effects) {
	g.answerJoin(m, code, fx)
	g.answerSync(m, code, fx)
	g.setProtocols(m, nil)
	g.members = slices.DeleteFunc(g.members, func(o *member) bool { return o == m })
	delete(g.byID, m.id)
	if m.static() {
		delete(g.static, m.instanceID)
	}
	if g.leader == m.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
}

// answerJoin refuses the join that a member waits for, if any.
func (g *group) answerJoin(m *member, code Code, fx *Effects) {
	if m.join.waiting {
		m.join.waiting = false
		fx.Joined = append(fx.Joined, refuseJoin(m.join.token, m.id, code))
	}
}

// answerSync answers the sync that a member waits for, if any.
func (g *group) answerSync(m *member, code Code, fx *Effects) {
	if m.sync.waiting {
		m.sync.waiting = false
		fx.Synced = append(fx.Synced, g.synced(m, m.sync.token, code))
	}
}

func refuseJoin(token uint64, memberID string, code Code) JoinAnswer {
	return JoinAnswer{Token: token, Code: code, Generation: None, MemberID: memberID}
}

func (g *group) synced(m *member, token uint64, code Code) SyncAnswer {
	if code != OK {
		return SyncAnswer{Token: token, Code: code}
	}
	return SyncAnswer{Token: token, ProtocolType: g.protocolType, Protocol: g.protocol, Assignment: m.assignment}
}

// elect returns the protocol that most members like best of those that all of
// them know; of two with as many votes, the one that the eldest member likes
// better. It returns "" if all know none.
func (g *group) elect() string {
	votes := map[string]int{}
	for _, m := range g.members {
		for _, p := range m.protocols {
			if g.knownToAll(p.Name) {
				votes[p.Name]++
				break
			}
		}
	}
	best := ""
	if len(g.members) > 0 {
		for _, p := range g.members[0].protocols {
			if votes[p.Name] > votes[best] {
				best = p.Name
			}
		}
	}
	return best
}

func (g *group) knownToAll(protocol string) bool { return g.known[protocol] == len(g.members) }

func (g *group) setProtocols(m *member, protocols []Protocol) {
	for _, p := range m.protocols {
		if g.known[p.Name]--; g.known[p.Name] == 0 {
			delete(g.known, p.Name)
		}
	}
	m.protocols = protocols
	for _, p := range protocols {
		g.known[p.Name]++
	}
}

// supports says whether one who knows these protocols may be a member.
func (g *group) supports(protocolType string, protocols []Protocol) bool {
	if protocolType == "" || len(protocols) == 0 {
		return false
	}
	if len(g.members) == 0 {
		return true
	}
	return protocolType == g.protocolType &&
		slices.ContainsFunc(protocols, func(p Protocol) bool { return g.knownToAll(p.Name) })
}

func (g *group) save(fx *Effects) {
	g.kept = true
	fx.Saved = append(fx.Saved, SavedGroup{Group: g.id, Generation: g.generation, ProtocolType: g.protocolType})
}

// claim is Groups.Claim.
func (g *group) claim(now time.Time, memberID string, fx *Effects) {
	for len(g.members) > 0 {
		g.remove(g.members[len(g.members)-1], UnknownMemberID, fx)
	}
	clear(g.pending)
	g.state, g.collecting = GroupStable, false
	g.joinDeadline, g.syncDeadline = time.Time{}, time.Time{}
	g.protocolType, g.protocol = "", ""
	g.generation++
	g.add(&member{id: memberID})
	g.save(fx)
}

// usedUp says that there is no next generation. Such a group must be deleted.
func (g *group) usedUp() bool { return g.generation == math.MaxInt32 }

func (g *group) describe() Description {
	d := Description{Group: g.id, State: g.state, Generation: g.generation, ProtocolType: g.protocolType,
		Protocol: g.protocol, Leader: g.leader}
	for _, m := range g.members {
		d.Members = append(d.Members, m.describe(g.protocol))
	}
	return d
}
