package log

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/batch"
)

// Values of [TopicConfig.CleanupPolicy], Kafka's cleanup.policy.
const (
	CleanupDelete        = "delete"
	CleanupCompact       = "compact"
	CleanupCompactDelete = "compact,delete"
)

// Values of [TopicConfig.TimestampType], Kafka's message.timestamp.type.
const (
	CreateTime    = "CreateTime"
	LogAppendTime = "LogAppendTime"
)

// CompressionProducer is the [TopicConfig.Compression] that leaves batches as
// their producers made them.
const CompressionProducer = "producer"

// NoLimit turns a retention off.
const NoLimit = -1

// Kafka's defaults.
const (
	DefaultRetention         = 7 * 24 * time.Hour
	DefaultSegmentAge        = 7 * 24 * time.Hour
	DefaultDeleteRetention   = 24 * time.Hour
	DefaultMinCleanableRatio = 0.5
)

// A TopicConfig says how a topic is kept. The zero value is one partition of
// Kafka's defaults. In the fields zero means the default; [Broker.AlterTopic]
// can set zero where Kafka allows it. It takes configs by Kafka's names, which are
// given here; those of Kafka's that are not here are not known.
//
// Retention and compaction take segments, not records, and compaction only takes
// those that are sealed and in a checkpoint. A checkpoint is written every
// [Config.CheckpointInterval] in which something was committed, whenever the journal
// has grown by [Config.JournalBytes], and by [Broker.Close].
// As in Kafka, readers of a compacted topic take the last value of a key that they
// meet, and count on nothing else being gone.
type TopicConfig struct {
	// Partitions is the number of partitions. Default 1.
	Partitions int32

	// CleanupPolicy is CleanupDelete, CleanupCompact or CleanupCompactDelete.
	// Default CleanupDelete. Kafka's cleanup.policy.
	CleanupPolicy string

	// MaxMessageBytes bounds one record batch, and so one record. Default
	// 1 MiB + 12. Kafka's max.message.bytes.
	MaxMessageBytes int

	// Retention is how old a segment's newest record may be before the segment
	// is deleted, by timestamp; of topics whose CleanupPolicy has delete.
	// NoLimit keeps everything. Default 7 days. Kafka's retention.ms.
	Retention time.Duration

	// RetentionBytes is how large a partition may be before its oldest segments
	// are deleted; of topics whose CleanupPolicy has delete. Default NoLimit.
	// Kafka's retention.bytes.
	RetentionBytes int64

	// SegmentBytes is the size at which a segment is sealed and the next begun:
	// the grain of retention and compaction. Default [Config.SegmentBytes] of
	// the broker, for which AlterTopic and Entries say 0. Kafka's segment.bytes.
	SegmentBytes int64

	// SegmentAge is the age at which a segment is sealed: the next record after
	// that begins another. Default 7 days. Kafka's segment.ms.
	SegmentAge time.Duration

	// MinCompactionLag is how long a record is kept from compaction. Default 0.
	// Kafka's min.compaction.lag.ms.
	MinCompactionLag time.Duration

	// DeleteRetention is how long a tombstone stays after compaction has met
	// it, so that slow readers learn of the deletion. Default 1 day.
	// Kafka's delete.retention.ms.
	DeleteRetention time.Duration

	// MinCleanableRatio is the part of a partition's bytes that has to be
	// uncompacted before compaction is worth its while, 0 to 1. Default 0.5.
	// Kafka's min.cleanable.dirty.ratio.
	MinCleanableRatio float64

	// TimestampType is CreateTime, a record's own timestamp, or LogAppendTime,
	// that of the append. Default CreateTime. Kafka's message.timestamp.type.
	TimestampType string

	// Compression is CompressionProducer, "none", "gzip", "snappy", "lz4" or
	// "zstd". Default CompressionProducer. Kafka's compression.type.
	Compression string

	// Internal keeps writers that come over the network out. It is set when the
	// topic is made and cannot be altered.
	Internal bool

	whole bool // of ParseTopicConfig: zero means zero
}

const (
	minMessageBytes = 128
	maxMessageBytes = 1 << 30
	minSegmentBytes = 1 << 10
	maxSegmentBytes = 1<<31 - 1
)

// maxPartitions bounds the partitions of one topic.
const maxPartitions = 10_000

func defaultTopicConfig() TopicConfig {
	return TopicConfig{
		Partitions: 1, CleanupPolicy: CleanupDelete, MaxMessageBytes: DefaultMaxMessageBytes,
		Retention: DefaultRetention, RetentionBytes: NoLimit, SegmentAge: DefaultSegmentAge,
		DeleteRetention: DefaultDeleteRetention, MinCleanableRatio: DefaultMinCleanableRatio,
		TimestampType: CreateTime, Compression: CompressionProducer,
	}
}

// ParseTopicConfig reads configs under Kafka's names (see [TopicConfig.Entries]);
// those that are not there have Kafka's defaults. Unlike a literal it can say
// zero, of delete.retention.ms for example. It returns ErrInvalidConfig, with
// everything that is wrong.
func ParseTopicConfig(configs map[string]string) (TopicConfig, error) {
	c := defaultTopicConfig()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		errs = append(errs, c.set(name, configs[name]))
	}
	if err := errors.Join(errs...); err != nil {
		return TopicConfig{}, fmt.Errorf("%w: %w", ErrInvalidConfig, err)
	}
	c.whole = true
	return c, nil
}

func (c TopicConfig) withDefaults() (TopicConfig, error) {
	if c.whole {
		c.whole = false
		orDefault(&c.Partitions, 1)
		return c, c.check()
	}
	d := defaultTopicConfig()
	orDefault(&c.Partitions, d.Partitions)
	orDefault(&c.CleanupPolicy, d.CleanupPolicy)
	orDefault(&c.MaxMessageBytes, d.MaxMessageBytes)
	orDefault(&c.Retention, d.Retention)
	orDefault(&c.RetentionBytes, d.RetentionBytes)
	orDefault(&c.SegmentAge, d.SegmentAge)
	orDefault(&c.DeleteRetention, d.DeleteRetention)
	orDefault(&c.MinCleanableRatio, d.MinCleanableRatio)
	orDefault(&c.TimestampType, d.TimestampType)
	orDefault(&c.Compression, d.Compression)
	return c, c.check()
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// check reports everything that is wrong at once.
func (c *TopicConfig) check() error {
	var errs []error
	if c.Partitions < 1 || c.Partitions > maxPartitions {
		errs = append(errs, fmt.Errorf("Partitions is %d, want 1 to %d", c.Partitions, maxPartitions))
	}
	for _, p := range topicConfigs {
		if err := p.set(c, p.get(c)); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// compacts reports whether old values of a key are removed.
func (c *TopicConfig) compacts() bool { return c.CleanupPolicy != CleanupDelete }

// deletes reports whether old segments are removed.
func (c *TopicConfig) deletes() bool { return c.CleanupPolicy != CleanupCompact }

// A ConfigEntry is one config of a topic under Kafka's name.
type ConfigEntry struct {
	Name, Value string
	Default     bool // it has Kafka's default
}

// A topicConfig is a config as Kafka names and writes it.
type topicConfig struct {
	name string
	get  func(*TopicConfig) string
	set  func(*TopicConfig, string) error
}

// topicConfigs are all, by name.
var topicConfigs = []topicConfig{
	{"cleanup.policy", func(c *TopicConfig) string { return c.CleanupPolicy }, func(c *TopicConfig, v string) (err error) {
		c.CleanupPolicy, err = parseCleanupPolicy(v)
		return err
	}},
	choice("compression.type", func(c *TopicConfig) *string { return &c.Compression },
		CompressionProducer, "none", "gzip", "snappy", "lz4", "zstd"),
	millis("delete.retention.ms", func(c *TopicConfig) *time.Duration { return &c.DeleteRetention }, 0),
	{"internal", func(c *TopicConfig) string { return strconv.FormatBool(c.Internal) }, func(c *TopicConfig, v string) (err error) {
		c.Internal, err = strconv.ParseBool(v)
		return configError("internal", v, "true or false", err)
	}},
	integer("max.message.bytes", func(c *TopicConfig) *int { return &c.MaxMessageBytes }, minMessageBytes, maxMessageBytes),
	choice("message.timestamp.type", func(c *TopicConfig) *string { return &c.TimestampType }, CreateTime, LogAppendTime),
	{"min.cleanable.dirty.ratio", func(c *TopicConfig) string { return strconv.FormatFloat(c.MinCleanableRatio, 'g', -1, 64) },
		func(c *TopicConfig, v string) error {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || !(f >= 0 && f <= 1) {
				return fmt.Errorf("min.cleanable.dirty.ratio is %q, want 0 to 1", v)
			}
			c.MinCleanableRatio = f
			return nil
		}},
	millis("min.compaction.lag.ms", func(c *TopicConfig) *time.Duration { return &c.MinCompactionLag }, 0),
	integer("retention.bytes", func(c *TopicConfig) *int64 { return &c.RetentionBytes }, NoLimit, 1<<62),
	millis("retention.ms", func(c *TopicConfig) *time.Duration { return &c.Retention }, NoLimit),
	{"segment.bytes", func(c *TopicConfig) string { return strconv.FormatInt(c.SegmentBytes, 10) }, func(c *TopicConfig, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n != 0 && (n < minSegmentBytes || n > maxSegmentBytes) {
			return fmt.Errorf("segment.bytes is %q, want %d to %d, or 0 for that of the log", v, minSegmentBytes, maxSegmentBytes)
		}
		c.SegmentBytes = n
		return nil
	}},
	millis("segment.ms", func(c *TopicConfig) *time.Duration { return &c.SegmentAge }, 1),
}

func configError(name, value, want string, err error) error {
	if err != nil {
		return fmt.Errorf("%s is %q, want %s", name, value, want)
	}
	return nil
}

func choice(name string, field func(*TopicConfig) *string, values ...string) topicConfig {
	return topicConfig{name, func(c *TopicConfig) string { return *field(c) }, func(c *TopicConfig, v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("%s is %q, want one of %s", name, v, strings.Join(values, ", "))
		}
		*field(c) = v
		return nil
	}}
}

func integer[T int | int64](name string, field func(*TopicConfig) *T, least, most int64) topicConfig {
	return topicConfig{name, func(c *TopicConfig) string { return strconv.FormatInt(int64(*field(c)), 10) }, func(c *TopicConfig, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%s is %q, want %d to %d", name, v, least, most)
		}
		*field(c) = T(n)
		return nil
	}}
}

// maxMillis keeps a duration of that many milliseconds from overflowing.
const maxMillis = int64(1<<63-1) / int64(time.Millisecond)

// millis is a duration that Kafka writes in milliseconds. NoLimit is kept as it
// is. A duration below a millisecond counts as one.
func millis(name string, field func(*TopicConfig) *time.Duration, least int64) topicConfig {
	get := func(c *TopicConfig) string {
		switch d := *field(c); {
		case d == NoLimit:
			return "-1"
		case d > 0 && d < time.Millisecond:
			return "1"
		default:
			return strconv.FormatInt(d.Milliseconds(), 10)
		}
	}
	return topicConfig{name, get, func(c *TopicConfig, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < least {
			return fmt.Errorf("%s is %q, want a number of milliseconds from %d", name, v, least)
		}
		*field(c) = NoLimit
		if n >= 0 {
			*field(c) = time.Duration(min(n, maxMillis)) * time.Millisecond
		}
		return nil
	}}
}

func parseCleanupPolicy(v string) (string, error) {
	parts := strings.Split(strings.ReplaceAll(v, " ", ""), ",")
	slices.Sort(parts)
	switch p := strings.Join(slices.Compact(parts), ","); p {
	case CleanupDelete, CleanupCompact, CleanupCompactDelete:
		return p, nil
	}
	return "", fmt.Errorf("cleanup.policy is %q, want %s, %s or %s", v, CleanupDelete, CleanupCompact, CleanupCompactDelete)
}

// Entries returns the configs under Kafka's names, sorted.
func (c TopicConfig) Entries() []ConfigEntry {
	def := defaultTopicConfig()
	out := make([]ConfigEntry, 0, len(topicConfigs))
	for _, t := range topicConfigs {
		v := t.get(&c)
		out = append(out, ConfigEntry{t.name, v, v == t.get(&def)})
	}
	return out
}

// pairs returns what is stored: the configs that are not the default.
func (c TopicConfig) pairs() []ConfigEntry {
	return slices.DeleteFunc(c.Entries(), func(e ConfigEntry) bool { return e.Default })
}

// set sets a config by Kafka's name.
func (c *TopicConfig) set(name, value string) error {
	for _, t := range topicConfigs {
		if t.name == name {
			return t.set(c, value)
		}
	}
	return fmt.Errorf("unknown topic config %q, want one of %s", name, strings.Join(configNames(), ", "))
}

// unset gives a config its default again.
func (c *TopicConfig) unset(name string) error {
	def := defaultTopicConfig()
	for _, t := range topicConfigs {
		if t.name == name {
			return t.set(c, t.get(&def))
		}
	}
	return c.set(name, "")
}

func configNames() (names []string) {
	for _, t := range topicConfigs {
		names = append(names, t.name)
	}
	return names
}

// String prints the configs that are not the default, under Kafka's names.
func (c TopicConfig) String() string {
	if c == (TopicConfig{}) {
		return "" // of no topic
	}
	var parts []string
	for _, p := range c.pairs() {
		parts = append(parts, p.Name+"="+p.Value)
	}
	return strings.Join(parts, ",")
}

// compression returns the codec to store batches in, and false where they stay
// as they are.
func (c *TopicConfig) compression() (batch.Codec, bool) {
	for codec := batch.None; codec <= batch.Zstd; codec++ {
		if codec.String() == c.Compression {
			return codec, true
		}
	}
	return batch.None, false
}
