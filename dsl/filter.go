package dsl

import "github.com/freshet/freshet/processor"

// Filter returns the records for which keep is true.
func (s Stream[K, V]) Filter(keep func(K, V) bool) Stream[K, V] {
	return s.filter("filter", keep, true)
}

// FilterNot returns the records for which drop is false.
func (s Stream[K, V]) FilterNot(drop func(K, V) bool) Stream[K, V] {
	return s.filter("filter-not", drop, false)
}

func (s Stream[K, V]) filter(kind string, match func(K, V) bool, keep bool) Stream[K, V] {
	s.observe()
	out := then(s, kind, match == nil, func() processor.Processor[K, V, K, V] {
		return &filter[K, V]{match: match, keep: keep}
	})
	out.serdes = s.serdes
	return out
}

type filter[K, V any] struct {
	operator[K, V]
	match func(K, V) bool
	keep  bool
}

func (f *filter[K, V]) Process(r *processor.Record[K, V]) error {
	if f.match(r.Key, r.Value) != f.keep {
		return nil
	}
	return f.ctx.Forward(r)
}

// Peek calls see for every record and passes the record on. After a crash see
// may be called again for records that it has seen.
func (s Stream[K, V]) Peek(see func(K, V)) Stream[K, V] {
	s.observe()
	out := then(s, "peek", see == nil, func() processor.Processor[K, V, K, V] {
		return &peek[K, V]{see: see}
	})
	out.serdes = s.serdes
	return out
}

type peek[K, V any] struct {
	operator[K, V]
	see func(K, V)
}

func (p *peek[K, V]) Process(r *processor.Record[K, V]) error {
	p.see(r.Key, r.Value)
	return p.ctx.Forward(r)
}
