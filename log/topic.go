package log

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/freshet/freshet/log/internal/journal"
	"github.com/google/uuid"
)

// Values of [TopicConfig.CleanupPolicy], Kafka's cleanup.policy.
const (
	CleanupDelete  = "delete"
	CleanupCompact = "compact"
)

// maxPartitions bounds the partitions of one topic.
const maxPartitions = 10_000

// A TopicConfig says how a topic is made. The zero value is one partition of
// Kafka's defaults.
type TopicConfig struct {
	// Partitions is the number of partitions. Default 1.
	Partitions int32

	// CleanupPolicy is CleanupDelete or CleanupCompact. Default
	// CleanupDelete.
	CleanupPolicy string

	// MaxMessageBytes bounds one record batch, and so one record. Default
	// 1 MiB + 12.
	MaxMessageBytes int
}

func (c TopicConfig) withDefaults() (TopicConfig, error) {
	var errs []error
	if c.Partitions == 0 {
		c.Partitions = 1
	}
	if c.Partitions < 0 || c.Partitions > maxPartitions {
		errs = append(errs, fmt.Errorf("Partitions is %d, want 1 to %d", c.Partitions, maxPartitions))
	}
	if c.CleanupPolicy == "" {
		c.CleanupPolicy = CleanupDelete
	}
	if c.CleanupPolicy != CleanupDelete && c.CleanupPolicy != CleanupCompact {
		errs = append(errs, fmt.Errorf("CleanupPolicy is %q, want %q or %q", c.CleanupPolicy, CleanupDelete, CleanupCompact))
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if c.MaxMessageBytes < minMessageBytes || c.MaxMessageBytes > maxMessageBytes {
		errs = append(errs, fmt.Errorf("MaxMessageBytes is %d, want %d to %d", c.MaxMessageBytes, minMessageBytes, maxMessageBytes))
	}
	return c, errors.Join(errs...)
}

const (
	minMessageBytes = 128
	maxMessageBytes = 1 << 30
)

// Names that a config has on disk, which are Kafka's.
const (
	configCleanupPolicy   = "cleanup.policy"
	configMaxMessageBytes = "max.message.bytes"
)

func (c TopicConfig) pairs() [][2]string {
	return [][2]string{
		{configCleanupPolicy, c.CleanupPolicy},
		{configMaxMessageBytes, strconv.Itoa(c.MaxMessageBytes)},
	}
}

func (c *TopicConfig) setPair(name, value string) (err error) {
	switch name {
	case configCleanupPolicy:
		c.CleanupPolicy = value
	case configMaxMessageBytes:
		c.MaxMessageBytes, err = strconv.Atoi(value)
	default:
		err = fmt.Errorf("unknown topic config %q", name)
	}
	return err
}

// String prints the config under Kafka's names.
func (c TopicConfig) String() string {
	var parts []string
	for _, p := range c.pairs() {
		parts = append(parts, p[0]+"="+p[1])
	}
	return strings.Join(parts, ",")
}

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
	LeaderEpoch int32  // of the newest batch; -1 if there is none
	SizeBytes   int64
	Segments    int
}

// A topic is one topic of a broker. Its partitions never change in number.
type topic struct {
	id         uuid.UUID
	name       string
	cfg        TopicConfig
	partitions []*partition
}

func newTopic(id uuid.UUID, name string, cfg TopicConfig) *topic {
	t := &topic{id: id, name: name, cfg: cfg, partitions: make([]*partition, cfg.Partitions)}
	for i := range t.partitions {
		t.partitions[i] = &partition{topic: t, id: int32(i), tp: TopicPartition{name, int32(i)}}
	}
	return t
}

var topicNames = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// CheckTopicName applies Kafka's rules for names.
func CheckTopicName(name string) error {
	if name == "." || name == ".." || !topicNames.MatchString(name) {
		return fmt.Errorf("topic name %q: want 1 to 249 of a-z A-Z 0-9 . _ - and not . or .. alone", name)
	}
	return nil
}

// CreateTopic makes a topic. It returns ErrTopicExists, with the topic that is
// there, if there is one of that name.
func (b *Broker) CreateTopic(name string, cfg TopicConfig) (TopicDescription, error) {
	if b.readOnly {
		return TopicDescription{}, ErrReadOnly
	}
	if err := CheckTopicName(name); err != nil {
		return TopicDescription{}, err
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return TopicDescription{}, fmt.Errorf("create topic %s: %w", name, err)
	}
	b.admin.Lock()
	defer b.admin.Unlock()
	if d, err := b.Topic(name); err == nil {
		return d, fmt.Errorf("create topic %s: %w", name, ErrTopicExists)
	}
	c := &Commit{b: b, topics: []*topic{newTopic(uuid.New(), name, cfg)}}
	c.entry = journal.NewEntry(c)
	if _, err := b.Commit(c); err != nil {
		return TopicDescription{}, fmt.Errorf("create topic %s: %w", name, err)
	}
	b.cfg.Logger.Info("topic created", "topic", name, "partitions", cfg.Partitions)
	return b.Topic(name)
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
	d := TopicDescription{Name: t.name, ID: t.id, Config: t.cfg}
	for _, p := range t.partitions {
		d.Partitions = append(d.Partitions, p.describeLocked())
	}
	return d
}
