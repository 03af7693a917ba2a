package processor

import (
	"fmt"

	"github.com/freshet/freshet/log"
)

// Source adds the reading of a topic. A topic has one source in a topology; a
// node can have any number of children.
func Source[K, V any](b *Builder, name string, topic Topic[K, V]) Node[K, V] {
	b.check(topic.Err(), Location())
	return addSource(b, name, specOf(topic.name, topic.partitions, topic.Serdes()), topic.Serdes())
}

func addSource[K, V any](b *Builder, name string, topic *topicSpec, serdes Serdes[K, V]) Node[K, V] {
	n := b.add(&node{kind: sourceNode, name: name, topic: topic})
	n.wire = func(w *wiring) (any, error) {
		children, err := edgesOf[K, V](w, n)
		if err != nil {
			return nil, err
		}
		s := &source[K, V]{
			Context: Context[K, V]{env: w.env, index: n.index, children: children},
			topic:   topic.name,
			serdes:  serdes,
		}
		return s.process, nil
	}
	return Node[K, V]{builder: b, from: []*node{n}}
}

// A source decodes the records of one partition into one record, which its
// children see one after another.
type source[K, V any] struct {
	Context[K, V]
	topic  string
	serdes Serdes[K, V]
	out    Record[K, V]
}

func (s *source[K, V]) process(r *log.Record) error {
	s.env.begin(s.topic, r.Offset, s.index)
	out := &s.out
	if err := decodeRecord(s.serdes, r, out); err != nil {
		return err
	}
	return s.Forward(out)
}

// decodeRecord fills out. A null key or value becomes the zero value and is
// noted as what it is.
func decodeRecord[K, V any](serdes Serdes[K, V], r *log.Record, out *Record[K, V]) (err error) {
	out.TimestampMillis = r.TimestampMillis
	out.Headers = r.Headers
	out.NoKey = r.Key == nil
	if out.NoKey {
		var zero K
		out.Key = zero
	} else if out.Key, err = serdes.Key.Decode(r.Key); err != nil {
		return fmt.Errorf("decode key: %w", err)
	}
	out.Tombstone = r.Value == nil
	if out.Tombstone {
		var zero V
		out.Value = zero
	} else if out.Value, err = serdes.Value.Decode(r.Value); err != nil {
		return fmt.Errorf("decode value: %w", err)
	}
	return nil
}
