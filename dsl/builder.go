package dsl

import (
	"fmt"

	"github.com/freshet/freshet/processor"
)

// A Builder gathers a topology. It belongs to one goroutine.
type Builder struct {
	topology *processor.Builder
	topics   map[string]*topicUse
	numbers  map[string]int    // operators of each kind that have no name
	names    map[string]string // given with As: where
}

// NewBuilder begins a topology. The name is the application id: it prefixes
// the names of the topics that the application makes for itself, and its
// positions are committed under it.
func NewBuilder(name string) *Builder {
	return &Builder{
		topology: processor.NewTopology(name),
		topics:   make(map[string]*topicUse),
		numbers:  make(map[string]int),
		names:    make(map[string]string),
	}
}

// Build returns the topology, or every mistake in it. They are of type
// [*processor.BuildError], joined.
func (b *Builder) Build() (*processor.Topology, error) { return b.topology.Build() }

func (b *Builder) fault(err error) { b.topology.Fault(err) }

// number names an operator that the user gave no name.
func (b *Builder) number(kind string) string {
	b.numbers[kind]++
	return fmt.Sprintf("%s-%d", kind, b.numbers[kind])
}

// claim takes the name that the user gave a stateful operator, or reports why
// it can not have it.
func (b *Builder) claim(kind, name string) bool {
	if name == "" {
		b.fault(fmt.Errorf("%s: no name for its store (give it one: dsl.As(\"some-name\"))", kind))
		return false
	}
	if err := processor.CheckName(kind, name); err != nil {
		b.fault(err)
		return false
	}
	if at, taken := b.names[name]; taken {
		b.fault(fmt.Errorf("%s %q: the name is taken at %s", kind, name, at))
		return false
	}
	b.names[name] = processor.Location()
	return true
}
