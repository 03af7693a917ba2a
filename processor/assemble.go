package processor

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor/internal/task"
	"github.com/freshet/freshet/state"
)

// A runningTask is a task with what its worker keeps beside it.
type runningTask struct {
	*task.Task
	depth     int // place of its subtopology, upstream first
	env       *env
	operators []operator
	db        state.DB
	paused    []bool // inputs that are not assigned to the consumer
	status    *taskStatus
}

// assemble makes a task: positions from the group, stores from their databases
// and changelogs, operators from the topology.
func (w *worker) assemble(ctx context.Context, a assignment) (*runningTask, error) {
	rt := &runningTask{depth: a.depth, status: a.status}
	clock := task.NewStreamTime()
	config := task.Config{ID: a.id, Clock: clock}
	env := &env{
		id: a.id, nodes: w.run.plan.topology.nodes, clock: clock, offset: noOffset,
		stores: make(map[string]any), everyUpdate: w.run.config.ForwardEveryUpdate,
	}
	rt.env = env
	positions, err := w.openStores(ctx, a, rt)
	if err != nil {
		return rt, err
	}
	takes, err := w.wire(a, rt)
	if err != nil {
		return rt, err
	}
	if config.Stores, err = w.makeStores(a, rt, positions); err != nil {
		return rt, err
	}
	for _, in := range w.run.plan.inputs(a.subtopology, a.id.Partition) {
		position, err := w.position(in.TopicPartition, clock)
		if err != nil {
			return rt, fmt.Errorf("task %s: %w", a.id, err)
		}
		config.Inputs = append(config.Inputs, task.Input{TopicPartition: in.TopicPartition, Position: position, Take: takes[in.source]})
	}
	config.Flush = func() error { return flush(env, rt.operators) }
	config.Operator = env.operator
	config.Failed = func() error { return env.err }
	config.Enough = func() bool { return w.enough(env) }
	rt.Task = task.New(config)
	rt.paused = make([]bool, len(config.Inputs))
	for _, o := range rt.operators {
		if err := guard(o.init); err != nil {
			return rt, fmt.Errorf("task %s: init operator %s: %w", a.id, o.node.name, err)
		}
	}
	return rt, nil
}

// wire makes the task's operators and returns what takes the records of each
// source. The user's functions that make them may panic.
func (w *worker) wire(a assignment, rt *runningTask) (takes []func(*log.Record) error, err error) {
	wiring := &wiring{env: rt.env, appender: w.committer.Topic, partitions: w.run.plan.partitions}
	err = guard(func() error {
		takes, err = wiring.sourcesOf(a.subtopology)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("task %s: make operators: %w", a.id, err)
	}
	rt.operators = wiring.inOrder()
	return takes, nil
}

// position returns where a partition is to be read from: where the group got,
// or its start.
func (w *worker) position(tp log.TopicPartition, clock *task.StreamTime) (log.Offset, error) {
	start, _, err := w.run.cluster.Offsets(tp)
	if err != nil {
		return 0, err
	}
	committed, ok, err := w.run.member.Committed(tp)
	if err != nil || !ok {
		return start, err
	}
	return committed.Offset, clock.ObserveMetadata(committed.Metadata)
}

func flush(e *env, operators []operator) error {
	e.topic, e.offset = "", noOffset
	for _, o := range operators {
		if o.flush == nil {
			continue
		}
		e.at = o.node.index
		if err := o.flush(); err != nil {
			return err
		}
	}
	return nil
}
