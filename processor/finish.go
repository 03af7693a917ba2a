package processor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/freshet/freshet/state"
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

// end closes the worker's tasks after a clean end (err is nil) or a failure,
// and returns what went wrong in all.
func (w *worker) end(assignments []assignment, err error) error {
	err = errors.Join(err, w.close(err == nil))
	if errors.Is(err, state.ErrCorrupt) {
		err = errors.Join(err, w.run.removeDatabases(assignments))
	}
	return err
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
	w.consumer.Close()
	return errors.Join(errs...)
}

// removeDatabases throws away what one of a worker's databases made doubtful;
// the next start restores it from the changelogs.
func (r *run) removeDatabases(assignments []assignment) error {
	var errs []error
	for _, a := range assignments {
		if len(a.subtopology.stores) == 0 {
			continue
		}
		r.config.Logger.Warn("remove a database that the next start rebuilds", "task", a.id.String())
		errs = append(errs, r.engine.Remove(a.id.String()))
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
