package dsl

import (
	"fmt"

	"github.com/freshet/freshet/processor"
	"github.com/freshet/freshet/serde"
	"github.com/freshet/freshet/state"
)

// Count counts the records of each key that have a value. It needs a name, see
// [As]. If it has to repartition, it sends the keys only.
func (g Grouped[K, V]) Count(opts ...Option) Table[K, int64] {
	in := g.stream
	b, name := in.of(), newOptions(opts).name
	out := Table[K, int64]{builder: b, updates: &updates{}}
	out.serdes = processor.Serdes[K, int64]{Key: in.serdes.Key, Value: serde.Int64}
	named := b.claim("count", name)
	if out.serdes.Key == nil && !in.broken {
		var err error
		if out.serdes.Key, err = serde.ForKey[K](); err != nil {
			b.fault(fmt.Errorf("count %q: key: %w", name, err))
			named = false
		}
	}
	if out.broken = in.broken || !named; out.broken {
		return out
	}
	store := processor.Store(b.topology, name, processor.StoreConfig[K, int64]{Serdes: out.serdes})
	if in.rekeyed {
		out.node = addCounter(b, name, keysOnly(in, name, out.serdes.Key), store, out)
	} else {
		out.node = addCounter(b, name, in.node, store, out)
	}
	return out
}

func addCounter[K, V any](b *Builder, name string, in processor.Node[K, V], store processor.StoreRef[K, int64], out Table[K, int64]) processor.Node[K, int64] {
	return processor.Process(b.topology, name, in, func() processor.Processor[K, V, K, int64] {
		return &counter[K, V]{store: store, keys: out.serdes.Key, updates: out.updates}
	}, store)
}

type counter[K, V any] struct {
	operator[K, int64]
	store   processor.StoreRef[K, int64]
	keys    serde.Serde[K]
	updates *updates

	counts *state.Overlay[K, int64]
	every  bool
}

func (c *counter[K, V]) Init(ctx *processor.Context[K, int64]) (err error) {
	c.every = c.updates.every || ctx.ForwardEveryUpdate()
	c.counts, err = c.store.Of(ctx)
	if err != nil {
		return err
	}
	return c.operator.Init(ctx)
}

func (c *counter[K, V]) Process(r *processor.Record[K, V]) error {
	if r.NoKey || r.Tombstone {
		return nil
	}
	e, err := c.counts.Find(r.Key)
	if err != nil {
		return err
	}
	n, counted := e.Value()
	timestampMillis := r.TimestampMillis
	if counted {
		timestampMillis = max(timestampMillis, e.TimestampMillis())
	}
	c.counts.Put(e, n+1, timestampMillis)
	if !c.every {
		return nil
	}
	c.out.Key, c.out.Value, c.out.TimestampMillis = r.Key, n+1, timestampMillis
	return c.ctx.Forward(&c.out)
}

// Flush forwards what changed since the last commit, unless that was forwarded
// at once.
func (c *counter[K, V]) Flush() error {
	return c.counts.Forward(func(e *state.Entry[int64]) (err error) {
		if c.every {
			return nil
		}
		if c.out.Key, err = c.keys.Decode(e.Key()); err != nil {
			return fmt.Errorf("decode key: %w", err)
		}
		c.out.Value, _ = e.Value()
		c.out.TimestampMillis = e.TimestampMillis()
		return c.ctx.Forward(&c.out)
	})
}

// keysOnly repartitions what a count needs: the keys of the records that it
// does not skip.
func keysOnly[K, V any](s Stream[K, V], name string, keys serde.Serde[K]) processor.Node[K, nothing] {
	b := s.builder.topology
	stripped := processor.Process(b, name+"-repartition-filter", s.node, func() processor.Processor[K, V, K, nothing] {
		return &stripper[K, V]{}
	})
	return processor.Repartition(b, name, stripped, processor.Serdes[K, nothing]{Key: keys, Value: nothingSerde{}})
}

type stripper[K, V any] struct{ operator[K, nothing] }

func (s *stripper[K, V]) Process(r *processor.Record[K, V]) error {
	if r.NoKey || r.Tombstone {
		return nil
	}
	s.out.Key, s.out.TimestampMillis = r.Key, r.TimestampMillis
	return s.ctx.Forward(&s.out)
}

// nothing is a value that is there and says no more. It takes no bytes.
type nothing struct{}

type nothingSerde struct{}

func (nothingSerde) Append(dst []byte, _ nothing) ([]byte, error) { return dst, nil }
func (nothingSerde) Decode([]byte) (nothing, error)               { return nothing{}, nil }
func (nothingSerde) Name() string                                 { return "nothing" }
