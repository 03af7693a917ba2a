package verify

import (
	"fmt"
	"slices"
	"strconv"
)

const maxPartitions = 10_000

func (v *verifier) topicEntry(s *stream) error {
	t := &topic{id: s.id(), name: s.string()}
	n := s.u32()
	for range s.u16() {
		name, value := s.string(), s.string()
		if s.err != nil {
			return s.err
		}
		if err := checkConfig(name, value); err != nil {
			return fmt.Errorf("topic %s: %w", t.name, err)
		}
	}
	if s.err != nil {
		return s.err
	}
	if n < 1 || n > maxPartitions {
		return fmt.Errorf("topic %s has %d partitions, want 1 to %d", t.name, n, maxPartitions)
	}
	if old, ok := v.topics[t.id]; ok {
		// Altered; or made after the place that the checkpoint stands for, and in
		// it all the same.
		if v.inCheckpoint || old.name != t.name || int(n) < len(old.partitions) {
			return fmt.Errorf("topic %s, id %s, with %d partitions, was created before, as %s, with %d",
				t.name, t.id, n, old.name, len(old.partitions))
		}
		old.grow(int32(n), true)
		return nil
	}
	if _, ok := v.names[t.name]; ok {
		return fmt.Errorf("another topic is called %s", t.name)
	}
	t.grow(int32(n), !v.inCheckpoint)
	v.topics[t.id], v.names[t.name] = t, t
	return nil
}

// grow gives t the partitions that it lacks. Those that the checkpoint does not
// have are known from here on.
func (t *topic) grow(n int32, known bool) {
	for i := int32(len(t.partitions)); i < n; i++ {
		t.partitions = append(t.partitions, newPartition(t, i, known))
	}
}

func (v *verifier) topicDeletedEntry(s *stream) error {
	x := s.id()
	t, ok := v.topics[x]
	if s.err != nil || !ok {
		return fmt.Errorf("topic %s was never created", x)
	}
	delete(v.topics, x)
	delete(v.names, t.name)
	v.doomedTopics[x] = true
	for group, offsets := range v.offsets {
		for p := range offsets {
			if p.topic == t {
				v.deleteOffset(group, p)
			}
		}
	}
	return nil
}

// checkGoing looks whether the topics that a checkpoint has, and that are to be
// removed, were deleted by the journal behind it.
func (v *verifier) checkGoing(path string) {
	for _, t := range v.sortedTopics() {
		if t.going {
			v.report.problem(path, 0, "topic %s is to be removed by the checkpoint, and no record deletes it", t.name)
		}
	}
}

// topicConfigs say which values may be stored under which name.
var topicConfigs = map[string]func(value string) bool{
	"cleanup.policy":            oneOf("delete", "compact", "compact,delete"),
	"compression.type":          oneOf("producer", "none", "gzip", "snappy", "lz4", "zstd"),
	"delete.retention.ms":       number64(0, 1<<63-1),
	"internal":                  oneOf("true", "false"),
	"max.message.bytes":         number64(1, 1<<31-1),
	"message.timestamp.type":    oneOf("CreateTime", "LogAppendTime"),
	"min.cleanable.dirty.ratio": isRatio,
	"min.compaction.lag.ms":     number64(0, 1<<63-1),
	"retention.bytes":           number64(-1, 1<<62),
	"retention.ms":              number64(-1, 1<<63-1),
	"segment.bytes":             number64(1<<10, 1<<31-1),
	"segment.ms":                number64(1, 1<<63-1),
}

func checkConfig(name, value string) error {
	ok, known := topicConfigs[name]
	switch {
	case !known:
		return fmt.Errorf("unknown config %q", name)
	case !ok(value):
		return fmt.Errorf("%s is %q", name, value)
	}
	return nil
}

func oneOf(values ...string) func(string) bool {
	return func(value string) bool { return slices.Contains(values, value) }
}

func number64(least, most int64) func(string) bool {
	return func(value string) bool {
		n, err := strconv.ParseInt(value, 10, 64)
		return err == nil && n >= least && n <= most
	}
}

func isRatio(value string) bool {
	f, err := strconv.ParseFloat(value, 64)
	return err == nil && f >= 0 && f <= 1
}
