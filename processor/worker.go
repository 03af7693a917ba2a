package processor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/log"
)

// sliceRecords is how many records a task processes at most before its worker
// looks at the time, at the commit in flight, and at the other tasks.
const sliceRecords = 1000

// A worker owns some tasks and does everything for them, one step after the
// other. Only two things happen beside it, each on a companion that takes one
// job at a time: a commit, and a write to the databases.
//
//	fetch ─▶ process a slice ─▶ seal ─▶ commit ┈┈▶ settle ─▶ drain ┈┈▶ settle
//	  ▲                                                               │
//	  └───────────────────────────────────────────────────────────────┘
//
// Nothing in it is locked. In a Stepper the companions are the caller itself,
// some steps later.
type worker struct {
	run       *run
	tasks     []*runningTask // downstream first
	consumer  Consumer
	committer Committer
	byInput   map[log.TopicPartition]*runningTask

	// shuffle puts tasks in another order at each step; nil for downstream
	// first.
	shuffle func(tasks []*runningTask)

	// slice is how many records a task processes at once, fewer than
	// sliceRecords where they take long.
	slice     int
	processed int         // in the last step
	stopping  atomic.Bool // no more slices, and an end to this one

	commits companion[flight]
	drains  companion[drain]

	mayFetch  bool // there may be something to fetch
	sealedAt  time.Time
	drainedAt time.Time
	undrained bool // a commit has happened since the last drain
}

// An assignment is a task that a worker is to run.
type assignment struct {
	id          TaskID
	subtopology *subtopology
	depth       int
	status      *taskStatus
}

// start makes the worker's tasks and assigns their inputs.
func (w *worker) start(ctx context.Context, assignments []assignment) error {
	for _, a := range assignments {
		rt, err := w.assemble(ctx, a)
		if err != nil {
			return errors.Join(err, rt.abandon())
		}
		w.tasks = append(w.tasks, rt)
	}
	slices.SortStableFunc(w.tasks, func(a, b *runningTask) int { return b.depth - a.depth })
	w.byInput = make(map[log.TopicPartition]*runningTask)
	for _, rt := range w.tasks {
		for _, in := range rt.Inputs {
			w.byInput[in.TopicPartition] = rt
			if err := w.consumer.Assign(in.TopicPartition, in.Position); err != nil {
				return fmt.Errorf("task %s: %w", rt.ID, err)
			}
		}
		rt.publish(0)
	}
	w.mayFetch = true
	return nil
}

// step does a bounded amount of work: what has finished beside the worker is
// settled, input fetched, a slice processed, and a commit or a drain begun
// that is due. It returns false if there was nothing to do.
func (w *worker) step(ctx context.Context, now time.Time) (progress bool, err error) {
	settled, err := w.settle()
	if err != nil {
		return false, err
	}
	fetched, err := w.fetch()
	if err != nil {
		return false, err
	}
	dry, err := w.process()
	if err != nil {
		return false, err
	}
	sealed, err := w.sealIfDue(ctx, now, dry && !fetched)
	if err != nil {
		return false, err
	}
	drained, err := w.drainIfDue(now)
	if err != nil {
		return false, err
	}
	return settled || fetched || w.processed > 0 || sealed || drained, nil
}

// process runs a slice of each ready task of the subtopology that is furthest
// downstream, so that little waits in repartition topics. It is dry if no task
// is ready, but not if the worker only waits for what is under way beside it to
// make room.
func (w *worker) process() (dry bool, err error) {
	w.processed = 0
	if !w.room() {
		return false, nil
	}
	tasks := w.tasks
	if w.shuffle != nil {
		w.shuffle(tasks)
	}
	for i, rt := range tasks {
		if w.processed > 0 && (w.shuffle != nil || rt.depth != tasks[i-1].depth) {
			break
		}
		ready, err := rt.Ready(w.partitionEnd)
		if err != nil {
			return false, err
		}
		if !ready {
			continue
		}
		n, err := rt.Process(w.slice)
		w.processed += n
		rt.publish(n)
		if err != nil {
			return false, err
		}
		if w.full() || w.stopping.Load() {
			break
		}
	}
	return w.processed == 0, nil
}

func (w *worker) partitionEnd(tp log.TopicPartition) (log.Offset, error) {
	_, end, err := w.run.cluster.Offsets(tp)
	return end, err
}
