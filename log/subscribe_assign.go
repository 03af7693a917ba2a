package log

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/coord"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// assignorsByName are those of franz-go, so that members of both kinds agree.
var assignorsByName = map[string]func() kgo.GroupBalancer{
	"range":              kgo.RangeBalancer,
	"roundrobin":         kgo.RoundRobinBalancer,
	"sticky":             kgo.StickyBalancer,
	"cooperative-sticky": kgo.CooperativeStickyBalancer,
}

func parseAssignors(names []string) ([]kgo.GroupBalancer, error) {
	if len(names) == 0 {
		names = []string{"cooperative-sticky"}
	}
	var assignors []kgo.GroupBalancer
	for i, name := range names {
		make, ok := assignorsByName[name]
		if !ok {
			return nil, fmt.Errorf("assignor %q is none of range, roundrobin, sticky, cooperative-sticky", name)
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("assignor %q is named twice", name)
		}
		assignors = append(assignors, make())
	}
	return assignors, nil
}

// topics returns the topics that the member wants, in order.
func (c *GroupConsumer) topics() []string {
	topics := slices.Clone(c.cfg.Topics)
	if c.cfg.Pattern != nil {
		c.b.pub.RLock()
		for name, t := range c.b.pub.topics {
			if !t.config().Internal && c.cfg.Pattern.MatchString(name) {
				topics = append(topics, name)
			}
		}
		c.b.pub.RUnlock()
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// topicsChanged reports whether the group's partitions may have to be shared
// out anew, because there are others than before.
func (c *GroupConsumer) topicsChanged() bool {
	now := c.b.topicChanges.Load()
	if now == c.seenTopic {
		return false
	}
	c.seenTopic = now
	c.unplaced = true // what was not there may be
	if !slices.Equal(c.joined, c.topics()) {
		return true
	}
	for topic, n := range c.counts {
		if c.b.partitionCount(topic) != n {
			return true
		}
	}
	return false
}

// partitionCount returns the number of partitions of a topic, 0 if there is
// none of that name.
func (b *Broker) partitionCount(topic string) int32 {
	t, err := b.topic(topic)
	if err != nil {
		return 0
	}
	return int32(len(t.partitions()))
}

// protocols tells the leader, for each assignor, what the member wants and has.
func (c *GroupConsumer) protocols(generation int32) []coord.Protocol {
	var protocols []coord.Protocol
	for _, a := range c.assignors {
		owned := map[string][]int32{}
		for _, tp := range sortedPlaces(c.held) {
			owned[tp.Topic] = append(owned[tp.Topic], tp.Partition)
		}
		protocols = append(protocols, coord.Protocol{
			Name: a.ProtocolName(), Metadata: a.JoinGroupMetadata(slices.Clone(c.joined), owned, generation),
		})
	}
	return protocols
}

// share gives the partitions of all topics that the members want to them. It
// returns the number of partitions of each. A member that nobody understands
// gets nothing.
func (b *Broker) share(assignors []kgo.GroupBalancer, a coord.JoinAnswer) ([]coord.Assignment, map[string]int32, error) {
	i := slices.IndexFunc(assignors, func(as kgo.GroupBalancer) bool { return as.ProtocolName() == a.Protocol })
	if i < 0 {
		return nil, nil, fmt.Errorf("assignor %q was not offered", a.Protocol)
	}
	var members []kmsg.JoinGroupResponseMember
	for _, m := range a.Members {
		metadata, err := b.readable(m.Metadata)
		if err != nil {
			b.cfg.Logger.Warn("member gets no partitions, its metadata makes no sense", "member", m.ID, "err", err)
			continue
		}
		o := kmsg.NewJoinGroupResponseMember()
		o.MemberID, o.ProtocolMetadata = m.ID, metadata
		if m.InstanceID != "" {
			o.InstanceID = &m.InstanceID
		}
		members = append(members, o)
	}
	slices.SortFunc(members, compareMembers)
	balancer, topics, err := assignors[i].MemberBalancer(members)
	if err != nil {
		return nil, nil, fmt.Errorf("assign by %s: %w", a.Protocol, err)
	}
	counts, known := map[string]int32{}, map[string]int32{}
	for topic := range topics {
		counts[topic] = b.partitionCount(topic)
		if counts[topic] > 0 {
			known[topic] = counts[topic]
		}
	}
	plan, err := balance(balancer, known)
	if err != nil {
		return nil, nil, fmt.Errorf("assign by %s: %w", a.Protocol, err)
	}
	var assignments []coord.Assignment
	for _, s := range plan.IntoSyncAssignment() {
		assignments = append(assignments, coord.Assignment{MemberID: s.MemberID, Bytes: s.MemberAssignment})
	}
	return assignments, counts, nil
}

// balance asks in the way that the balancer wants to be asked.
func balance(b kgo.GroupMemberBalancer, topics map[string]int32) (kgo.IntoSyncAssignment, error) {
	if b, ok := b.(kgo.GroupMemberBalancerOrError); ok {
		return b.BalanceOrError(topics)
	}
	return b.Balance(topics), nil
}

// compareMembers is the order that assignors ask for: static members first, by
// instance, then by id.
func compareMembers(x, y kmsg.JoinGroupResponseMember) int {
	switch {
	case x.InstanceID != nil && y.InstanceID != nil:
		return cmp.Compare(*x.InstanceID, *y.InstanceID)
	case x.InstanceID != nil:
		return -1
	case y.InstanceID != nil:
		return 1
	}
	return cmp.Compare(x.MemberID, y.MemberID)
}

// readable checks what a member of unknown make says of itself, and leaves
// partitions out that are not there.
func (b *Broker) readable(metadata []byte) ([]byte, error) {
	var meta kmsg.ConsumerMemberMetadata
	meta.Default()
	if err := meta.ReadFrom(slices.Clone(metadata)); err != nil {
		return nil, err
	}
	for i := range meta.OwnedPartitions {
		o := &meta.OwnedPartitions[i]
		n := b.partitionCount(o.Topic)
		o.Partitions = slices.DeleteFunc(o.Partitions, func(p int32) bool { return p < 0 || p >= n })
	}
	return meta.AppendTo(nil), nil
}

func parseAssignment(assignment []byte) (map[TopicPartition]bool, error) {
	assigned := map[TopicPartition]bool{}
	if len(assignment) == 0 {
		return assigned, nil // the leader gave nothing
	}
	topics, err := kgo.ParseConsumerSyncAssignment(assignment)
	if err != nil {
		return nil, err
	}
	for topic, partitions := range topics {
		for _, p := range partitions {
			assigned[TopicPartition{topic, p}] = true
		}
	}
	return assigned, nil
}
