package processor

// A companion does one job at a time beside a worker, which goes on meanwhile.
// The worker owns it; only the job itself runs elsewhere.
type companion[T any] struct {
	busy  bool
	done  chan result[T]
	spawn func(run func()) // on a goroutine

	// In a Stepper late, which is nil elsewhere, says that the job takes longer
	// still; run is what there is to do.
	late func() bool
	run  func()
}

type result[T any] struct {
	job T
	err error
}

func newCompanion[T any](spawn func(run func()), late func() bool) companion[T] {
	return companion[T]{done: make(chan result[T], 1), spawn: spawn, late: late}
}

// begin starts a job. The companion must not be busy.
func (c *companion[T]) begin(job T, work func(*T) error) {
	c.busy = true
	run := func() {
		err := work(&job)
		c.done <- result[T]{job: job, err: err} // never waits: one job, one place
	}
	if c.late != nil {
		c.run = run
		return
	}
	c.spawn(run)
}

// runLate does the job in a Stepper.
func (c *companion[T]) runLate() {
	if c.run != nil {
		c.run()
		c.run = nil
	}
}

// poll returns the result of a finished job, if there is one.
func (c *companion[T]) poll() (result[T], bool) {
	if c.run != nil && !c.late() {
		c.runLate()
	}
	select {
	case r := <-c.done:
		c.busy = false
		return r, true
	default:
		return result[T]{}, false
	}
}

// wait returns the result of the job under way, if there is one.
func (c *companion[T]) wait() (result[T], bool) {
	if !c.busy {
		return result[T]{}, false
	}
	c.runLate()
	r := <-c.done
	c.busy = false
	return r, true
}
