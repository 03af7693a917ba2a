package dsl

import (
	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/serde"
)

// KeyBy gives each record another key. What groups the records below sends
// them through a repartition topic first.
func KeyBy[K, V, KO any](s Stream[K, V], key func(K, V) KO) Stream[KO, V] {
	return keyBy(s, "key-by", key)
}

func keyBy[K, V, KO any](s Stream[K, V], kind string, key func(K, V) KO) Stream[KO, V] {
	s.observe()
	out := then(s, kind, key == nil, func() processor.Processor[K, V, KO, V] {
		return &keyer[K, V, KO]{key: key}
	})
	out.rekeyed = true
	out.serdes.Value = s.serdes.Value
	return out
}

type keyer[K, V, KO any] struct {
	operator[KO, V]
	key func(K, V) KO
}

func (k *keyer[K, V, KO]) Process(r *processor.Record[K, V]) error {
	rekey(&k.out, k.key(r.Key, r.Value), r)
	return k.ctx.Forward(&k.out)
}

// A Grouped is a stream whose records of one key are to be taken together.
type Grouped[K, V any] struct{ stream Stream[K, V] }

// GroupByKey groups the records by the key that they have.
func (s Stream[K, V]) GroupByKey() Grouped[K, V] {
	s.of()
	s.observe()
	return Grouped[K, V]{s}
}

// GroupBy groups the records by another key: [KeyBy], then GroupByKey.
func GroupBy[K, V, KO any](s Stream[K, V], key func(K, V) KO) Grouped[KO, V] {
	return keyBy(s, "group-by", key).GroupByKey()
}

// WithKeySerde sets how the keys are written in stores and repartition topics.
func (g Grouped[K, V]) WithKeySerde(keys serde.Serde[K]) Grouped[K, V] {
	g.stream.serdes.Key = keys
	return g
}
