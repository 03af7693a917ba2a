package processor

import (
	"fmt"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor/internal/task"
)

// A TaskID names a task; see [ParseTaskID].
type TaskID = task.ID

// ParseTaskID reads what TaskID.String prints, such as 0_3: the fourth
// partition of the first subtopology.
func ParseTaskID(s string) (TaskID, error) { return task.ParseID(s) }

// A Context is what a processor sees of its task. It belongs to the task's
// goroutine.
type Context[K, V any] struct {
	env      *env
	index    int
	children []edge[K, V]
}

// An edge leads to a child of the same type.
type edge[K, V any] struct {
	to    receiver[K, V]
	index int
}

// A receiver takes records; sinks and every [Processor] are receivers.
type receiver[K, V any] interface {
	Process(record *Record[K, V]) error
}

// Forward hands a record to each child in the order of their declaration, and
// returns when they and all below are done with it.
//
// An error fails the record even if the caller does not return it: a part of
// its effects is missing.
func (c *Context[K, V]) Forward(record *Record[K, V]) error {
	for i := range c.children {
		child := &c.children[i]
		c.env.at = child.index
		if err := child.to.Process(record); err != nil {
			return c.env.fail(err)
		}
	}
	c.env.at = c.index
	return nil
}

// Task returns the id of the task.
func (c *Context[K, V]) Task() TaskID { return c.env.id }

// Topic returns the topic of the source record that is being processed. It is
// empty in Init and Flush, which no record causes.
func (c *Context[K, V]) Topic() string { return c.env.topic }

// Partition returns the partition of the task, which is that of the source
// record.
func (c *Context[K, V]) Partition() int32 { return c.env.id.Partition }

// Offset returns the offset of the source record that is being processed, or
// -1 where there is none.
func (c *Context[K, V]) Offset() log.Offset { return c.env.offset }

// StreamTimeMillis returns the event time of the task: the highest timestamp
// that it has seen, also before a restart. It is [NoStreamTime] before the
// first record.
func (c *Context[K, V]) StreamTimeMillis() int64 { return c.env.clock.Millis() }

// NoStreamTime is the stream time of a task that has seen no record.
const NoStreamTime = task.NoStreamTime

// ForwardEveryUpdate says whether tables are asked to forward each update at
// once instead of the last one a key and commit; see [Config].
func (c *Context[K, V]) ForwardEveryUpdate() bool { return c.env.everyUpdate }

// store is how StoreOf and Store.Of reach the task's stores.
func (c *Context[K, V]) store(name string) (any, error) {
	n := c.env.nodes[c.index]
	for _, s := range n.stores {
		if s.name == name {
			return c.env.stores[name], nil
		}
	}
	return nil, fmt.Errorf("store %q: not named in the declaration of processor %q", name, n.name)
}

// An env is what the operators of one task share.
type env struct {
	id          TaskID
	nodes       []*node
	clock       *task.StreamTime
	stores      map[string]any // name → *state.Overlay
	everyUpdate bool

	topic  string
	offset log.Offset
	at     int   // index of the operator at work
	err    error // of the first that failed, also if its parent dropped it
	failed int   // index of that

	appended int // bytes, about, since somebody looked how many are gathered
}

// noOffset is the offset of a context that no record caused.
const noOffset = log.Offset(-1)

func (e *env) begin(topic string, offset log.Offset, at int) {
	e.topic, e.offset, e.at = topic, offset, at
}

func (e *env) fail(err error) error {
	if e.err == nil {
		e.err, e.failed = err, e.at
	}
	return err
}

// operator names the operator that failed, or else the one at work.
func (e *env) operator() string {
	if e.err != nil {
		return e.nodes[e.failed].name
	}
	return e.nodes[e.at].name
}
