package processor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// finish is a clean end: everything processed is committed and in the
// databases.
func (w *worker) finish(ctx context.Context, now time.Time) error {
	for {
		if r, ok := w.commits.wait(); ok {
			if err := w.settleCommit(r); err != nil {
				return err
			}
		}
		if sealed, err := w.seal(ctx, now); err != nil || !sealed {
			return errors.Join(err, w.finishDrains(now))
		}
	}
}

// quiesce waits for what is under way beside the worker and forgets it.
func (w *worker) quiesce() {
	w.commits.wait()
	w.drains.wait()
}

// close ends the tasks: of a clean end the processors, always the databases.
func (w *worker) close(clean bool) error {
	var errs []error
	for _, rt := range w.tasks {
		if clean {
			errs = append(errs, rt.closeOperators())
		}
		errs = append(errs, rt.abandon())
	}
	w.tasks = nil
	if w.consumer != nil {
		w.consumer.Close()
	}
	return errors.Join(errs...)
}

func (rt *runningTask) closeOperators() error {
	var errs []error
	for _, o := range rt.operators {
		if err := guard(o.close); err != nil {
			errs = append(errs, fmt.Errorf("task %s: close operator %s: %w", rt.ID, o.node.name, err))
		}
	}
	return errors.Join(errs...)
}

// abandon closes the database; the processors hear nothing.
func (rt *runningTask) abandon() error {
	if rt.db == nil {
		return nil
	}
	if err := rt.db.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// guard runs user code outside the processing of records; a panic becomes an
// error.
func guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return call()
}

// joinClose closes a worker that failed.
func joinClose(err error, w *worker) error { return errors.Join(err, w.close(false)) }
