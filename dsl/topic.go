package dsl

import (
	"fmt"
	"reflect"

	"github.com/freshet/freshet/processor"
)

// A Topic names a topic and says what its records hold.
type Topic[K, V any] = processor.Topic[K, V]

// NewTopic names a topic. Its serdes are chosen by type, see
// [github.com/freshet/freshet/serde.For].
func NewTopic[K, V any](name string) Topic[K, V] { return processor.NewTopic[K, V](name) }

// A topicUse is what a builder knows of a topic that was named to it.
type topicUse struct {
	location string
	types    [2]reflect.Type // of keys and values
	serdes   [2]any
	source   any // Stream[K, V], once there was a From
	sinks    int
}

// use notes that a topic is read or written. It returns nil, and reports why,
// if that can not be done.
func use[K, V any](b *Builder, topic Topic[K, V]) *topicUse {
	if err := topic.Err(); err != nil {
		b.fault(err)
		return nil
	}
	serdes := topic.Serdes()
	now := &topicUse{
		location: processor.Location(),
		types:    [2]reflect.Type{reflect.TypeFor[K](), reflect.TypeFor[V]()},
		serdes:   [2]any{serdes.Key, serdes.Value},
	}
	first, again := b.topics[topic.Name()]
	if !again {
		b.topics[topic.Name()] = now
		return now
	}
	for i, part := range [...]string{"keys", "values"} {
		switch {
		case first.types[i] != now.types[i]:
			b.fault(fmt.Errorf("topic %q: %s are %v here and %v at %s", topic.Name(), part, now.types[i], first.types[i], first.location))
			return nil
		case differ(first.serdes[i], now.serdes[i]):
			b.fault(fmt.Errorf("topic %q: %s have another serde at %s (use one Topic for both)", topic.Name(), part, first.location))
			return nil
		}
	}
	return first
}

// differ says that two serdes are surely not the same. Those made of functions
// can not be compared.
func differ(a, b any) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return true
	}
	return reflect.ValueOf(a).Comparable() && a != b
}
