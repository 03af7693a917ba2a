package log

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Defaults of [GroupConfig].
const (
	DefaultSessionTimeout  = 45 * time.Second
	DefaultMaxPollInterval = 5 * time.Minute
)

// An OffsetReset says where a member begins in a partition for which its group
// has no offset, or one that is out of range: Kafka's auto.offset.reset.
type OffsetReset string

// The values of [OffsetReset].
const (
	ResetEarliest OffsetReset = "earliest"
	ResetLatest   OffsetReset = "latest"
	ResetNone     OffsetReset = "none" // Poll fails with ErrOffsetOutOfRange
)

// A GroupConfig sets up a [GroupConsumer]. Group is needed, and Topics or
// Pattern. The callbacks run inside Poll and Close, so they may call Commit.
type GroupConfig struct {
	Group  string
	Topics []string // also such as are made later

	// Pattern subscribes to all topics whose names it matches, but for internal
	// ones, also such as are made later.
	Pattern *regexp.Regexp

	// InstanceID makes the member static (KIP-345): after a restart within the
	// session timeout it has its partitions again, and nobody else notices.
	InstanceID string

	// ClientID is shown to people who look at the group. Default "freshet".
	ClientID string

	// SessionTimeout is how long the group waits for a sign of life before it
	// gives the partitions to others. 6 seconds to 30 minutes; default 45 s.
	SessionTimeout time.Duration

	// MaxPollInterval is how long may pass between two Polls. A member that
	// takes longer leaves, so that others can go on. Default 5 minutes.
	MaxPollInterval time.Duration

	// RebalanceTimeout is how long a rebalance waits for this member to Poll.
	// Default MaxPollInterval.
	RebalanceTimeout time.Duration

	// Assignors share the partitions out, the best liked first; the group takes
	// one that all members know: range, roundrobin, sticky, cooperative-sticky.
	// A member gives all its partitions up in each rebalance, unless it knows
	// cooperative-sticky alone, which is the default.
	Assignors []string

	// AutoOffsetReset is where to begin without an offset. Default
	// ResetEarliest, so that nothing is left out; Kafka's own is latest.
	AutoOffsetReset OffsetReset

	// ReadCommitted reads nothing of transactions that are open or were aborted.
	ReadCommitted bool

	// OnAssigned tells of partitions that the member has from here on,
	// OnRevoked of those that it is about to give up, in time to commit their
	// offsets, and OnLost of those that others may have by now.
	OnAssigned, OnRevoked, OnLost func([]TopicPartition)
}

func (c GroupConfig) withDefaults() (GroupConfig, []kgo.GroupBalancer, error) {
	var errs []error
	c.ClientID = cmp.Or(c.ClientID, "freshet")
	c.SessionTimeout = cmp.Or(c.SessionTimeout, DefaultSessionTimeout)
	c.MaxPollInterval = cmp.Or(c.MaxPollInterval, DefaultMaxPollInterval)
	c.RebalanceTimeout = cmp.Or(c.RebalanceTimeout, c.MaxPollInterval)
	c.AutoOffsetReset = cmp.Or(c.AutoOffsetReset, ResetEarliest)
	if c.Group == "" {
		errs = append(errs, errors.New("Group is empty"))
	}
	if len(c.Topics) == 0 && c.Pattern == nil {
		errs = append(errs, errors.New("there are neither Topics nor a Pattern"))
	}
	for _, t := range c.Topics {
		if err := CheckTopicName(t); err != nil {
			errs = append(errs, err)
		}
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"SessionTimeout", c.SessionTimeout}, {"MaxPollInterval", c.MaxPollInterval}, {"RebalanceTimeout", c.RebalanceTimeout}} {
		if d.d < 0 {
			errs = append(errs, fmt.Errorf("%s is %v, want more than 0", d.name, d.d))
		}
	}
	if !slices.Contains([]OffsetReset{ResetEarliest, ResetLatest, ResetNone}, c.AutoOffsetReset) {
		errs = append(errs, fmt.Errorf("AutoOffsetReset is %q, want earliest, latest or none", c.AutoOffsetReset))
	}
	assignors, err := parseAssignors(c.Assignors)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return c, nil, fmt.Errorf("subscribe: %w", err)
	}
	return c, assignors, nil
}

// A GroupConsumer is a member of a group, which shares the partitions of its
// topics among its members, in this process or, by Kafka's protocol, elsewhere.
// It belongs to one goroutine at a time.
//
// Nothing is committed by itself. One who calls Commit after having processed
// what Poll returned, and in OnRevoked, sees each record at least once.
type GroupConsumer struct {
	b         *Broker
	cfg       GroupConfig
	assignors []kgo.GroupBalancer
	eager     bool // gives everything up in each rebalance
	consumer  *Consumer
	changed   chan struct{} // has a token when Poll has to look what is new
	unwatch   func()
	closed    bool
	fenced    error // another one has its InstanceID
	stop      chan struct{}
	heart     sync.WaitGroup

	member    memberState
	held      map[TopicPartition]*heldPartition
	unplaced  bool             // a held partition has no position yet
	joined    []string         // the topics that the member has told of
	counts    map[string]int32 // as the leader knew them: the group's topics and their partitions
	seenTopic uint64           // Broker.topicChanges, when they were looked at
}

// Subscribe makes a member of a group. It joins with the first Poll.
func (b *Broker) Subscribe(cfg GroupConfig) (*GroupConsumer, error) {
	if err := b.groups.usable(); err != nil {
		return nil, err
	}
	cfg, assignors, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &GroupConsumer{
		b: b, cfg: cfg, assignors: assignors, consumer: b.NewConsumer(),
		held: map[TopicPartition]*heldPartition{}, stop: make(chan struct{}),
	}
	c.eager = slices.ContainsFunc(assignors, func(a kgo.GroupBalancer) bool { return !a.IsCooperative() })
	if cfg.ReadCommitted {
		c.consumer.ReadCommitted()
	}
	c.member.generation = coord.None
	c.member.polled = b.cfg.Now()
	c.changed, c.unwatch = b.groups.watch(cfg.Group)
	if !b.cfg.stepped {
		c.heart.Add(1)
		go c.runHeart()
	}
	return c, nil
}

// Poll returns records of the partitions that the member has, as
// [Consumer.Poll] does, and does its part in rebalances meanwhile: the
// callbacks run in it. It returns the error of ctx when that ends; a rebalance
// that is under way goes on with the next Poll. So members of one group each need
// a goroutine that polls: a partition moves once the member that has it has
// polled, committed in OnRevoked what it wants to, and given it up.
//
// It returns a [CodeError] where the group refuses the member, which matches
// ErrFenced where another one has its InstanceID, for good; ErrOffsetOutOfRange where a
// partition has no offset and AutoOffsetReset is none, until Seek. The next
// Poll tries again.
func (c *GroupConsumer) Poll(ctx context.Context, maxBytes int) ([]Fetch, error) {
	if c.closed {
		return nil, errConsumerClosed
	}
	if c.fenced != nil {
		return nil, c.fenced
	}
	if c.beginPoll() {
		c.lose() // it was so long ago that the member has left
	}
	defer c.endPoll()
	for {
		if err := c.advance(); err != nil {
			return nil, err
		}
		fetches, err := c.fetch(maxBytes)
		if err != nil || len(fetches) > 0 {
			return fetches, err
		}
		select {
		case <-c.consumer.Ready():
		case <-c.changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.b.stop:
			return nil, ErrClosed
		}
	}
}

// Close gives the partitions up, after OnRevoked, and leaves the group. A
// static member stays in it until its session ends, so that it can come back.
func (c *GroupConsumer) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	c.giveUp(sortedPlaces(c.held), c.cfg.OnRevoked)
	close(c.stop)
	c.heart.Wait()
	c.unwatch()
	c.consumer.Close()
	if c.cfg.InstanceID != "" {
		return nil
	}
	if err := c.leave(); err != nil && !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// Assignment returns the partitions that the member has, paused ones included,
// by topic and partition.
func (c *GroupConsumer) Assignment() []TopicPartition { return sortedPlaces(c.held) }

// Membership returns who the member is, for offsets that it commits in a
// transaction. It is good until the next Poll.
func (c *GroupConsumer) Membership() GroupMembership {
	who := c.membership()
	return GroupMembership{MemberID: who.MemberID, InstanceID: who.InstanceID, Generation: who.Generation}
}

// Fence returns what makes a [Commit] fail with ErrFenced once the group has
// gone on without this member. It is good until the next Poll.
func (c *GroupConsumer) Fence() Fence {
	who := c.membership()
	return Fence{Group: who.Group, Member: who.MemberID, Generation: who.Generation}
}
