package processor

// A companion does one job at a time beside a worker, which goes on meanwhile.
// The worker owns it; only the job itself runs elsewhere.
type companion[T any] struct {
	busy bool
	done chan result[T]
	// spawn runs a job: on a goroutine, or, in a Stepper, at once.
	spawn func(job func())
}

type result[T any] struct {
	job T
	err error
}

func newCompanion[T any](spawn func(job func())) companion[T] {
	return companion[T]{done: make(chan result[T], 1), spawn: spawn}
}

// begin starts a job. The companion must not be busy.
func (c *companion[T]) begin(job T, work func(*T) error) {
	c.busy = true
	c.spawn(func() {
		err := work(&job)
		c.done <- result[T]{job: job, err: err} // never waits: one job, one place
	})
}

// poll returns the result of a finished job, if there is one.
func (c *companion[T]) poll() (result[T], bool) {
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
	r := <-c.done
	c.busy = false
	return r, true
}
