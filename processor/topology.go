package processor

import (
	"errors"
	"fmt"

	"github.com/freshet/freshet/serde"
)

// A Builder draws a topology. Its mistakes are gathered and reported by
// [Builder.Build], all at once. It belongs to one goroutine.
type Builder struct {
	name   string
	nodes  []*node // parents before children
	stores []*storeSpec
	faults []error
}

// NewTopology begins a topology. The name is the application id: it prefixes
// the names of changelog and repartition topics, and is the group under which
// positions are committed.
func NewTopology(name string) *Builder {
	b := &Builder{name: name}
	b.check(CheckName("topology", name), Location())
	return b
}

// A Node is a place in a topology from which records of one type come. The
// zero Node is none; using it is a mistake that Build reports.
type Node[K, V any] struct {
	builder *Builder
	from    []*node
}

// Merge returns the place where the records of all nodes come together. It is
// not an operator; the order among nodes is that of their records' processing.
func Merge[K, V any](nodes ...Node[K, V]) Node[K, V] {
	var merged Node[K, V]
	for _, n := range nodes {
		if n.builder == nil || merged.builder != nil && n.builder != merged.builder {
			return Node[K, V]{} // reported as a missing parent
		}
		merged.builder = n.builder
		merged.from = append(merged.from, n.from...)
	}
	return merged
}

type nodeKind int

const (
	sourceNode nodeKind = iota
	processorNode
	sinkNode
)

// A node is an operator with its types erased. The functions made by the
// typed constructors know them.
type node struct {
	kind     nodeKind
	name     string
	location string
	index    int // in Builder.nodes: a topological order
	parents  []*node
	children []*node
	stores   []*storeSpec
	topic    *topicSpec // of a source or a sink

	// wire makes the node's part of a task. For a source it is
	// a func(*log.Record) error, for others a receiver of the parents' type.
	wire func(w *wiring) (any, error)
}

// A topicSpec is a topic with its types erased.
type topicSpec struct {
	name        string
	partitions  int32 // 0: not said
	repartition bool
	keyName     string // of the serde, for the fingerprint
	valueName   string
	keyType     string
	valueType   string
}

func specOf[K, V any](name string, partitions int32, s Serdes[K, V]) *topicSpec {
	return &topicSpec{
		name: name, partitions: partitions,
		keyName: serde.NameOf(s.Key), valueName: serde.NameOf(s.Value),
		keyType: typeName[K](), valueType: typeName[V](),
	}
}

// add takes a node into the drawing, noting what is wrong with it.
func (b *Builder) add(n *node) *node {
	n.index = len(b.nodes)
	n.location = Location()
	b.check(CheckName(n.kind.String(), n.name), n.location)
	for _, other := range b.nodes {
		if other.name == n.name {
			b.check(fmt.Errorf("%s %q: the name is taken by the %s at %s", n.kind, n.name, other.kind, other.location), n.location)
		}
	}
	for _, p := range n.parents {
		p.children = append(p.children, n)
	}
	for _, s := range n.stores {
		s.users = append(s.users, n)
	}
	b.nodes = append(b.nodes, n)
	return n
}

// parentsOf returns the operators behind a node, or notes that it is not one
// of this topology.
func parentsOf[K, V any](b *Builder, kind nodeKind, name string, parent Node[K, V]) []*node {
	switch {
	case parent.builder == nil:
		b.check(fmt.Errorf("%s %q: no parent (a zero Node, or nodes of different topologies merged)", kind, name), Location())
		return nil
	case parent.builder != b:
		b.check(fmt.Errorf("%s %q: its parent belongs to another topology, %q", kind, name, parent.builder.name), Location())
		return nil
	}
	return parent.from
}

func (b *Builder) check(err error, location string) {
	if err != nil {
		b.faults = append(b.faults, &BuildError{Location: location, Err: err})
	}
}

// A BuildError is one mistake in a topology, with the line that made it.
type BuildError struct {
	Location string // file:line
	Err      error
}

func (e *BuildError) Error() string { return e.Location + ": " + e.Err.Error() }
func (e *BuildError) Unwrap() error { return e.Err }

// Fault adds a mistake that the caller found, with the line of the user's code
// that is calling. Layers above, such as the DSL, report theirs so.
func (b *Builder) Fault(err error) { b.check(err, Location()) }

// Name returns the topology's name.
func (b *Builder) Name() string { return b.name }

// A Topology is a finished drawing. It never changes; any number of Apps may
// run it.
type Topology struct {
	name          string
	nodes         []*node
	stores        []*storeSpec
	subtopologies []*subtopology
}

// Name returns the topology's name, which is the application id.
func (t *Topology) Name() string { return t.name }

// Build finishes the topology, or returns every mistake in it, joined.
func (b *Builder) Build() (*Topology, error) {
	faults := append([]error(nil), b.faults...)
	faults = append(faults, b.checkTopics()...)
	faults = append(faults, b.checkStores()...)
	if len(b.nodes) == 0 {
		faults = append(faults, fmt.Errorf("topology %q: no source", b.name))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	t := &Topology{name: b.name, nodes: b.nodes, stores: b.stores}
	t.subtopologies = divide(b.nodes, b.stores)
	return t, nil
}

// checkTopics finds topics that two sources read: which of them would get a
// record? One source can have any number of children.
func (b *Builder) checkTopics() []error {
	var faults []error
	sources := make(map[string]*node)
	for _, n := range b.nodes {
		if n.kind != sourceNode {
			continue
		}
		if first, taken := sources[n.topic.name]; taken {
			faults = append(faults, &BuildError{n.location, fmt.Errorf("source %q: topic %q is read by the source at %s already (use that node again)", n.name, n.topic.name, first.location)})
			continue
		}
		sources[n.topic.name] = n
	}
	return append(faults, b.checkPartitions()...)
}

// checkPartitions finds topics that are said to have different numbers of
// partitions.
func (b *Builder) checkPartitions() []error {
	var faults []error
	said := make(map[string]*node)
	for _, n := range b.nodes {
		if n.topic == nil || n.topic.partitions == 0 {
			continue
		}
		first, known := said[n.topic.name]
		if known && first.topic.partitions != n.topic.partitions {
			faults = append(faults, &BuildError{n.location, fmt.Errorf("topic %q: %d partitions here and %d at %s", n.topic.name, n.topic.partitions, first.topic.partitions, first.location)})
		}
		if !known {
			said[n.topic.name] = n
		}
	}
	return faults
}

func (b *Builder) checkStores() []error {
	var faults []error
	for _, s := range b.stores {
		if len(s.users) == 0 {
			faults = append(faults, &BuildError{s.location, fmt.Errorf("store %q: no processor uses it (name it in Process)", s.name)})
		}
	}
	return faults
}

func (k nodeKind) String() string {
	switch k {
	case sourceNode:
		return "source"
	case sinkNode:
		return "sink"
	default:
		return "processor"
	}
}
