package processor

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/log"
)

// ErrTopologyChanged is wrapped by the error of an App whose topology does not
// fit what an earlier one of the same name left behind.
var ErrTopologyChanged = errors.New("topology changed incompatibly")

// checkContract compares the topology with the one that ran before, and
// remembers it. The line about a topic is kept as the metadata of an offset of
// that topic's first partition, in a group of its own, which bears no name that
// an application can have.
func (p *plan) checkContract(ctx context.Context, cluster Cluster, acceptChanges bool) error {
	group := p.topology.name + ":topology"
	member, err := cluster.Join(group)
	if err != nil {
		return fmt.Errorf("join group %s: %w", group, err)
	}
	committer, err := member.NewCommitter()
	if err != nil {
		return fmt.Errorf("group %s: %w", group, err)
	}
	var changed []error
	news := false
	for topic, line := range p.topology.contract() {
		tp := log.TopicPartition{Topic: topic}
		old, ok, err := member.Committed(tp)
		if err != nil {
			return fmt.Errorf("group %s: %s: %w", group, tp, err)
		}
		if ok && old.Metadata == line {
			continue
		}
		if ok && !acceptChanges {
			changed = append(changed, fmt.Errorf("%w: was %q, is %q", ErrTopologyChanged, old.Metadata, line))
			continue
		}
		news = true
		if err := committer.SetOffset(tp, log.CommittedOffset{Metadata: line}); err != nil {
			return fmt.Errorf("group %s: %s: %w", group, tp, err)
		}
	}
	if len(changed) > 0 {
		changed = append(changed, errors.New("run it under another name, or set Config.AcceptChanges if the old data can be read so"))
		return errors.Join(changed...)
	}
	if !news {
		return nil
	}
	if _, err := committer.Seal().Commit(ctx); err != nil {
		return fmt.Errorf("group %s: %w", group, err)
	}
	return nil
}
