package processor

import (
	"fmt"
	"slices"

	"github.com/freshet/freshet/log"
)

// A wiring makes one task's instance of a subtopology. Here, once, the typed
// functions of neighbouring nodes find each other.
type wiring struct {
	env        *env
	appender   func(topic string) (Appender, error)
	partitions func(topic string) int32

	made      map[*node]any
	operators []operator
}

// An operator is a processor of a task as the task's life needs it.
type operator struct {
	node  *node
	init  func() error
	flush func() error // nil if it is no Flusher
	close func() error
}

// sourcesOf wires a subtopology and returns what takes the records of each of
// its sources.
func (w *wiring) sourcesOf(s *subtopology) ([]func(*log.Record) error, error) {
	w.made = make(map[*node]any)
	var takes []func(*log.Record) error
	for _, n := range s.sources {
		made, err := w.node(n)
		if err != nil {
			return nil, err
		}
		takes = append(takes, made.(func(*log.Record) error))
	}
	return takes, nil
}

// node returns the instance of n in this task, made when first asked for.
func (w *wiring) node(n *node) (any, error) {
	if made, ok := w.made[n]; ok {
		return made, nil
	}
	made, err := n.wire(w)
	if err != nil {
		return nil, err
	}
	w.made[n] = made
	return made, nil
}

// edgesOf returns the typed edges to n's children.
func edgesOf[K, V any](w *wiring, n *node) ([]edge[K, V], error) {
	edges := make([]edge[K, V], 0, len(n.children))
	for _, child := range n.children {
		made, err := w.node(child)
		if err != nil {
			return nil, err
		}
		to, ok := made.(receiver[K, V])
		if !ok {
			return nil, fmt.Errorf("%s %q takes other records than %s %q makes: %T", child.kind, child.name, n.kind, n.name, made)
		}
		edges = append(edges, edge[K, V]{to: to, index: child.index})
	}
	return edges, nil
}

func (w *wiring) operate(n *node, p interface{ Close() error }, init func() error) {
	o := operator{node: n, init: init, close: p.Close}
	if f, ok := p.(Flusher); ok {
		o.flush = f.Flush
	}
	w.operators = append(w.operators, o)
}

// inOrder returns the operators upstream first.
func (w *wiring) inOrder() []operator {
	slices.SortFunc(w.operators, func(a, b operator) int { return a.node.index - b.node.index })
	return w.operators
}
