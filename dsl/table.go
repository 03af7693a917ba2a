package dsl

import "github.com/freshet/freshet/processor"

// A Table is the last value of each key, changed by update after update.
type Table[K, V any] struct {
	builder *Builder
	node    processor.Node[K, V]
	serdes  processor.Serdes[K, V]
	broken  bool
	updates *updates
}

// updates says which updates of a table are forwarded. It is settled when the
// topology is built, and read by its tasks.
type updates struct {
	every bool // not only the last one a key and commit
}

// ToStream returns the updates as a stream.
func (t Table[K, V]) ToStream() Stream[K, V] {
	s := Stream[K, V]{builder: t.builder, node: t.node, serdes: t.serdes, broken: t.broken, updates: t.updates}
	s.of()
	return s
}
