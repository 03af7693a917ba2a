package files

import (
	"errors"
	"fmt"

	"github.com/freshet/freshet/log"
)

// A Source brings lines into one topic. It belongs to one goroutine, but for
// Progress. A Source whose commit failed is of no more use: another one reads
// in the topics what became of it.
type Source struct {
	broker    *log.Broker
	topic     string
	cfg       Config
	builder   *log.CommitBuilder
	lines     *log.TopicAppender
	positions *log.TopicAppender
	known     map[string]Position // by absolute path

	record   log.Record // of the line being appended
	value    []byte     // of the position being appended
	buf      []byte     // lent to one stream at a time
	gathered delta      // in the builder
	inFlight delta      // in the commit under way
	result   chan error // of the commit under way
	busy     bool       // a commit is under way
	failed   error      // of the first commit that failed

	progress progress
}

// PositionsTopic returns the name of the topic that holds how far files were
// read into a topic.
func PositionsTopic(topic string) string { return topic + "-positions" }

// New returns a Source of topic, made if it is not there, and reads how far
// files were read before. An earlier Source of the topic can commit no more.
func New(b *log.Broker, topic string, cfg Config) (*Source, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Source{broker: b, topic: topic, cfg: cfg, builder: b.NewCommitBuilder(),
		known: map[string]Position{}, result: make(chan error, 1)}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("lines of files into topic %s: %w", topic, err)
	}
	return s, nil
}

func (s *Source) open() error {
	if err := s.makeTopic(s.topic, log.TopicConfig{Partitions: s.cfg.Partitions, MaxMessageBytes: topicMessageBytes, Retention: log.NoLimit}); err != nil {
		return err
	}
	name := PositionsTopic(s.topic)
	if err := s.makeTopic(name, log.TopicConfig{Partitions: 1, CleanupPolicy: log.CleanupCompact, Internal: true}); err != nil {
		return err
	}
	fence, err := s.broker.ClaimGroup(name)
	if err != nil {
		return err
	}
	s.builder.SetFence(fence)
	if s.lines, err = s.builder.Topic(s.topic); err != nil {
		return err
	}
	if s.positions, err = s.builder.Topic(name); err != nil {
		return err
	}
	return s.fold(log.TopicPartition{Topic: name})
}

// makeTopic makes a topic or finds it with the partitions that are wanted.
func (s *Source) makeTopic(name string, cfg log.TopicConfig) error {
	d, err := s.broker.CreateTopic(name, cfg)
	if err != nil && !errors.Is(err, log.ErrTopicExists) {
		return err
	}
	if n := int32(len(d.Partitions)); cfg.Partitions > 0 && n != cfg.Partitions {
		return fmt.Errorf("topic %s has %d partitions, want %d", name, n, cfg.Partitions)
	}
	return nil
}

// foldBytes is how much of the positions is fetched at once.
const foldBytes = 1 << 20

// fold reads the positions; the last one of a file counts. No one writes any
// more but this Source.
func (s *Source) fold(tp log.TopicPartition) error {
	start, _, err := s.broker.Offsets(tp)
	if err != nil {
		return err
	}
	c := s.broker.NewConsumer()
	defer c.Close()
	if err := c.Assign(tp, start); err != nil {
		return err
	}
	for {
		fetches, err := c.Fetch(foldBytes)
		if err != nil || len(fetches) == 0 {
			return err
		}
		for i := range fetches {
			if err := s.foldRecords(&fetches[i].Records); err != nil {
				return fmt.Errorf("partition %s: %w", tp, err)
			}
		}
	}
}

func (s *Source) foldRecords(records *log.Records) error {
	var r log.Record
	for records.Next(&r) {
		if r.Value == nil {
			delete(s.known, string(r.Key))
			continue
		}
		p, err := ParsePosition(r.Value)
		if err != nil {
			return fmt.Errorf("offset %d: %w", r.Offset, err)
		}
		s.known[string(r.Key)] = p
	}
	return records.Err()
}

// Position returns how far a file was read, by its absolute path.
func (s *Source) Position(path string) (Position, bool) {
	p, ok := s.known[path]
	return p, ok
}
