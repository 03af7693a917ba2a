package processor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/state"
)

// A run is a topology at work on a cluster: what its workers share.
type run struct {
	config      Config
	cluster     Cluster
	plan        *plan
	member      Member
	engine      state.Engine
	place       io.Closer // of engine; nil if that is the user's
	cacheBytes  int64     // of one store of one task
	assignments []assignment
	progress    *progress

	starting atomic.Int32  // workers that have not restored their tasks yet
	restored chan struct{} // closed when there is none left
}

// An engineer is a Cluster that has a place for databases. The embedded log
// is one.
type engineer interface {
	// stateEngine returns the engine, and what gives its place up.
	stateEngine(application string) (state.Engine, io.Closer, error)
}

var errNoEngine = errors.New("no place for the stores' databases (set Config.Engine)")

// prepare readies the cluster for the topology and takes the group over.
func prepare(ctx context.Context, t *Topology, cluster Cluster, config Config) (*run, error) {
	p, err := makePlan(t, cluster)
	if err != nil {
		return nil, err
	}
	r := &run{config: config, cluster: cluster, plan: p, engine: config.Engine, progress: newProgress(), restored: make(chan struct{})}
	if len(t.stores) > 0 && r.engine == nil {
		e, ok := cluster.(engineer)
		if !ok {
			return nil, errNoEngine
		}
		if r.engine, r.place, err = e.stateEngine(t.name); err != nil {
			return nil, err
		}
	}
	if err := r.takeOver(ctx); err != nil {
		return nil, errors.Join(err, r.end())
	}
	return r, nil
}

// takeOver makes this run the owner of the application's group.
func (r *run) takeOver(ctx context.Context) (err error) {
	if err := r.plan.checkContract(ctx, r.cluster, r.config.AcceptChanges); err != nil {
		return err
	}
	name := r.plan.topology.name
	if r.member, err = r.cluster.Join(name); err != nil {
		return fmt.Errorf("join group %s: %w", name, err)
	}
	r.assign()
	return r.readProgress()
}

// end follows the last worker.
func (r *run) end() error {
	if r.place == nil {
		return nil
	}
	return r.place.Close()
}

// assign lists the tasks by subtopology, then partition.
func (r *run) assign() {
	depths := make(map[*subtopology]int)
	for depth, s := range r.plan.order {
		depths[s] = depth
	}
	stores := int64(0)
	for _, s := range r.plan.topology.subtopologies {
		for partition := range r.plan.tasks[s] {
			status := &taskStatus{id: TaskID{Subtopology: s.index, Partition: partition}}
			for _, in := range r.plan.inputs(s, partition) {
				status.inputs = append(status.inputs, in.TopicPartition)
			}
			status.positions = newPositions(len(status.inputs))
			r.assignments = append(r.assignments, assignment{id: status.id, subtopology: s, depth: depths[s], status: status})
			stores += int64(len(s.stores))
		}
	}
	r.cacheBytes = max(r.config.CacheBytes/max(stores, 1), 1)
}

// readProgress notes what the group had committed before.
func (r *run) readProgress() error {
	var positions []log.PartitionOffset
	for _, a := range r.assignments {
		for _, tp := range a.status.inputs {
			o, ok, err := r.member.Committed(tp)
			if err != nil {
				return fmt.Errorf("committed offset of %s: %w", tp, err)
			}
			if ok {
				positions = append(positions, log.PartitionOffset{TopicPartition: tp, Offset: o.Offset})
			}
		}
	}
	r.progress.publish(positions)
	return nil
}

// share gives the tasks to at most n workers, in turn, so that each gets its
// part of every subtopology.
func (r *run) share(n int) [][]assignment {
	shares := make([][]assignment, min(n, len(r.assignments)))
	for i, a := range r.assignments {
		shares[i%len(shares)] = append(shares[i%len(shares)], a)
	}
	return shares
}

// newWorker returns a worker without tasks. spawn runs the jobs of its
// companions, or late says how long they take.
func (r *run) newWorker(spawn func(run func()), late func() bool) (*worker, error) {
	consumer, err := r.cluster.NewConsumer()
	if err != nil {
		return nil, err
	}
	committer, err := r.member.NewCommitter()
	if err != nil {
		consumer.Close()
		return nil, err
	}
	return &worker{
		run: r, consumer: consumer, committer: committer, slice: sliceRecords,
		commits: newCompanion[flight](spawn, late), drains: newCompanion[drain](spawn, late),
	}, nil
}

// drained waits for the inputs subtopology by subtopology. The ends of the
// user's topics are those of the call; those of a repartition topic are known
// when everything upstream is done.
func (r *run) drained(ctx context.Context) error {
	if err := waitFor(ctx, r.restored); err != nil {
		return err
	}
	ends := make(map[log.TopicPartition]log.Offset)
	for _, a := range r.assignments {
		for _, in := range r.plan.inputs(a.subtopology, a.id.Partition) {
			if a.subtopology.sources[in.source].topic.repartition {
				continue
			}
			_, end, err := r.cluster.Offsets(in.TopicPartition)
			if err != nil {
				return fmt.Errorf("wait for %s: %w", in.TopicPartition, err)
			}
			ends[in.TopicPartition] = end
		}
	}
	for depth := range r.plan.order {
		for _, a := range r.assignments {
			if a.depth != depth {
				continue
			}
			if err := r.drainedTask(ctx, a, ends); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) drainedTask(ctx context.Context, a assignment, ends map[log.TopicPartition]log.Offset) error {
	for _, tp := range a.status.inputs {
		end, known := ends[tp]
		if !known {
			var err error
			if _, end, err = r.cluster.Offsets(tp); err != nil {
				return fmt.Errorf("wait for %s: %w", tp, err)
			}
		}
		if err := r.progress.wait(ctx, tp, end); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) metrics() Metrics {
	var m Metrics
	for _, a := range r.assignments {
		m.Tasks = append(m.Tasks, a.status.metrics(r.cluster))
	}
	return m
}
