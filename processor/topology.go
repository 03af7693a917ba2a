package processor

import (
	"errors"
	"fmt"
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
	if len(b.nodes) == 0 && len(faults) == 0 { // a faulty source is no node
		faults = append(faults, fmt.Errorf("topology %q: no source", b.name))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	t := &Topology{name: b.name, nodes: b.nodes, stores: b.stores}
	t.subtopologies = divide(b.nodes, b.stores)
	return t, nil
}
