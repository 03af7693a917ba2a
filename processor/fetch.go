package processor

import (
	"fmt"
)

// fetch brings input to the tasks if one of them is short of it.
func (w *worker) fetch() (bool, error) {
	select {
	case <-w.consumer.Ready():
		w.mayFetch = true
	default:
	}
	if !w.hungry() {
		return false, nil
	}
	if err := w.assignHungry(); err != nil {
		return false, err
	}
	if !w.mayFetch {
		return false, nil
	}
	fetches, err := w.consumer.Fetch(w.run.config.FetchBytes)
	if err != nil {
		return false, err
	}
	w.mayFetch = len(fetches) > 0
	for _, f := range fetches {
		rt := w.byInput[f.TopicPartition]
		if rt == nil {
			return false, fmt.Errorf("fetched %s, which no task of this worker reads", f.TopicPartition)
		}
		if err := rt.Add(f); err != nil {
			return false, err
		}
	}
	return len(fetches) > 0, nil
}

func (w *worker) hungry() bool {
	for _, rt := range w.tasks {
		if rt.Hungry() {
			return true
		}
	}
	return false
}

// assignHungry takes the partitions of which enough waits out of the consumer,
// and puts back those that have room again.
func (w *worker) assignHungry() error {
	for _, rt := range w.tasks {
		for i, in := range rt.Inputs {
			switch full := rt.Full(i); {
			case full && !rt.paused[i]:
				w.consumer.Unassign(in.TopicPartition)
				rt.paused[i] = true
			case !full && rt.paused[i]:
				if err := w.consumer.Assign(in.TopicPartition, rt.Fetched(i)); err != nil {
					return fmt.Errorf("task %s: %w", rt.ID, err)
				}
				rt.paused[i] = false
			}
		}
	}
	return nil
}
