package processor

import (
	"context"
	"errors"
	"sync"
	"time"
)

// work runs the workers until ctx ends or one of them fails, which ends the
// others.
func (r *run) work(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		workers sync.WaitGroup
		failed  sync.Once
		first   error
	)
	shares := r.share(r.config.Workers)
	r.config.Logger.Info("run", "application", r.plan.topology.name, "tasks", len(r.assignments), "workers", len(shares))
	r.starting.Store(int32(len(shares)))
	for _, assignments := range shares {
		workers.Go(func() {
			err := r.workOn(ctx, assignments)
			if err == nil {
				return
			}
			failed.Do(func() {
				first = err
				err = nil
				stop()
			})
			if err != nil {
				r.config.Logger.Error("worker failed after another one", "err", err)
			}
		})
	}
	workers.Wait()
	return first
}

// workOn is the life of one worker.
func (r *run) workOn(ctx context.Context, assignments []assignment) error {
	var beside sync.WaitGroup
	w, err := r.newWorker(beside.Go, nil)
	if err != nil {
		return err
	}
	err = w.start(ctx, assignments)
	if err == nil {
		if r.starting.Add(-1) == 0 {
			close(r.restored)
		}
		err = w.loop(ctx)
	} else if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // stopped while restoring
	}
	if err == nil {
		err = w.finish(ctx, time.Now())
	}
	w.quiesce()
	beside.Wait()
	return w.end(assignments, err)
}

// loop steps until ctx ends. With nothing to do it waits for input, a
// companion, or the time of the next drain.
func (w *worker) loop(ctx context.Context) error {
	timer := time.NewTimer(w.run.config.DrainInterval)
	defer timer.Stop()
	defer context.AfterFunc(ctx, func() { w.stopping.Store(true) })()
	w.slice = firstSliceRecords
	for ctx.Err() == nil {
		now := time.Now()
		progress, err := w.step(ctx, now)
		if err != nil {
			return err
		}
		if progress {
			w.pace(time.Since(now))
			continue
		}
		var drainTime <-chan time.Time
		if w.undrained && !w.drains.busy {
			timer.Reset(w.drainedAt.Add(w.run.config.DrainInterval).Sub(now))
			drainTime = timer.C
		}
		select {
		case <-ctx.Done():
		case <-w.consumer.Ready():
			w.mayFetch = true
		case r := <-w.commits.done:
			w.commits.busy = false
			err = w.settleCommit(r)
		case r := <-w.drains.done:
			w.drains.busy = false
			err = w.settleDrain(r)
		case <-drainTime:
		}
		if err != nil {
			return err
		}
	}
	return nil
}
