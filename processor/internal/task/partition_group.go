package task

import "github.com/freshet/freshet/log"

// A partitionGroup chooses, among the queues of a task, whose record is next.
type partitionGroup struct{ queues []*recordQueue }

// next returns the queue with the lowest timestamp at its head, or nil if all
// are empty. Of equal ones the first in the order of the inputs is taken; so
// the choice depends on the records alone. A task has few inputs, and looking
// at each beats a heap.
func (g *partitionGroup) next() *recordQueue {
	var next *recordQueue
	for _, q := range g.queues {
		if q.hasHead && (next == nil || q.head.TimestampMillis < next.head.TimestampMillis) {
			next = q
		}
	}
	return next
}

func (g *partitionGroup) of(tp log.TopicPartition) *recordQueue {
	for _, q := range g.queues {
		if q.input.TopicPartition == tp {
			return q
		}
	}
	return nil
}
