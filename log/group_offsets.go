package log

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Codes of Kafka that are not a coordinator's.
var (
	errMetadataTooLarge = &CodeError{codeMetadataTooLarge, "OFFSET_METADATA_TOO_LARGE"}
	errSubscribed       = &CodeError{codeSubscribedToTopic, "GROUP_SUBSCRIBED_TO_TOPIC"}
)

// A GroupOffset is how far a group, or its part of a transaction, has taken a partition.
type GroupOffset struct {
	TopicPartition
	CommittedOffset // TimestampMillis is set by the log
}

// String returns it as topic-partition@offset.
func (o GroupOffset) String() string { return fmt.Sprintf("%s@%d", o.TopicPartition, o.Offset) }

// CommitOffsets commits offsets of a group for a member: Kafka's OffsetCommit.
// Nobody in particular may do so while the group has no members. The log sets
// the time.
//
// It returns one error, or nil, for each offset: ErrUnknownTopic or a
// [CodeError]; the others are committed. Where the error of the call is not nil
// none is: a [CodeError], which matches ErrFenced if the member has been
// replaced, or what [Broker.Commit] returns.
func (b *Broker) CommitOffsets(group string, who GroupMembership, offsets []GroupOffset) ([]error, error) {
	m := coord.Membership{Group: group, MemberID: who.MemberID, InstanceID: who.InstanceID, Generation: who.Generation}
	if who == (GroupMembership{}) {
		m.Generation = coord.None
	}
	return b.commitOffsets(group, offsets, func(g *groups) coord.Code {
		return g.mu.coord.CommitOffsets(b.cfg.Now(), m)
	})
}

// commitOffsets commits offsets if the coordinator, asked with mu held when
// their turn in the journal has come, allows it.
func (b *Broker) commitOffsets(group string, offsets []GroupOffset, mayLocked func(*groups) coord.Code) ([]error, error) {
	if err := b.groups.usable(); err != nil {
		return nil, err
	}
	errs := make([]error, len(offsets))
	var good []offsetCommit
	var from []int // the place of each in offsets
	for i := range offsets {
		o, err := b.offsetCommit(group, &offsets[i])
		if errs[i] = err; err == nil {
			good, from = append(good, o), append(from, i)
		}
	}
	c := b.newCommit()
	c.sequenced = func() error {
		g := b.groups
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := codeError(mayLocked(g)); err != nil {
			return err
		}
		g.mu.idle.active(group)
		for i, o := range good {
			if o.p.topic.going {
				errs[from[i]] = fmt.Errorf("topic %q was deleted: %w", o.p.topic.name, ErrUnknownTopic)
				continue
			}
			c.offsets = append(c.offsets, o)
		}
		if len(c.offsets) == 0 {
			return errNoOffset
		}
		c.undo = append(c.undo, func() { c.offsets = nil })
		return nil
	}
	if _, err := b.Commit(c); err != nil && !errors.Is(err, errNoOffset) {
		return nil, fmt.Errorf("offsets of group %q: %w", group, err)
	}
	return errs, nil
}

// errNoOffset ends a commit all of whose offsets were refused.
var errNoOffset = errors.New("no offset left to commit")

func (b *Broker) offsetCommit(group string, o *GroupOffset) (offsetCommit, error) {
	p, err := b.partition(o.TopicPartition)
	if err != nil {
		return offsetCommit{}, err
	}
	if len(o.Metadata) > maxMetadataBytes {
		return offsetCommit{}, fmt.Errorf("%d bytes, at most %d: %w", len(o.Metadata), maxMetadataBytes, errMetadataTooLarge)
	}
	if o.Offset < 0 {
		return offsetCommit{}, fmt.Errorf("offset %d: %w", o.Offset, codeError(coord.InvalidRequest))
	}
	to := o.CommittedOffset
	to.TimestampMillis = b.cfg.Now().UnixMilli()
	return offsetCommit{group, p, to}, nil
}

// GroupOffsets returns all offsets of a group, by topic and partition.
func (b *Broker) GroupOffsets(group string) []GroupOffset {
	b.pub.RLock()
	defer b.pub.RUnlock()
	list := make([]GroupOffset, 0, len(b.pub.committed[group]))
	for tp, o := range b.pub.committed[group] {
		list = append(list, GroupOffset{tp, o})
	}
	slices.SortFunc(list, func(x, y GroupOffset) int { return comparePlaces(x.TopicPartition, y.TopicPartition) })
	return list
}

func comparePlaces(x, y TopicPartition) int {
	if c := strings.Compare(x.Topic, y.Topic); c != 0 {
		return c
	}
	return int(x.Partition) - int(y.Partition)
}

// An OffsetSpec says which offset of a partition is meant. The zero OffsetSpec
// is the earliest.
type OffsetSpec struct {
	kind  offsetKind
	value int64
}

type offsetKind int8

const (
	specEarliest offsetKind = iota
	specLatest
	specTime
	specExact
)

// EarliestOffset is the offset of the oldest record.
func EarliestOffset() OffsetSpec { return OffsetSpec{} }

// LatestOffset is the offset that the next record will get.
func LatestOffset() OffsetSpec { return OffsetSpec{kind: specLatest} }

// OffsetAtTime is the offset of the first record whose timestamp is t or later,
// and the latest where there is none.
func OffsetAtTime(t time.Time) OffsetSpec { return OffsetSpec{specTime, t.UnixMilli()} }

// ExactOffset is o, which must be in the partition or right after its end.
func ExactOffset(o Offset) OffsetSpec { return OffsetSpec{specExact, int64(o)} }

// find returns the offset that is meant in a partition.
func (s OffsetSpec) find(b *Broker, tp TopicPartition) (Offset, error) {
	start, end, err := b.Offsets(tp)
	if err != nil {
		return 0, err
	}
	switch s.kind {
	case specLatest:
		return end, nil
	case specTime:
		at, ok, err := b.OffsetForTime(tp, s.value)
		if err != nil || !ok {
			return end, err
		}
		return at.Offset, nil
	case specExact:
		o := Offset(s.value)
		if o < start || o > end {
			return 0, fmt.Errorf("partition %s, offset %d, has %d to %d: %w", tp, o, start, end, ErrOffsetOutOfRange)
		}
		return o, nil
	}
	return start, nil
}

// ResetOffsets sets the offsets of a group for some partitions, all or none,
// and returns them. A group that is not there is made. It returns the [CodeError]
// NON_EMPTY_GROUP while the group has members or is claimed: they would go on
// from where they are; and ErrUnknownTopic, or ErrOffsetOutOfRange for an
// [ExactOffset] that is not in a partition.
func (b *Broker) ResetOffsets(group string, tps []TopicPartition, to OffsetSpec) ([]PartitionOffset, error) {
	wrap := func(err error) error { return fmt.Errorf("reset offsets of group %q: %w", group, err) }
	offsets := make([]GroupOffset, 0, len(tps))
	result := make([]PartitionOffset, 0, len(tps))
	for _, tp := range tps {
		o, err := to.find(b, tp)
		if err != nil {
			return nil, wrap(err)
		}
		offsets = append(offsets, GroupOffset{tp, CommittedOffset{Offset: o, LeaderEpoch: -1}})
		result = append(result, PartitionOffset{tp, o})
	}
	errs, err := b.commitOffsets(group, offsets, func(g *groups) coord.Code {
		if !g.emptyLocked(group) {
			return coord.NonEmptyGroup
		}
		return g.mu.coord.CommitOffsets(b.cfg.Now(), coord.Membership{Group: group, Generation: coord.None})
	})
	if err == nil {
		err = errors.Join(errs...)
	}
	if err != nil {
		return nil, wrap(err)
	}
	b.cfg.Logger.Info("offsets reset", "group", group, "partitions", len(tps))
	return result, nil
}

// DeleteOffsets makes a group forget its offsets for some partitions; those for
// which it has none are passed over. It returns one error, or nil, for each:
// the [CodeError] GROUP_SUBSCRIBED_TO_TOPIC where members read the topic. The
// error of the call is GROUP_ID_NOT_FOUND, or NON_EMPTY_GROUP where nobody can
// tell what the members read, or what [Broker.Commit] returns.
func (b *Broker) DeleteOffsets(group string, tps []TopicPartition) ([]error, error) {
	if err := b.groups.usable(); err != nil {
		return nil, err
	}
	errs := make([]error, len(tps))
	c := b.newCommit()
	c.sequenced = func() error {
		g := b.groups
		g.mu.Lock()
		defer g.mu.Unlock()
		subscribed, code := g.subscribedLocked(group)
		if code != coord.OK {
			return codeError(code)
		}
		for i, tp := range tps {
			if subscribed[tp.Topic] {
				errs[i] = fmt.Errorf("topic %q: %w", tp.Topic, errSubscribed)
			} else if p, err := b.partition(tp); err == nil && !p.topic.going {
				c.entries = append(c.entries, offsetGoneEntry{group, p.at()})
			}
		}
		c.undo = append(c.undo, func() { c.entries = nil })
		if len(c.entries) == 0 {
			return errNoOffset
		}
		return nil
	}
	if _, err := b.Commit(c); err != nil && !errors.Is(err, errNoOffset) {
		return nil, fmt.Errorf("delete offsets of group %q: %w", group, err)
	}
	return errs, nil
}

// subscribedLocked returns the topics that the members of a group read.
func (g *groups) subscribedLocked(group string) (map[string]bool, coord.Code) {
	if err := g.knowLocked(group); err != nil {
		return nil, coord.InvalidGroupID
	}
	d, code := g.mu.coord.Describe(group)
	if code != coord.OK || d.State == coord.GroupEmpty {
		return nil, code
	}
	if d.ProtocolType != consumerProtocol {
		return nil, coord.NonEmptyGroup
	}
	topics := map[string]bool{}
	for _, m := range d.Members {
		var meta kmsg.ConsumerMemberMetadata
		if err := meta.ReadFrom(slices.Clone(m.Metadata)); err != nil {
			return nil, coord.NonEmptyGroup // it reads who knows what
		}
		for _, t := range meta.Topics {
			topics[t] = true
		}
	}
	return topics, coord.OK
}

// consumerProtocol is the type of groups whose members tell each other, in
// Kafka's bytes, which topics they read and which partitions.
const consumerProtocol = "consumer"

// sortedPlaces returns the keys of m, by topic and partition.
func sortedPlaces[V any](m map[TopicPartition]V) []TopicPartition {
	return slices.SortedFunc(maps.Keys(m), comparePlaces)
}
