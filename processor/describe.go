package processor

import (
	"fmt"
	"reflect"
	"strings"
)

// Describe draws the topology as text, in the manner of Kafka's
// TopologyDescription, with the stores and their changelogs.
func (t *Topology) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Topology: %s\n", t.name)
	for _, s := range t.subtopologies {
		fmt.Fprintf(&b, "   Sub-topology: %d\n", s.index)
		for _, n := range s.nodes {
			n.describe(&b)
		}
		for _, st := range s.stores {
			fmt.Fprintf(&b, "    Store: %s (key: %s, value: %s, changelog: %s)\n", st.name, st.keyType, st.valueType, st.changelogOrNone())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// String returns Describe's text.
func (t *Topology) String() string { return t.Describe() }

func (n *node) describe(b *strings.Builder) {
	switch n.kind {
	case sourceNode:
		fmt.Fprintf(b, "    Source: %s (topics: [%s])\n", n.name, n.topic.name)
		fmt.Fprintf(b, "      --> %s\n", names(n.children))
	case sinkNode:
		fmt.Fprintf(b, "    Sink: %s (topic: %s)\n", n.name, n.topic.name)
		fmt.Fprintf(b, "      <-- %s\n", names(n.parents))
	default:
		fmt.Fprintf(b, "    Processor: %s (stores: [%s])\n", n.name, storeNames(n.stores))
		fmt.Fprintf(b, "      --> %s\n", names(n.children))
		fmt.Fprintf(b, "      <-- %s\n", names(n.parents))
	}
}

func names(nodes []*node) string {
	if len(nodes) == 0 {
		return "none"
	}
	list := make([]string, len(nodes))
	for i, n := range nodes {
		list[i] = n.name
	}
	return strings.Join(list, ", ")
}

func storeNames(stores []*storeSpec) string {
	list := make([]string, len(stores))
	for i, s := range stores {
		list[i] = s.name
	}
	return strings.Join(list, ", ")
}

func typeName[T any]() string { return reflect.TypeFor[T]().String() }
