package processor

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/freshet/freshet/log"
)

// A plan is a topology on a cluster: its topics with their partitions, and its
// tasks.
type plan struct {
	topology *Topology
	order    []*subtopology // upstream first
	topics   map[string]log.TopicDescription
	tasks    map[*subtopology]int32 // how many: one a partition
}

// makePlan settles how many partitions every topic has and creates the missing
// ones, or returns all that does not fit.
func makePlan(t *Topology, cluster Cluster) (*plan, error) {
	p := &plan{
		topology: t,
		order:    t.upstreamFirst(),
		topics:   make(map[string]log.TopicDescription),
		tasks:    make(map[*subtopology]int32),
	}
	if err := p.userTopics(cluster); err != nil {
		return nil, err
	}
	var errs []error
	for _, s := range p.order {
		errs = append(errs, p.subtopology(cluster, s))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *plan) userTopics(cluster Cluster) error {
	var errs []error
	topics := p.topology.UserTopics()
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		// Kept for ever unless somebody says otherwise: retention goes by event time,
		// and a topology may well be given the events of ten years ago.
		errs = append(errs, p.topic(cluster, name, topics[name], log.TopicConfig{CleanupPolicy: log.CleanupDelete, Retention: log.NoLimit}))
	}
	return errors.Join(errs...)
}

// subtopology settles the partitions of what s reads, the number of its tasks,
// and its changelogs. What is upstream of s is settled already.
func (p *plan) subtopology(cluster Cluster, s *subtopology) error {
	partitions, err := p.copartition(s)
	if err != nil {
		return err
	}
	if partitions == 0 { // nothing but repartition topics
		for _, source := range s.sources {
			partitions = max(partitions, p.writers(source.topic.name))
		}
	}
	for _, source := range s.sources {
		if source.topic.repartition {
			if err := p.topic(cluster, source.topic.name, partitions, repartitionConfig); err != nil {
				return fmt.Errorf("source %q: %w", source.name, err)
			}
		}
	}
	p.tasks[s] = partitions
	for _, st := range s.stores {
		if st.changelog == "" {
			continue
		}
		if err := p.topic(cluster, st.changelog, partitions, changelogConfig); err != nil {
			return fmt.Errorf("store %q: %w", st.name, err)
		}
	}
	return nil
}

// copartition returns the number of partitions of the user's topics that s
// reads, 0 if there are none. Where stores bring the records of several topics
// together all must have the same number, so that a key is found in one task.
func (p *plan) copartition(s *subtopology) (int32, error) {
	var first *node
	var partitions int32
	for _, source := range s.sources {
		if source.topic.repartition {
			continue
		}
		n := p.partitions(source.topic.name)
		switch {
		case first == nil:
			first = source
		case n != partitions && len(s.stores) > 0:
			return 0, fmt.Errorf("topics %q (%d partitions) and %q (%d) are read together by subtopology %d, which has stores: their partitions must be the same number (repartition one of them)",
				first.topic.name, p.partitions(first.topic.name), source.topic.name, n, s.index)
		}
		partitions = max(partitions, n)
	}
	return partitions, nil
}

// writers returns the largest number of tasks of a subtopology that writes a
// topic.
func (p *plan) writers(topic string) int32 {
	var tasks int32
	for _, s := range p.order {
		for _, n := range s.nodes {
			if n.kind == sinkNode && n.topic.name == topic {
				tasks = max(tasks, p.tasks[s])
			}
		}
	}
	return tasks
}

// ownMessageBytes is the limit of the topics that an App makes for itself, the
// log's own. What they hold was made of records that passed the limit of their
// topics, and may be somewhat larger; refusing it would stop the App for good.
const ownMessageBytes = 1 << 30

// What an App makes for itself nobody else writes to. A repartition topic loses
// nothing by its age: it is read when its turn comes.
var (
	repartitionConfig = log.TopicConfig{CleanupPolicy: log.CleanupDelete, Retention: log.NoLimit, MaxMessageBytes: ownMessageBytes, Internal: true}
	changelogConfig   = log.TopicConfig{CleanupPolicy: log.CleanupCompact, MaxMessageBytes: ownMessageBytes, Internal: true}
)

// topic describes a topic, made if it is not there. want is its number of
// partitions, 0 if any will do.
func (p *plan) topic(cluster Cluster, name string, want int32, config log.TopicConfig) error {
	d, err := cluster.Topic(name)
	if errors.Is(err, log.ErrUnknownTopic) {
		config.Partitions = want
		if want == 0 {
			config.Partitions = DefaultPartitions
		}
		d, err = cluster.CreateTopic(name, config)
		if errors.Is(err, log.ErrTopicExists) { // since a moment ago
			d, err = cluster.Topic(name)
		}
	}
	if err != nil {
		return err
	}
	if want > 0 && int32(len(d.Partitions)) != want {
		return fmt.Errorf("topic %q has %d partitions, this topology needs %d (run it with the number it began with, or under another name)", name, len(d.Partitions), want)
	}
	p.topics[name] = d
	return nil
}

func (p *plan) partitions(topic string) int32 { return int32(len(p.topics[topic].Partitions)) }

// An input is a partition that a task reads, and which of the subtopology's
// sources it is for.
type input struct {
	log.TopicPartition
	source int
}

// inputs returns the partitions that a task reads, in the order of sources. A
// topic with fewer partitions than there are tasks is left to the first ones.
func (p *plan) inputs(s *subtopology, partition int32) []input {
	var inputs []input
	for i, source := range s.sources {
		if partition < p.partitions(source.topic.name) {
			inputs = append(inputs, input{log.TopicPartition{Topic: source.topic.name, Partition: partition}, i})
		}
	}
	return inputs
}
