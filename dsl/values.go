package dsl

import (
	"iter"

	"github.com/freshet/freshet/processor"
)

// MapValues replaces each value by what value makes of it. A record without a
// value passes as it is.
func (s Stream[K, V]) MapValues(value func(V) V) Stream[K, V] {
	out := MapValues(s, value)
	out.serdes.Value = s.serdes.Value
	return out
}

// MapValues is [Stream.MapValues] for values of another type.
func MapValues[K, V, VO any](s Stream[K, V], value func(V) VO) Stream[K, VO] {
	out := then(s, "map-values", value == nil, func() processor.Processor[K, V, K, VO] {
		return &mapValues[K, V, VO]{value: value}
	})
	out.serdes.Key = s.serdes.Key
	out.updates = s.updates
	return out
}

type mapValues[K, V, VO any] struct {
	operator[K, VO]
	value func(V) VO
}

func (m *mapValues[K, V, VO]) Process(r *processor.Record[K, V]) error {
	var value VO
	if !r.Tombstone {
		value = m.value(r.Value)
	}
	revalue(&m.out, r, value)
	m.out.Tombstone = r.Tombstone
	return m.ctx.Forward(&m.out)
}

// FlatMapValues makes any number of records of each: one for each of values,
// with the same key.
func FlatMapValues[K, V, VO any](s Stream[K, V], values func(V) []VO) Stream[K, VO] {
	s.observe()
	out := then(s, "flat-map-values", values == nil, func() processor.Processor[K, V, K, VO] {
		return &flatMapValues[K, V, VO]{values: values}
	})
	out.serdes.Key = s.serdes.Key
	return out
}

type flatMapValues[K, V, VO any] struct {
	operator[K, VO]
	values func(V) []VO
}

func (m *flatMapValues[K, V, VO]) Process(r *processor.Record[K, V]) error {
	if r.Tombstone {
		return nil
	}
	for _, value := range m.values(r.Value) {
		revalue(&m.out, r, value)
		if err := m.ctx.Forward(&m.out); err != nil {
			return err
		}
	}
	return nil
}

// FlatMapValuesSeq is [FlatMapValues] for functions that return an iterator,
// such as strings.FieldsSeq, and so need no slice.
func FlatMapValuesSeq[K, V, VO any](s Stream[K, V], values func(V) iter.Seq[VO]) Stream[K, VO] {
	s.observe()
	out := then(s, "flat-map-values", values == nil, func() processor.Processor[K, V, K, VO] {
		return &flatMapValuesSeq[K, V, VO]{values: values}
	})
	out.serdes.Key = s.serdes.Key
	return out
}

type flatMapValuesSeq[K, V, VO any] struct {
	operator[K, VO]
	values func(V) iter.Seq[VO]

	in    *processor.Record[K, V]
	yield func(VO) bool // forward, made once so that no record allocates it
	err   error
}

func (m *flatMapValuesSeq[K, V, VO]) Init(ctx *processor.Context[K, VO]) error {
	m.yield = m.forward
	return m.operator.Init(ctx)
}

func (m *flatMapValuesSeq[K, V, VO]) Process(r *processor.Record[K, V]) error {
	if r.Tombstone {
		return nil
	}
	m.in, m.err = r, nil
	m.values(r.Value)(m.yield)
	m.in = nil
	return m.err
}

func (m *flatMapValuesSeq[K, V, VO]) forward(value VO) bool {
	revalue(&m.out, m.in, value)
	m.err = m.ctx.Forward(&m.out)
	return m.err == nil
}
