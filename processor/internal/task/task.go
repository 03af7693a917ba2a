package task

import (
	"fmt"
	"runtime/debug"

	"github.com/freshet/freshet/log"
)

// A Config is what a task is made of.
type Config struct {
	ID     ID
	Clock  *StreamTime
	Inputs []Input // in the order of topics, which breaks ties of timestamps
	Stores []Store

	// Flush makes the operators forward what they hold back.
	Flush func() error
	// Operator names the operator at work.
	Operator func() string
	// Failed returns the error of a record that an operator noted, also one
	// that its parent then dropped.
	Failed func() error
	// Enough says that no more is to be processed before the worker has had a
	// look. It is asked after every record.
	Enough func() bool
}

// An Input is one partition that a task reads.
type Input struct {
	TopicPartition log.TopicPartition
	Position       log.Offset // of the first record to be read
	Take           func(*log.Record) error
}

// A Task is owned by one worker goroutine.
type Task struct {
	Config
	group   partitionGroup
	current *recordQueue // of the record being processed
	touched bool         // records were processed since the last Seal

	draining bool // the database is being written
}

// New returns a task that has yet to be fed.
func New(config Config) *Task {
	t := &Task{Config: config}
	for _, in := range config.Inputs {
		t.group.queues = append(t.group.queues, &recordQueue{input: in, sealed: in.Position, fetched: in.Position})
	}
	return t
}

// Add takes what was fetched of one of the task's partitions.
func (t *Task) Add(f log.Fetch) error {
	q := t.group.of(f.TopicPartition)
	if q == nil {
		return fmt.Errorf("task %s: fetched %s, which it does not read", t.ID, f.TopicPartition)
	}
	return q.add(f)
}

// Hungry says that an input has nothing left to process.
func (t *Task) Hungry() bool {
	for _, q := range t.group.queues {
		if !q.hasHead {
			return true
		}
	}
	return false
}

// Full says that enough of an input waits, so that no more should be fetched
// of it.
func (t *Task) Full(input int) bool { return t.group.queues[input].full() }

// Fetched returns the offset after what was fetched of an input.
func (t *Task) Fetched(input int) log.Offset { return t.group.queues[input].fetched }

// Position returns the offset of the next record of an input to be processed.
func (t *Task) Position(input int) log.Offset { return t.group.queues[input].position() }

// Ready says that there is a record to process, and that no input is empty
// only because its records have not been fetched yet: those could be older.
// end returns the end of a partition; it is asked only if there is a doubt.
func (t *Task) Ready(end func(log.TopicPartition) (log.Offset, error)) (bool, error) {
	some := false
	for _, q := range t.group.queues {
		some = some || q.hasHead
	}
	if !some || len(t.group.queues) == 1 {
		return some, nil
	}
	for _, q := range t.group.queues {
		if q.hasHead {
			continue
		}
		e, err := end(q.input.TopicPartition)
		if err != nil {
			return false, fmt.Errorf("task %s: %w", t.ID, err)
		}
		if e > q.fetched {
			return false, nil
		}
	}
	return true, nil
}

// Process processes up to limit records and returns their number. It stops
// early when there is Enough, and when an input runs dry, for the worker to see
// whether there is more of it.
//
// An error, or a panic of an operator, is a *RecordError; the task is then of
// no use any more.
func (t *Task) Process(limit int) (n int, err error) {
	err = t.guard(func() error {
		n, err = t.process(limit)
		return err
	})
	return n, err
}

func (t *Task) process(limit int) (n int, err error) {
	for n < limit {
		q := t.group.next()
		if q == nil {
			return n, nil
		}
		t.current, t.touched = q, true
		t.Clock.Observe(q.head.TimestampMillis)
		if err := q.input.Take(&q.head); err != nil {
			return n, t.recordError(err)
		}
		if err := t.Failed(); err != nil {
			return n, t.recordError(err)
		}
		n++
		if err := q.advance(); err != nil {
			return n, fmt.Errorf("task %s: %w", t.ID, err)
		}
		if !q.hasHead || t.Enough() {
			return n, nil
		}
	}
	return n, nil
}

// guard runs user code, for a slice of records at a time because a deferred
// call costs; a panic of it becomes an error.
func (t *Task) guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e := t.recordError(fmt.Errorf("panic: %v", p))
			e.Stack = debug.Stack()
			err = e
		}
	}()
	return call()
}

// A RecordError says which record failed, and where.
type RecordError struct {
	Task     ID
	Operator string
	log.TopicPartition
	Offset log.Offset // -1 if it was no record but what was held back for a commit
	Err    error
	Stack  []byte // of a panic
}

func (e *RecordError) Error() string {
	s := fmt.Sprintf("task %s: operator %s", e.Task, e.Operator)
	if e.Offset >= 0 {
		s += fmt.Sprintf(": %s offset %d", e.TopicPartition, e.Offset)
	}
	s += ": " + e.Err.Error()
	if e.Stack != nil {
		s += "\n" + string(e.Stack)
	}
	return s
}

func (e *RecordError) Unwrap() error { return e.Err }

func (t *Task) recordError(err error) *RecordError {
	e := &RecordError{Task: t.ID, Operator: t.Operator(), Offset: -1, Err: err}
	if t.current != nil {
		e.TopicPartition, e.Offset = t.current.input.TopicPartition, t.current.head.Offset
	}
	return e
}
