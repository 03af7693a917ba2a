package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	if err := w.openStores(ctx, a, rt, env, &config); err != nil {
		return rt, err
	}
	wiring := &wiring{env: env, appender: w.committer.Topic, partitions: w.run.plan.partitions}
	takes, err := wiring.sourcesOf(a.subtopology)
	if err != nil {
		return rt, fmt.Errorf("task %s: %w", a.id, err)
	}
	for _, in := range w.run.plan.inputs(a.subtopology, a.id.Partition) {
		position, err := w.position(in.TopicPartition, clock)
		if err != nil {
			return rt, fmt.Errorf("task %s: %w", a.id, err)
		}
		config.Inputs = append(config.Inputs, task.Input{TopicPartition: in.TopicPartition, Position: position, Take: takes[in.source]})
	}
	rt.operators = wiring.inOrder()
	config.Flush = func() error { return flush(env, rt.operators) }
	config.Operator = env.operator
	config.Failed = func() error { return env.err }
	rt.Task = task.New(config)
	rt.paused = make([]bool, len(config.Inputs))
	for _, o := range rt.operators {
		if err := guard(o.init); err != nil {
			return rt, fmt.Errorf("task %s: init operator %s: %w", a.id, o.node.name, err)
		}
	}
	return rt, nil
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

func (w *worker) openStores(ctx context.Context, a assignment, rt *runningTask, env *env, config *task.Config) error {
	if len(a.subtopology.stores) == 0 {
		return nil
	}
	began := time.Now()
	positions, err := w.restoreTask(ctx, a, rt)
	if errors.Is(err, task.ErrStale) || errors.Is(err, state.ErrCorrupt) {
		w.run.config.Logger.Warn("rebuild stores", "task", a.id.String(), "err", err)
		positions, err = w.rebuildTask(ctx, a, rt)
	}
	if err != nil {
		return fmt.Errorf("task %s: %w", a.id, err)
	}
	a.status.restoreNanos.Store(int64(time.Since(began)))
	if n := a.status.restoredRecords.Load(); n > 0 {
		w.run.config.Logger.Info("restored stores", "task", a.id.String(),
			"records", n, "bytes", a.status.restoredBytes.Load(), "took", time.Since(began))
	}
	config.DB = rt.db
	for i, spec := range a.subtopology.stores {
		overlay := spec.open(rt.db, w.run.cacheBytes, w.run.config.ForwardEveryUpdate)
		env.stores[spec.name] = overlay
		s := task.Store{Store: overlay, Position: positions[i]}
		if spec.changelog != "" {
			s.Changelog = log.TopicPartition{Topic: spec.changelog, Partition: a.id.Partition}
			if s.Emit, err = w.emit(s.Changelog); err != nil {
				return fmt.Errorf("task %s: store %s: %w", a.id, spec.name, err)
			}
		}
		config.Stores = append(config.Stores, s)
	}
	return nil
}

// emit returns what appends a store's changes to its changelog.
func (w *worker) emit(changelog log.TopicPartition) (func(key, value []byte, timestampMillis int64) error, error) {
	appender, err := w.committer.Topic(changelog.Topic)
	if err != nil {
		return nil, err
	}
	var record log.Record
	return func(key, value []byte, timestampMillis int64) error {
		record.Key, record.Value, record.TimestampMillis = key, value, timestampMillis
		return appender.Append(changelog.Partition, &record)
	}, nil
}

// rebuildTask throws a task's database away and restores it from the start.
func (w *worker) rebuildTask(ctx context.Context, a assignment, rt *runningTask) ([]state.Position, error) {
	if rt.db != nil {
		if err := rt.db.Close(); err != nil {
			w.run.config.Logger.Debug("close a database that is thrown away", "task", a.id.String(), "err", err)
		}
		rt.db = nil
	}
	if err := w.run.engine.Remove(a.id.String()); err != nil {
		return nil, err
	}
	return w.restoreTask(ctx, a, rt)
}

// restoreTask opens a task's database and brings its stores to the ends of
// their changelogs.
func (w *worker) restoreTask(ctx context.Context, a assignment, rt *runningTask) ([]state.Position, error) {
	db, err := w.run.engine.Open(a.id.String())
	if err != nil {
		return nil, err
	}
	rt.db = db
	positions := make([]state.Position, len(a.subtopology.stores))
	for i, spec := range a.subtopology.stores {
		if spec.changelog == "" {
			continue
		}
		c, err := w.changelog(log.TopicPartition{Topic: spec.changelog, Partition: a.id.Partition})
		if err != nil {
			return nil, err
		}
		from, err := task.PositionOf(db, spec.name, c)
		if err != nil {
			return nil, err
		}
		p, counts, err := task.Restore(ctx, db, spec.name, c, from, w.consumer)
		a.status.restored(counts)
		if err != nil {
			return nil, err
		}
		positions[i] = p
	}
	return positions, nil
}

func (w *worker) changelog(tp log.TopicPartition) (task.Changelog, error) {
	d, err := w.run.cluster.Topic(tp.Topic)
	if err != nil {
		return task.Changelog{}, err
	}
	p := d.Partitions[tp.Partition]
	return task.Changelog{
		TopicPartition: tp, TopicID: d.ID, Start: p.Start, End: p.End, LeaderEpoch: p.LeaderEpoch,
		EpochEnd: func(epoch int32) (log.Offset, error) { return w.run.cluster.EpochEnd(tp, epoch) },
	}, nil
}
