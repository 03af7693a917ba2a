package log

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/coord"
)

// A GroupDescription is a group as it stands.
type GroupDescription struct {
	Group        string
	State        string // Empty, PreparingRebalance, CompletingRebalance, Stable or Dead
	Generation   int32
	ProtocolType string // "consumer" for groups of consumers; "" for a claim
	Protocol     string // the assignor in use
	Leader       string // the member that assigns
	Members      []GroupMember
}

// A GroupMember is a member as it stands. Its bytes must not be changed.
type GroupMember struct {
	ID         string
	InstanceID string // of a static member
	ClientID   string
	ClientHost string
	Metadata   []byte // what it told the leader, as Kafka's assignors encode it
	Assignment []byte // what the leader gave it, encoded likewise
}

// DescribeGroup describes a group. One that is not known has the state Dead,
// and the error is a [CodeError], GROUP_ID_NOT_FOUND. A log that is open for
// reading only sees no members.
func (b *Broker) DescribeGroup(group string) (GroupDescription, error) {
	g := b.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	d, code := g.mu.coord.Describe(group)
	if code != coord.OK {
		saved, known := g.savedLocked(group)
		if known {
			d.State, d.Generation, d.ProtocolType, code = coord.GroupEmpty, saved.generation, saved.protocolType, coord.OK
		}
	}
	return describeGroup(d), codeError(code)
}

// ListGroups returns all groups without their members, by name.
func (b *Broker) ListGroups() []GroupDescription {
	g := b.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []GroupDescription
	for _, d := range g.mu.coord.List() {
		list = append(list, describeGroup(d))
	}
	for _, group := range g.namesLocked() {
		if _, code := g.mu.coord.Describe(group); code != coord.OK {
			saved, _ := g.savedLocked(group)
			list = append(list, GroupDescription{Group: group, State: coord.GroupEmpty.String(),
				Generation: saved.generation, ProtocolType: saved.protocolType})
		}
	}
	slices.SortFunc(list, func(x, y GroupDescription) int { return strings.Compare(x.Group, y.Group) })
	return list
}

func describeGroup(d coord.Description) GroupDescription {
	out := GroupDescription{Group: d.Group, State: d.State.String(), Generation: d.Generation,
		ProtocolType: d.ProtocolType, Protocol: d.Protocol, Leader: d.Leader}
	for _, m := range d.Members {
		out.Members = append(out.Members, GroupMember(m))
	}
	return out
}

// DeleteGroup deletes a group with its offsets. It returns a [CodeError]:
// NON_EMPTY_GROUP while the group has members or is claimed, GROUP_ID_NOT_FOUND.
func (b *Broker) DeleteGroup(group string) error {
	if err := b.groups.usable(); err != nil {
		return err
	}
	if err := b.groups.remove(group, nil); err != nil {
		return fmt.Errorf("delete group %q: %w", group, err)
	}
	b.cfg.Logger.Info("group deleted", "group", group)
	return nil
}

// errInUse ends a removal whose reason is gone.
var errInUse = errors.New("group is in use")

// remove deletes a group that has no members, if the condition holds when its
// turn in the journal has come: no commit comes in between. The condition is
// asked with mu held.
func (g *groups) remove(group string, stillLocked func() bool) error {
	g.steps.Lock()
	defer g.steps.Unlock()
	c := g.b.newCommit()
	c.sequenced = func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if stillLocked != nil && !stillLocked() {
			return errInUse
		}
		if err := g.knowLocked(group); err != nil {
			return err
		}
		code, fx := g.mu.coord.Delete(group)
		if code != coord.OK {
			return codeError(code)
		}
		gone := fx.Saved[0]
		gone.Deleted = false
		c.entries = []entry{groupGoneEntry{group}}
		c.undo = append(c.undo, func() { g.restore(gone) })
		return nil
	}
	_, err := g.b.Commit(c)
	return err
}

// restore brings back a group whose removal was not written.
func (g *groups) restore(s coord.SavedGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.mu.coord.Load(s); err != nil { // it came from the coordinator
		g.b.cfg.Logger.Error("group not brought back", "group", s.Group, "err", err)
	}
}

// knowLocked makes sure that the coordinator knows a group of which there are
// offsets only.
func (g *groups) knowLocked(group string) error {
	if _, code := g.mu.coord.Describe(group); code == coord.OK || group == "" {
		return nil
	}
	saved, known := g.savedLocked(group)
	if !known {
		return nil
	}
	return g.mu.coord.Load(coord.SavedGroup{Group: group, Generation: saved.generation, ProtocolType: saved.protocolType})
}

// emptyLocked says that a group has no members and is not claimed.
func (g *groups) emptyLocked(group string) bool {
	d, code := g.mu.coord.Describe(group)
	return code != coord.OK || d.State == coord.GroupEmpty
}

// savedLocked returns what the log has of a group, and whether it has anything.
func (g *groups) savedLocked(group string) (groupEntry, bool) {
	g.b.pub.RLock()
	defer g.b.pub.RUnlock()
	saved, ok := g.b.pub.groups[group]
	return saved, ok || len(g.b.pub.committed[group]) > 0
}

// namesLocked returns the groups that the log has something of, in order.
func (g *groups) namesLocked() []string {
	g.b.pub.RLock()
	defer g.b.pub.RUnlock()
	names := slices.Collect(maps.Keys(g.b.pub.groups))
	for group := range g.b.pub.committed {
		if _, ok := g.b.pub.groups[group]; !ok {
			names = append(names, group)
		}
	}
	slices.Sort(names)
	return names
}
