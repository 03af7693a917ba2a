package processor

import (
	"fmt"

	"github.com/freshet/freshet/serde"
)

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
}

func specOf[K, V any](name string, partitions int32, s Serdes[K, V]) *topicSpec {
	return &topicSpec{
		name: name, partitions: partitions,
		keyName: serde.NameOf(s.Key), valueName: serde.NameOf(s.Value),
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
