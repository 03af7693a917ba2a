package processor

import (
	"errors"
	"fmt"

	"github.com/freshet/freshet/log"
)

// Create makes the topic if it is not there, for programs that produce to it
// before an App runs. A topic that is there with another number of partitions
// than the Topic asks for is an error.
func (t Topic[K, V]) Create(on Cluster) error {
	if err := t.Err(); err != nil {
		return err
	}
	want := t.partitions
	if want == 0 {
		want = DefaultPartitions
	}
	have, err := on.CreateTopic(t.name, log.TopicConfig{Partitions: want, Retention: log.NoLimit})
	if errors.Is(err, log.ErrTopicExists) {
		have, err = on.Topic(t.name)
	}
	if err != nil {
		return fmt.Errorf("create topic %s: %w", t.name, err)
	}
	if n := int32(len(have.Partitions)); t.partitions != 0 && n != t.partitions {
		return fmt.Errorf("topic %s has %d partitions, want %d (use another name, or another data directory)", t.name, n, t.partitions)
	}
	return nil
}
