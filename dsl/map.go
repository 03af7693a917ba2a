package dsl

import (
	"iter"

	"github.com/freshet/freshet/processor"
)

// Map makes one record of each, with another key and value.
func Map[K, V, KO, VO any](s Stream[K, V], record func(K, V) (KO, VO)) Stream[KO, VO] {
	s.observe()
	out := then(s, "map", record == nil, func() processor.Processor[K, V, KO, VO] {
		return &mapper[K, V, KO, VO]{record: record}
	})
	out.rekeyed = true
	return out
}

type mapper[K, V, KO, VO any] struct {
	operator[KO, VO]
	record func(K, V) (KO, VO)
}

func (m *mapper[K, V, KO, VO]) Process(r *processor.Record[K, V]) error {
	stamp(&m.out, r)
	m.out.Key, m.out.Value = m.record(r.Key, r.Value)
	return m.ctx.Forward(&m.out)
}

// A Pair is a key and a value, one of the results of [FlatMap].
type Pair[K, V any] struct {
	Key   K
	Value V
}

// FlatMap makes any number of records of each.
func FlatMap[K, V, KO, VO any](s Stream[K, V], records func(K, V) []Pair[KO, VO]) Stream[KO, VO] {
	s.observe()
	out := then(s, "flat-map", records == nil, func() processor.Processor[K, V, KO, VO] {
		return &flatMap[K, V, KO, VO]{records: records}
	})
	out.rekeyed = true
	return out
}

type flatMap[K, V, KO, VO any] struct {
	operator[KO, VO]
	records func(K, V) []Pair[KO, VO]
}

func (m *flatMap[K, V, KO, VO]) Process(r *processor.Record[K, V]) error {
	stamp(&m.out, r)
	for _, p := range m.records(r.Key, r.Value) {
		m.out.Key, m.out.Value = p.Key, p.Value
		if err := m.ctx.Forward(&m.out); err != nil {
			return err
		}
	}
	return nil
}

// FlatMapSeq is [FlatMap] for functions that return an iterator.
func FlatMapSeq[K, V, KO, VO any](s Stream[K, V], records func(K, V) iter.Seq2[KO, VO]) Stream[KO, VO] {
	s.observe()
	out := then(s, "flat-map", records == nil, func() processor.Processor[K, V, KO, VO] {
		return &flatMapSeq[K, V, KO, VO]{records: records}
	})
	out.rekeyed = true
	return out
}

type flatMapSeq[K, V, KO, VO any] struct {
	operator[KO, VO]
	records func(K, V) iter.Seq2[KO, VO]

	yield func(KO, VO) bool // forward, made once so that no record allocates it
	err   error
}

func (m *flatMapSeq[K, V, KO, VO]) Init(ctx *processor.Context[KO, VO]) error {
	m.yield = m.forward
	return m.operator.Init(ctx)
}

func (m *flatMapSeq[K, V, KO, VO]) Process(r *processor.Record[K, V]) error {
	stamp(&m.out, r)
	m.err = nil
	m.records(r.Key, r.Value)(m.yield)
	return m.err
}

func (m *flatMapSeq[K, V, KO, VO]) forward(key KO, value VO) bool {
	m.out.Key, m.out.Value = key, value
	m.err = m.ctx.Forward(&m.out)
	return m.err == nil
}
