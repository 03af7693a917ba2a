package processor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/freshet/freshet/state"
)

// A Stepper is an App run by hand: on the caller's goroutine and clock, all
// tasks by one worker, in an order drawn from a seed, which also says for how
// many steps a commit or a write of stores is under way. Tests are built on it;
// see package processortest.
type Stepper struct {
	run    *run
	worker *worker
	failed error // of a Step
}

// NewStepper readies the cluster for the topology and restores the stores, as
// App.Run does. It does not close the cluster. Equal seeds step equally.
func NewStepper(ctx context.Context, topology *Topology, cluster Cluster, config Config, seed uint64) (*Stepper, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r, err := prepare(ctx, topology, cluster, config)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", topology.name, err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	w, err := r.newWorker(nil, func() bool { return rng.IntN(4) > 0 })
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", topology.name, errors.Join(err, r.end()))
	}
	w.shuffle = func(tasks []*runningTask) {
		rng.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
	}
	s := &Stepper{run: r, worker: w}
	if err := w.start(ctx, r.assignments); err != nil {
		return nil, fmt.Errorf("run %s: %w", topology.name, errors.Join(w.end(r.assignments, err), r.end()))
	}
	return s, nil
}

// Step does a bounded amount of work as of now: at most a slice of one task,
// and a commit if one is due. It returns false if there was nothing to do.
// After an error only Kill is left.
func (s *Stepper) Step(ctx context.Context, now time.Time) (progress bool, err error) {
	w := s.worker
	progress, s.failed = w.step(ctx, now)
	return progress || w.commits.busy || w.drains.busy, s.failed
}

// Close ends cleanly: what was processed is committed and the stores are
// written to their databases.
func (s *Stepper) Close(ctx context.Context, now time.Time) error {
	err := s.worker.end(s.run.assignments, s.worker.finish(ctx, now))
	return errors.Join(err, s.run.end())
}

// Kill ends as a crash does: what is not committed never happened, and what is
// not in the databases has to be restored.
func (s *Stepper) Kill() error {
	s.worker.quiesce()
	err := s.worker.close(false)
	if errors.Is(s.failed, state.ErrCorrupt) {
		err = errors.Join(err, s.run.removeDatabases(s.run.assignments))
	}
	return errors.Join(err, s.run.end())
}

// Tasks returns the tasks by subtopology, then partition.
func (s *Stepper) Tasks() []TaskID {
	ids := make([]TaskID, len(s.run.assignments))
	for i, a := range s.run.assignments {
		ids[i] = a.id
	}
	return ids
}

// Metrics tells what was done so far.
func (s *Stepper) Metrics() Metrics { return s.run.metrics() }

// StoreAt returns a store of the task that has a partition, as it stands. It
// is valid until the next Step.
func StoreAt[K, V any](s *Stepper, name string, partition int32) (*state.Overlay[K, V], error) {
	for _, rt := range s.worker.tasks {
		store, ok := rt.env.stores[name]
		if !ok || rt.ID.Partition != partition {
			continue
		}
		overlay, ok := store.(*state.Overlay[K, V])
		if !ok {
			return nil, fmt.Errorf("store %q is a %T, not a store of %s to %s", name, store, typeName[K](), typeName[V]())
		}
		return overlay, nil
	}
	return nil, fmt.Errorf("no task with partition %d has a store %q", partition, name)
}
