package processor

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/state"
)

// A drain is a write of committed changes to the databases.
type drain struct{ tasks []taskDrain }

type taskDrain struct {
	task   *runningTask
	writes []state.Write
}

// drainIfDue begins to write committed changes to the databases, about once an
// interval, or when a store is short of memory.
func (w *worker) drainIfDue(now time.Time) (bool, error) {
	if w.drains.busy || !w.undrained {
		return false, nil
	}
	if now.Sub(w.drainedAt) < w.run.config.DrainInterval && !w.pressed() {
		return false, nil
	}
	return w.drain(now)
}

func (w *worker) drain(now time.Time) (bool, error) {
	w.undrained = false
	var d drain
	for _, rt := range w.tasks {
		if err := w.refreshEpochs(rt); err != nil {
			return false, err
		}
		if writes := rt.Drain(time.Now()); len(writes) > 0 {
			d.tasks = append(d.tasks, taskDrain{rt, writes})
		}
	}
	if len(d.tasks) == 0 {
		return false, nil
	}
	w.drainedAt = now
	w.drains.begin(d, applyDrain)
	return true, nil
}

// refreshEpochs notes the epoch under which the changelogs are being written,
// which positions bear.
func (w *worker) refreshEpochs(rt *runningTask) error {
	for i := range rt.Stores {
		s := &rt.Stores[i]
		if s.Emit == nil {
			continue
		}
		d, err := w.run.cluster.Topic(s.Changelog.Topic)
		if err != nil {
			return fmt.Errorf("task %s: %w", rt.ID, err)
		}
		s.Position.LeaderEpoch = max(d.Partitions[s.Changelog.Partition].LeaderEpoch, 0)
	}
	return nil
}

func applyDrain(d *drain) error {
	for _, t := range d.tasks {
		state.SortWrites(t.writes)
		if err := t.task.db.Apply(t.writes); err != nil {
			return fmt.Errorf("task %s: write stores: %w", t.task.ID, err)
		}
	}
	return nil
}

func (w *worker) settleDrain(r result[drain]) error {
	if r.err != nil {
		return r.err
	}
	for _, t := range r.job.tasks {
		t.task.Drained()
		t.task.publish(0)
	}
	return nil
}

func (w *worker) finishDrains(now time.Time) error {
	for {
		if r, ok := w.drains.wait(); ok {
			if err := w.settleDrain(r); err != nil {
				return err
			}
		}
		if drained, err := w.drain(now); err != nil || !drained {
			return err
		}
	}
}
