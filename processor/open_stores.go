package processor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor/internal/task"
	"github.com/freshet/freshet/state"
)

// openStores opens what a task remembers: its database, brought up to the
// changelogs. It returns how far into them each store has got.
func (w *worker) openStores(ctx context.Context, a assignment, rt *runningTask) ([]state.Position, error) {
	if len(a.subtopology.stores) == 0 {
		return nil, nil
	}
	began := time.Now()
	positions, err := w.restoreTask(ctx, a, rt)
	if errors.Is(err, task.ErrStale) || errors.Is(err, state.ErrCorrupt) {
		w.run.config.Logger.Warn("rebuild stores", "task", a.id.String(), "err", err)
		positions, err = w.rebuildTask(ctx, a, rt)
	}
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", a.id, err)
	}
	a.status.restoreNanos.Store(int64(time.Since(began)))
	if n := a.status.restoredRecords.Load(); n > 0 {
		w.run.config.Logger.Info("restored stores", "task", a.id.String(),
			"records", n, "bytes", a.status.restoredBytes.Load(), "took", time.Since(began))
	}
	return positions, nil
}

// makeStores returns the stores of a task, which its operators find in env.
func (w *worker) makeStores(a assignment, rt *runningTask, positions []state.Position) ([]task.Store, error) {
	var stores []task.Store
	for i, spec := range a.subtopology.stores {
		everyUpdate := w.run.config.ForwardEveryUpdate || !flushed(spec, rt.operators)
		overlay := spec.open(rt.db, w.run.cacheBytes, everyUpdate)
		rt.env.stores[spec.name] = overlay
		s := task.Store{Store: overlay, Position: positions[i]}
		if spec.changelog != "" {
			s.Changelog = log.TopicPartition{Topic: spec.changelog, Partition: a.id.Partition}
			var err error
			if s.Emit, err = w.emit(s.Changelog); err != nil {
				return nil, fmt.Errorf("task %s: store %s: %w", a.id, spec.name, err)
			}
		}
		stores = append(stores, s)
	}
	return stores, nil
}

// flushed says that one of a store's users is a [Flusher]. Updates of other
// stores are held for nobody, and must not be kept until somebody asks.
func flushed(spec *storeSpec, operators []operator) bool {
	return slices.ContainsFunc(operators, func(o operator) bool {
		return o.flush != nil && slices.Contains(o.node.stores, spec)
	})
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
		Now: time.Now(), DeleteRetention: deleteRetention(&d.Config),
		EpochEnd: func(epoch int32) (log.Offset, error) { return w.run.cluster.EpochEnd(tp, epoch) },
	}, nil
}

// deleteRetention is how long a changelog keeps tombstones; negative where it is
// not compacted. A cluster that does not tell has Kafka's default.
func deleteRetention(c *log.TopicConfig) time.Duration {
	switch c.CleanupPolicy {
	case log.CleanupDelete:
		return -1
	case "":
		return log.DefaultDeleteRetention
	}
	return c.DeleteRetention
}
