package processor

import (
	"context"
	"sync"

	"github.com/freshet/freshet/log"
)

// progress is how far the group has committed each input, for those who wait
// for it.
type progress struct {
	mu struct {
		sync.Mutex
		committed map[log.TopicPartition]log.Offset
		changed   chan struct{} // closed when committed changes
	}
}

func newProgress() *progress {
	p := &progress{}
	p.mu.committed = make(map[log.TopicPartition]log.Offset)
	p.mu.changed = make(chan struct{})
	return p
}

func (p *progress) publish(positions []log.PartitionOffset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range positions {
		p.mu.committed[o.TopicPartition] = o.Offset
	}
	close(p.mu.changed)
	p.mu.changed = make(chan struct{})
}

// reached says whether tp is committed up to end, and if not, returns what is
// closed at the next change.
func (p *progress) reached(tp log.TopicPartition, end log.Offset) (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.committed[tp] >= end, p.mu.changed
}

// wait returns when tp is committed up to end, or with the error of ctx.
func (p *progress) wait(ctx context.Context, tp log.TopicPartition, end log.Offset) error {
	for {
		reached, changed := p.reached(tp, end)
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
