package log

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"
)

// A topic is one topic of a broker.
type topic struct {
	id    uuid.UUID
	name  string
	state atomic.Pointer[topicState] // replaced under Broker.pub
	going bool                       // the leader's: its deletion is on its way, or done
	gone  atomic.Bool                // it was deleted
}

// A topicState is what may change of a topic. It is never changed in place;
// partitions only become more.
type topicState struct {
	cfg        TopicConfig
	partitions []*partition
}

func newTopic(id uuid.UUID, name string, cfg TopicConfig) *topic {
	t := &topic{id: id, name: name}
	t.state.Store(&topicState{})
	t.alter(cfg)
	return t
}

// alter gives the topic another config, and the partitions that it lacks.
func (t *topic) alter(cfg TopicConfig) {
	partitions := slices.Clone(t.state.Load().partitions)
	for i := int32(len(partitions)); i < cfg.Partitions; i++ {
		partitions = append(partitions, newPartition(t, i))
	}
	t.state.Store(&topicState{cfg, partitions})
}

func (t *topic) config() *TopicConfig     { return &t.state.Load().cfg }
func (t *topic) partitions() []*partition { return t.state.Load().partitions }

func (t *topic) entry() topicEntry { return topicEntry{t.id, t.name, *t.config()} }

// A TopicDescription is a topic as it stands.
type TopicDescription struct {
	Name       string
	ID         uuid.UUID // another topic of the same name has another ID
	Config     TopicConfig
	Partitions []PartitionDescription
}

// A PartitionDescription is a partition as it stands.
type PartitionDescription struct {
	Partition   int32
	Start       Offset // of the oldest record
	End         Offset // that the next record will get: the high watermark
	StableEnd   Offset // below it no transaction is open: the last stable offset
	LeaderEpoch int32  // of the newest batch; -1 if there is none
	SizeBytes   int64
	Segments    int
	Uncompacted int64 // bytes that compaction has not seen; 0 where the topic is not compacted
}

var topicNames = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// CheckTopicName applies Kafka's rules for names.
func CheckTopicName(name string) error {
	if name == "." || name == ".." || !topicNames.MatchString(name) {
		return fmt.Errorf("topic name %q: want 1 to 249 of a-z A-Z 0-9 . _ - and not . or .. alone: %w", name, ErrInvalidTopic)
	}
	return nil
}

// CreateTopic makes a topic. It returns ErrTopicExists, with the topic that is
// there, if there is one of that name, whatever its config; ErrInvalidTopic; or
// ErrInvalidConfig, with everything that is wrong with cfg.
func (b *Broker) CreateTopic(name string, cfg TopicConfig) (TopicDescription, error) {
	if b.readOnly {
		return TopicDescription{}, ErrReadOnly
	}
	if err := CheckTopicName(name); err != nil {
		return TopicDescription{}, err
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return TopicDescription{}, fmt.Errorf("create topic %s: %w: %w", name, ErrInvalidConfig, err)
	}
	b.admin.Lock()
	defer b.admin.Unlock()
	if d, err := b.Topic(name); err == nil {
		return d, fmt.Errorf("create topic %s: %w", name, ErrTopicExists)
	}
	if err := b.commitEntries(topicEntry{uuid.New(), name, cfg}); err != nil {
		return TopicDescription{}, fmt.Errorf("create topic %s: %w", name, err)
	}
	b.cfg.Logger.Info("topic created", "topic", name, "partitions", cfg.Partitions)
	return b.Topic(name)
}

// AlterTopic sets configs of a topic by Kafka's names (see
// [TopicConfig.Entries]), and gives those in unset their defaults again. All
// change or, after an error, none. It returns ErrUnknownTopic, or
// ErrInvalidConfig, with everything that is wrong.
func (b *Broker) AlterTopic(name string, set map[string]string, unset ...string) (TopicDescription, error) {
	return b.changeTopic("alter topic", name, func(cfg *TopicConfig) error {
		var errs []error
		before := cfg.Internal
		for _, name := range unset {
			errs = append(errs, cfg.unset(name))
		}
		for _, name := range slices.Sorted(maps.Keys(set)) {
			errs = append(errs, cfg.set(name, set[name]))
		}
		if cfg.Internal != before {
			errs = append(errs, errors.New("internal is set when a topic is made, and cannot be altered"))
		}
		return errors.Join(errs...)
	})
}

// AddPartitions makes a topic have n partitions, which must be more than it
// has. Records stay where they are, so from here on a key may go to another
// partition than before.
func (b *Broker) AddPartitions(name string, n int32) (TopicDescription, error) {
	return b.changeTopic("add partitions to topic", name, func(cfg *TopicConfig) error {
		if n <= cfg.Partitions {
			return fmt.Errorf("%d partitions wanted, there are %d (their number can only grow)", n, cfg.Partitions)
		}
		cfg.Partitions = n
		return cfg.check()
	})
}

func (b *Broker) changeTopic(what, name string, change func(*TopicConfig) error) (TopicDescription, error) {
	if b.readOnly {
		return TopicDescription{}, ErrReadOnly
	}
	b.admin.Lock()
	defer b.admin.Unlock()
	t, err := b.topic(name)
	if err != nil {
		return TopicDescription{}, err
	}
	e := t.entry()
	if err := change(&e.cfg); err != nil {
		return TopicDescription{}, fmt.Errorf("%s %s: %w: %w", what, name, ErrInvalidConfig, err)
	}
	if err := b.commitEntries(e); err != nil {
		return TopicDescription{}, fmt.Errorf("%s %s: %w", what, name, err)
	}
	b.cfg.Logger.Info("topic altered", "topic", name, "partitions", e.cfg.Partitions, "config", e.cfg.String())
	return b.Topic(name)
}

// DeleteTopic deletes a topic, its records, and the offsets that groups have
// committed for it. Consumers of it fail with ErrUnknownTopic. A topic that is
// made again under the name is another one.
func (b *Broker) DeleteTopic(name string) error {
	if b.readOnly {
		return ErrReadOnly
	}
	b.admin.Lock()
	defer b.admin.Unlock()
	t, err := b.topic(name)
	if err != nil {
		return err
	}
	c := b.newCommit()
	c.entries = []entry{topicDeletedEntry{t.id}}
	c.sequenced = func() error {
		t.going = true
		c.undo = append(c.undo, func() { t.going = false })
		return nil
	}
	if _, err := b.Commit(c); err != nil {
		return fmt.Errorf("delete topic %s: %w", name, err)
	}
	b.cfg.Logger.Info("topic deleted", "topic", name, "id", t.id)
	return nil
}

// commitEntries commits changes that need no offsets.
func (b *Broker) commitEntries(es ...entry) error {
	c := b.newCommit()
	c.entries = es
	_, err := b.Commit(c)
	return err
}

func (b *Broker) newCommit() *Commit {
	c := &Commit{}
	c.init(b)
	return c
}

// init makes a new Commit ready.
func (c *Commit) init(b *Broker) {
	c.b = b
	c.entry.Commit = c
	c.batches = c.oneBatch[:0]
}

// Topic describes a topic, or returns ErrUnknownTopic.
func (b *Broker) Topic(name string) (TopicDescription, error) {
	b.pub.RLock()
	defer b.pub.RUnlock()
	t, ok := b.pub.topics[name]
	if !ok {
		return TopicDescription{}, fmt.Errorf("topic %q: %w", name, ErrUnknownTopic)
	}
	return t.describeLocked(), nil
}

// Topics describes all topics, by name.
func (b *Broker) Topics() []TopicDescription {
	b.pub.RLock()
	defer b.pub.RUnlock()
	var ds []TopicDescription
	for _, t := range b.topicsByNameLocked() {
		ds = append(ds, t.describeLocked())
	}
	return ds
}

func (t *topic) describeLocked() TopicDescription {
	d := TopicDescription{Name: t.name, ID: t.id, Config: *t.config()}
	for _, p := range t.partitions() {
		d.Partitions = append(d.Partitions, p.describeLocked())
	}
	return d
}
