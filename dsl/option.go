package dsl

// An Option says more about an operator.
type Option func(*options)

type options struct{ name string }

// As names a stateful operator, and with it its store, changelog and
// repartition topic. A topology has each name once.
func As(name string) Option { return func(o *options) { o.name = name } }

func newOptions(opts []Option) (o options) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
