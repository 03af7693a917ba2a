package dsl

import (
	"fmt"

	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/serde"
)

// A Stream is records one after another, each a fact of its own. It comes from
// [From] or from an operator.
type Stream[K, V any] struct {
	builder *Builder
	node    processor.Node[K, V]

	// serdes are what the records were read with, as far as their types have not
	// changed since, or what the user set. A nil one is chosen by type.
	serdes processor.Serdes[K, V]

	// rekeyed says that the records of a key may be in several tasks.
	rekeyed bool

	// broken says that a mistake above was reported. What comes below looks for
	// its own mistakes only.
	broken bool

	// updates is set on the stream of a table, as long as nobody can tell
	// whether it has every update.
	updates *updates
}

// From reads a topic. It may be called again with the same topic.
func From[K, V any](b *Builder, topic Topic[K, V]) Stream[K, V] {
	t := use(b, topic)
	if t == nil {
		return Stream[K, V]{builder: b, broken: true}
	}
	if t.source == nil {
		t.source = Stream[K, V]{
			builder: b,
			node:    processor.Source(b.topology, topic.Name()+"-source", topic),
			serdes:  topic.Serdes(),
		}
	}
	return t.source.(Stream[K, V])
}

// To writes the records to a topic.
func (s Stream[K, V]) To(topic Topic[K, V]) {
	t := use(s.of(), topic)
	if t == nil || s.broken {
		return
	}
	t.sinks++
	name := topic.Name() + "-sink"
	if t.sinks > 1 {
		name = fmt.Sprintf("%s-%d", name, t.sinks)
	}
	processor.Sink(s.builder.topology, name, s.node, topic)
}

// Merge returns the records of this stream and the others together, in no
// order between them.
func (s Stream[K, V]) Merge(others ...Stream[K, V]) Stream[K, V] {
	s.of()
	s.observe()
	nodes := []processor.Node[K, V]{s.node}
	for _, other := range others {
		if b := other.of(); b != s.builder {
			s.builder.fault(fmt.Errorf("merge: a stream of another builder, %q", b.topology.Name()))
			s.broken = true
			continue
		}
		other.observe()
		nodes = append(nodes, other.node)
		s.rekeyed = s.rekeyed || other.rekeyed
		s.broken = s.broken || other.broken
	}
	s.updates = nil
	if !s.broken {
		s.node = processor.Merge(nodes...)
	}
	return s
}

// WithKeySerde sets how keys are written where an operator below needs to, and
// the type alone does not say it right.
func (s Stream[K, V]) WithKeySerde(keys serde.Serde[K]) Stream[K, V] {
	s.serdes.Key = keys
	return s
}

// WithValueSerde is WithKeySerde for values.
func (s Stream[K, V]) WithValueSerde(values serde.Serde[V]) Stream[K, V] {
	s.serdes.Value = values
	return s
}

// of returns the stream's builder.
func (s Stream[K, V]) of() *Builder {
	if s.builder == nil {
		panic("dsl: a zero Stream or Table is used (they come from From and from operators)")
	}
	return s.builder
}

// observe notes that who follows can tell updates of a table apart.
func (s Stream[K, V]) observe() {
	if s.updates != nil {
		s.updates.every = true
	}
}

// then adds a stateless operator below s and returns what comes out of it. The
// caller says what is known of that beyond its type.
func then[K, V, KO, VO any](s Stream[K, V], kind string, missing bool, supply func() processor.Processor[K, V, KO, VO]) Stream[KO, VO] {
	b := s.of()
	out := Stream[KO, VO]{builder: b, rekeyed: s.rekeyed, broken: s.broken}
	if missing {
		b.fault(fmt.Errorf("%s: nil function", kind))
		out.broken = true
	}
	if !out.broken {
		out.node = processor.Process(b.topology, b.number(kind), s.node, supply)
	}
	return out
}
