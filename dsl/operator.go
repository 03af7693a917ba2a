package dsl

import "github.com/freshet/freshet/processor"

// An operator is what the operators of this package have in common. K and V
// are what it makes.
type operator[K, V any] struct {
	ctx *processor.Context[K, V]
	out processor.Record[K, V] // used for one record after another
}

func (o *operator[K, V]) Init(ctx *processor.Context[K, V]) error {
	o.ctx = ctx
	return nil
}

func (o *operator[K, V]) Close() error { return nil }

// stamp begins out with what passes through from in.
func stamp[K, V, KO, VO any](out *processor.Record[KO, VO], in *processor.Record[K, V]) {
	out.TimestampMillis = in.TimestampMillis
	out.Headers = in.Headers
}

// rekey is stamp for operators that change keys only.
func rekey[K, KO, V any](out *processor.Record[KO, V], key KO, in *processor.Record[K, V]) {
	stamp(out, in)
	out.Key = key
	out.Value, out.Tombstone = in.Value, in.Tombstone
}

// revalue is stamp for operators that change values only.
func revalue[K, V, VO any](out *processor.Record[K, VO], in *processor.Record[K, V], value VO) {
	stamp(out, in)
	out.Key, out.NoKey = in.Key, in.NoKey
	out.Value = value
}
