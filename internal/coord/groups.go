package coord

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// A GroupConfig bounds groups. Zero fields take the default.
type GroupConfig struct {
	// MinSessionTimeout and MaxSessionTimeout bound what a member may ask for:
	// Kafka's group.min.session.timeout.ms and group.max.session.timeout.ms.
	MinSessionTimeout time.Duration
	MaxSessionTimeout time.Duration
	// InitialRebalanceDelay is how long an empty group waits for more members
	// after each that joins: Kafka's group.initial.rebalance.delay.ms. Zero does
	// not wait.
	InitialRebalanceDelay time.Duration
	// MaxGroupSize is Kafka's group.max.size.
	MaxGroupSize int
	// MaxGroups is how many groups are known at most.
	MaxGroups int
	// MaxMetadataBytes bounds what one member says about all of its protocols,
	// and what it is assigned.
	MaxMetadataBytes int
}

// The defaults of [GroupConfig].
const (
	DefaultMinSessionTimeout = 6 * time.Second
	DefaultMaxSessionTimeout = 30 * time.Minute
	DefaultMaxGroupSize      = 10_000
	DefaultMaxGroups         = 100_000
	DefaultMaxMetadataBytes  = 1 << 20 // 1 MiB
)

const (
	// maxProtocols bounds the work of electing one.
	maxProtocols = 100
	// newMemberTimeout is how long a new member waits for its first generation
	// at most: it sends no heartbeats meanwhile, so it may be gone.
	newMemberTimeout = 5 * time.Minute
	// maxTimeout is the longest time-out that the protocol can express.
	maxTimeout = math.MaxInt32 * time.Millisecond
)

// Groups is the coordinator of all groups of one log, in the protocol that
// Kafka calls classic. Eager and cooperative members are the same to it. It has
// one owner.
type Groups struct {
	cfg  GroupConfig
	byID map[string]*group
	next time.Time // nothing is due before; zero if nothing ever is
}

// NewGroups returns a coordinator that knows no group.
func NewGroups(cfg GroupConfig) *Groups {
	cfg.MinSessionTimeout = cmp.Or(max(cfg.MinSessionTimeout, 0), DefaultMinSessionTimeout)
	cfg.MaxSessionTimeout = cmp.Or(max(cfg.MaxSessionTimeout, 0), DefaultMaxSessionTimeout)
	cfg.InitialRebalanceDelay = max(cfg.InitialRebalanceDelay, 0)
	cfg.MaxGroupSize = cmp.Or(max(cfg.MaxGroupSize, 0), DefaultMaxGroupSize)
	cfg.MaxGroups = cmp.Or(max(cfg.MaxGroups, 0), DefaultMaxGroups)
	cfg.MaxMetadataBytes = cmp.Or(max(cfg.MaxMetadataBytes, 0), DefaultMaxMetadataBytes)
	return &Groups{cfg: cfg, byID: map[string]*group{}}
}

// Load takes what was saved before a restart, in the order in which it was
// saved; also, with generation 0, a group of which only offsets are known. It
// refuses what was never saved.
func (gs *Groups) Load(s SavedGroup) error {
	if s.Group == "" || len(s.Group) > MaxNameBytes || s.Generation < 0 {
		return fmt.Errorf("group %q: generation %d, %d bytes of name", s.Group, s.Generation, len(s.Group))
	}
	if s.Deleted {
		delete(gs.byID, s.Group)
		return nil
	}
	g := gs.byID[s.Group]
	if g == nil {
		g = newGroup(s.Group)
		gs.byID[s.Group] = g
	}
	g.kept = true
	if s.Generation >= g.generation {
		g.generation, g.protocolType = s.Generation, s.ProtocolType
	}
	return nil
}

// create returns a new group, or nil if there are too many.
func (gs *Groups) create(id string) *group {
	if len(gs.byID) >= gs.cfg.MaxGroups {
		return nil
	}
	g := newGroup(id)
	gs.byID[id] = g
	return g
}

// settle ends every step that changed g: it drops a group of which nothing is
// left, and notes when g must be looked at.
func (gs *Groups) settle(g *group) {
	if g.state == GroupEmpty && len(g.pending) == 0 && !g.kept {
		delete(gs.byID, g.id)
		return
	}
	if !g.next.IsZero() && (gs.next.IsZero() || g.next.Before(gs.next)) {
		gs.next = g.next
	}
}

// NextDeadline returns when Tick has something to do at the earliest, and false
// if it never has.
func (gs *Groups) NextDeadline() (time.Time, bool) { return gs.next, !gs.next.IsZero() }

// Tick does what is due: it removes members whose time is over and ends
// rebalances that waited long enough.
func (gs *Groups) Tick(now time.Time) Effects {
	var fx Effects
	if gs.next.IsZero() || now.Before(gs.next) {
		return fx
	}
	var due []*group
	gs.next = time.Time{}
	for _, g := range gs.byID {
		if !g.next.IsZero() && !g.next.After(now) {
			due = append(due, g)
		} else {
			gs.settle(g)
		}
	}
	slices.SortFunc(due, func(a, b *group) int { return cmp.Compare(a.id, b.id) })
	for _, g := range due {
		g.tick(now, gs.cfg, &fx)
		gs.settle(g)
	}
	return fx
}

// Delete forgets a group that has no members. Its offsets are the caller's to
// forget, in the same journal record.
func (gs *Groups) Delete(id string) (Code, Effects) {
	g := gs.byID[id]
	switch {
	case id == "":
		return InvalidGroupID, Effects{}
	case g == nil:
		return GroupIDNotFound, Effects{}
	case g.state != GroupEmpty:
		return NonEmptyGroup, Effects{}
	}
	delete(gs.byID, id)
	return OK, Effects{Saved: []SavedGroup{{Group: id, Generation: g.generation, ProtocolType: g.protocolType, Deleted: true}}}
}

// Claim makes memberID the only member of a group, without assignment and
// without heartbeats, until it leaves or another claims the group: that is how
// a runtime in this process takes a group for itself. Whoever was a member is
// one no more. It returns the generation that memberID has to name.
func (gs *Groups) Claim(now time.Time, id, memberID string) (int32, Code, Effects) {
	if id == "" || len(id) > MaxNameBytes {
		return None, InvalidGroupID, Effects{}
	}
	if memberID == "" || len(memberID) > MaxNameBytes {
		return None, InvalidRequest, Effects{}
	}
	g := gs.byID[id]
	if g == nil {
		if g = gs.create(id); g == nil {
			return None, GroupMaxSizeReached, Effects{}
		}
	}
	var fx Effects
	if g.generation == math.MaxInt32 {
		return None, InvalidGroupID, fx
	}
	g.claim(now, memberID, &fx)
	gs.settle(g)
	return g.generation, OK, fx
}

// Describe returns a group, or GroupIDNotFound and a group that is Dead.
func (gs *Groups) Describe(id string) (Description, Code) {
	if g := gs.byID[id]; g != nil {
		return g.describe(), OK
	}
	return Description{Group: id, State: GroupDead}, GroupIDNotFound
}

// List returns all groups without their members, in order of names.
func (gs *Groups) List() []Description {
	list := make([]Description, 0, len(gs.byID))
	for _, id := range slices.Sorted(maps.Keys(gs.byID)) {
		g := gs.byID[id]
		list = append(list, Description{Group: id, State: g.state, Generation: g.generation,
			ProtocolType: g.protocolType, Protocol: g.protocol, Leader: g.leader})
	}
	return list
}
