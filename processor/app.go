package processor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/freshet/freshet/processor/internal/task"
)

// ErrStarted is returned by the second Run of an App.
var ErrStarted = errors.New("the App was run already (make a new one)")

// ErrEnded is returned to those who wait for an App that does not run any
// more.
var ErrEnded = errors.New("the App has ended")

// A RecordError says which record could not be processed, and where.
type RecordError = task.RecordError

// An App runs a topology. Run is called once; the other methods by any
// goroutine.
type App struct {
	topology *Topology
	where    Where
	config   Config
	started  atomic.Bool
	run      atomic.Pointer[run]
	running  chan struct{} // closed when run is set
	ended    chan struct{} // closed when Run returns
}

// New returns an App that has yet to be run.
func New(topology *Topology, where Where, config Config) (*App, error) {
	config, err := config.withDefaults()
	if topology == nil {
		err = errors.Join(err, errors.New("no topology (Build returned an error?)"))
	}
	if where == nil {
		err = errors.Join(err, errors.New("no log to run on (OnDir and OnLog give one)"))
	}
	if err != nil {
		return nil, err
	}
	return &App{
		topology: topology, where: where, config: config,
		running: make(chan struct{}), ended: make(chan struct{}),
	}, nil
}

// Run creates what topics are missing, restores the stores, and processes
// records until ctx ends or something fails. It returns after its last
// goroutine.
//
// When ctx ends, what was processed is committed and the stores are written to
// their databases; a stop that went so returns nil.
func (a *App) Run(ctx context.Context) (err error) {
	if !a.started.CompareAndSwap(false, true) {
		return ErrStarted
	}
	defer close(a.ended)
	cluster, err := a.where.Open()
	if err != nil {
		return fmt.Errorf("run %s: %w", a.topology.name, err)
	}
	if c, ok := cluster.(io.Closer); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	r, err := prepare(ctx, a.topology, cluster, a.config)
	if err != nil {
		return fmt.Errorf("run %s: %w", a.topology.name, err)
	}
	a.run.Store(r)
	close(a.running)
	if err := errors.Join(r.work(ctx), r.end()); err != nil {
		return fmt.Errorf("run %s: %w", a.topology.name, err)
	}
	return nil
}

// Drained waits until the stores are restored and every record that was in the
// source topics at the call, and all that follows from it through repartition
// topics, is processed and committed. It returns ErrEnded if the App ends
// before.
func (a *App) Drained(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-a.ended:
			cancel(ErrEnded)
		case <-stop:
		}
	})
	defer watch.Wait()
	defer close(stop)
	if err := waitFor(ctx, a.running); err != nil {
		return err
	}
	return a.run.Load().drained(ctx)
}

// waitFor waits for c to be closed. If it is, the end of ctx does not matter.
func waitFor(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	default:
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Metrics tells what the App has done so far.
func (a *App) Metrics() Metrics {
	r := a.run.Load()
	if r == nil {
		return Metrics{}
	}
	return r.metrics()
}
