package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/log"
)

// A flight is a commit under way: what tasks did in the layer that was sealed.
type flight struct {
	commit    Commit
	tasks     []*runningTask
	positions []log.PartitionOffset // of inputs
	committed log.Committed
	took      time.Duration
}

// sealIfDue commits the tasks that did something, together, if their input ran
// dry, or the interval has passed, or much was gathered, or a store is short of
// memory, which only what is committed can give back. While a commit is in
// flight the next one waits.
func (w *worker) sealIfDue(ctx context.Context, now time.Time, dry bool) (bool, error) {
	if w.commits.busy {
		return false, nil
	}
	due := dry || now.Sub(w.sealedAt) >= w.run.config.CommitInterval ||
		w.committer.SizeBytes() >= w.run.config.BufferBytes
	if !due && (w.drains.busy || !w.pressed()) {
		return false, nil
	}
	return w.seal(ctx, now)
}

// pressed says that a store is short of memory.
func (w *worker) pressed() bool {
	for _, rt := range w.tasks {
		if rt.Pressure() {
			return true
		}
	}
	return false
}

// seal begins a commit if there is anything to commit.
func (w *worker) seal(ctx context.Context, now time.Time) (bool, error) {
	f := flight{}
	for _, rt := range w.tasks {
		if !rt.Dirty() {
			continue
		}
		err := rt.Seal(func(tp log.TopicPartition, o log.CommittedOffset) error {
			f.positions = append(f.positions, log.PartitionOffset{TopicPartition: tp, Offset: o.Offset})
			return w.committer.SetOffset(tp, o)
		})
		if err != nil {
			return false, err
		}
		f.tasks = append(f.tasks, rt)
	}
	w.sealedAt = now
	if len(f.tasks) == 0 {
		return false, nil
	}
	f.commit = w.committer.Seal()
	ctx = context.WithoutCancel(ctx) // a stop waits for it
	w.commits.begin(f, func(f *flight) (err error) {
		began := time.Now()
		f.committed, err = f.commit.Commit(ctx)
		f.took = time.Since(began)
		return err
	})
	return true, nil
}

// settle takes what the companions have finished.
func (w *worker) settle() (bool, error) {
	committed, a := w.commits.poll()
	if a {
		if err := w.settleCommit(committed); err != nil {
			return false, err
		}
	}
	drained, b := w.drains.poll()
	if b {
		if err := w.settleDrain(drained); err != nil {
			return false, err
		}
	}
	return a || b, nil
}

func (w *worker) settleCommit(r result[flight]) error {
	if errors.Is(r.err, log.ErrFenced) {
		return fmt.Errorf("application %q was started elsewhere and has taken over: %w", w.run.plan.topology.name, r.err)
	}
	if r.err != nil {
		return fmt.Errorf("commit: %w", r.err)
	}
	for _, rt := range r.job.tasks {
		rt.Committed(r.job.committed.Ends)
		rt.status.committed(r.job.took)
		rt.publish(0)
	}
	w.undrained = true
	w.run.progress.publish(r.job.positions)
	return nil
}
