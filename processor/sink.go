package processor

import (
	"fmt"

	"github.com/freshet/freshet/log"
)

// Sink adds the writing of a topic. Records go to the partition that Kafka's
// default partitioner chooses for the key; records without a key go to the
// partitions in turn.
func Sink[K, V any](b *Builder, name string, parent Node[K, V], topic Topic[K, V]) {
	b.check(topic.Err(), Location())
	addSink(b, name, parent, specOf(topic.name, topic.partitions, topic.Serdes()), topic.Serdes())
}

func addSink[K, V any](b *Builder, name string, parent Node[K, V], topic *topicSpec, serdes Serdes[K, V]) {
	n := b.add(&node{kind: sinkNode, name: name, topic: topic, parents: parentsOf(b, sinkNode, name, parent)})
	n.wire = func(w *wiring) (any, error) {
		appender, err := w.appender(topic.name)
		if err != nil {
			return nil, fmt.Errorf("sink %q: %w", n.name, err)
		}
		return &sink[K, V]{
			env:        w.env,
			appender:   appender,
			partitions: w.partitions(topic.name),
			serdes:     serdes,
			next:       w.env.id.Partition,
		}, nil
	}
}

// recordOverheadBytes is about what a record takes besides its key and value.
const recordOverheadBytes = 8

// A sink encodes into two buffers of its own; the appender copies.
type sink[K, V any] struct {
	env        *env
	appender   Appender
	partitions int32
	serdes     Serdes[K, V]
	key, value []byte
	next       int32 // where a record without a key goes
	out        log.Record
}

func (s *sink[K, V]) Process(r *Record[K, V]) (err error) {
	out := &s.out
	out.TimestampMillis = r.TimestampMillis
	out.Headers = r.Headers
	out.Key, out.Value = nil, nil
	if !r.NoKey {
		if s.key, err = s.serdes.Key.Append(s.key[:0], r.Key); err != nil {
			return fmt.Errorf("encode key: %w", err)
		}
		out.Key = notNil(s.key)
	}
	if !r.Tombstone {
		if s.value, err = s.serdes.Value.Append(s.value[:0], r.Value); err != nil {
			return fmt.Errorf("encode value: %w", err)
		}
		out.Value = notNil(s.value)
	}
	s.env.appended += len(out.Key) + len(out.Value) + recordOverheadBytes
	return s.appender.Append(s.partition(out.Key), out)
}

func (s *sink[K, V]) partition(key []byte) int32 {
	if key != nil {
		return log.Partition(key, s.partitions)
	}
	p := s.next % s.partitions
	s.next = p + 1
	return p
}

var empty = []byte{}

// notNil keeps an empty encoding apart from none: nil bytes are a null.
func notNil(b []byte) []byte {
	if b == nil {
		return empty
	}
	return b
}
