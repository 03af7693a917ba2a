package processortest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// A Driver runs one topology.
type Driver struct {
	t        TB
	topology *processor.Topology
	config   Config
	now      time.Time
	files    *vfs.Mem
	broker   *log.Broker
	producer *log.Producer
	stepper  *processor.Stepper
	read     map[log.TopicPartition]log.Offset // up to here, by Read
}

// New starts a topology on an empty log, on which its topics are made. What
// goes wrong, here and later, ends t; the Driver is closed when t is over. In
// an example, which has no t, pass nil: what goes wrong panics, and Close is
// the caller's.
func New(t TB, topology *processor.Topology, config Config) *Driver {
	if t == nil {
		t = panics{}
	}
	t.Helper()
	config = config.withDefaults()
	d := &Driver{
		t: t, topology: topology, config: config,
		now: config.Start, files: vfs.NewMem(),
		read: make(map[log.TopicPartition]log.Offset),
	}
	d.config.Log.Now = d.Now
	if topology == nil {
		t.Fatalf("processortest: no topology (Build returned an error?)")
	}
	d.start()
	t.Cleanup(d.Close)
	return d
}

type panics struct{}

func (panics) Helper()                           {}
func (panics) Cleanup(func())                    {}
func (panics) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// start opens what the files hold.
func (d *Driver) start() {
	d.t.Helper()
	broker, err := log.OpenFS(d.files, d.config.Log)
	d.must("open the log", err)
	d.broker, d.producer = broker, broker.NewProducer()
	for name, partitions := range d.topology.UserTopics() {
		if partitions == 0 {
			partitions = d.config.Partitions
		}
		_, err := broker.CreateTopic(name, log.TopicConfig{Partitions: partitions})
		if !errors.Is(err, log.ErrTopicExists) {
			d.must("create topic", err)
		}
	}
	d.stepper, err = processor.NewStepper(context.Background(), d.topology, processor.OnLog(broker), d.config.Runtime, d.config.Seed)
	d.must("start", err)
}

func (d *Driver) must(what string, err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatalf("processortest: %s: %v", what, err)
	}
}

// Now returns the time of the Driver's clock, which only Advance moves.
func (d *Driver) Now() time.Time { return d.now }

// Step lets the runtime do a bounded amount of work: at most a slice of one
// task's input, a commit, a write of stores. It returns false if there was
// nothing to do.
func (d *Driver) Step() bool {
	d.t.Helper()
	progress, err := d.stepper.Step(context.Background(), d.now)
	d.must("step", err)
	return progress
}

// maxSteps is more than a test has patience for: a topology that feeds itself
// is never idle.
const maxSteps = 1_000_000

// TryRun steps until there is nothing to do and everything is committed, or
// something fails. After an error only Crash and Close are left.
func (d *Driver) TryRun() error {
	for range maxSteps {
		progress, err := d.stepper.Step(context.Background(), d.now)
		if err != nil || !progress {
			return err
		}
	}
	return fmt.Errorf("not idle after %d steps (does the topology read what it writes?)", maxSteps)
}

// Run is TryRun for topologies that should not fail.
func (d *Driver) Run() {
	d.t.Helper()
	d.must("run", d.TryRun())
}

// Advance runs what there is, moves the clock, and runs what has become due.
func (d *Driver) Advance(by time.Duration) {
	d.t.Helper()
	d.Run()
	d.now = d.now.Add(by)
	d.Run()
}

// Metrics tells what the runtime has done since it was last started.
func (d *Driver) Metrics() processor.Metrics { return d.stepper.Metrics() }

// Restart stops the runtime and the log cleanly and starts them again.
func (d *Driver) Restart() {
	d.t.Helper()
	d.must("stop", d.stepper.Close(context.Background(), d.now))
	d.must("close the log", d.broker.Close())
	d.start()
}

// Crash ends the runtime and the log as kill -9 does, and starts them again. If
// Config has an Engine, its databases stay as they are.
func (d *Driver) Crash() {
	d.t.Helper()
	left := d.files.KillProcess()
	d.end()
	d.files = left
	d.start()
}

// Close ends without ceremony what uncommitted work there is.
func (d *Driver) Close() {
	d.t.Helper()
	d.end()
}

// end stops what runs. What it still writes is lost with its files, or of no
// more interest.
func (d *Driver) end() {
	d.t.Helper()
	if d.stepper != nil {
		d.must("kill", d.stepper.Kill())
		d.stepper = nil
	}
	if d.broker != nil {
		d.must("close the log", d.broker.Close())
		d.broker = nil
	}
}
