package processor

import "fmt"

// A Processor is one operator of a task: it takes the records of its parents
// one at a time and forwards what it makes of them.
//
// A processor is made once a task and called by the task's goroutine only.
// An error fails the record, and with it the task: nothing that was not yet
// committed happened, and the App stops with the error and the record's place.
type Processor[KIn, VIn, KOut, VOut any] interface {
	// Init is called once, before the first record. The context is valid
	// until Close.
	Init(ctx *Context[KOut, VOut]) error
	// Process is called for every record. The record is lent until it
	// returns.
	Process(record *Record[KIn, VIn]) error
	// Close is called once, at the end of a clean stop. After a crash or an
	// error nobody calls it; it is no place to forward records.
	Close() error
}

// A Flusher is a Processor that holds updates back: a table forwards an update
// once a key and commit. Flush is called before each commit, upstream
// processors first, and forwards what is held.
type Flusher interface {
	Flush() error
}

// Process adds an operator. supply is called once a task; stores are those
// that its processor may use.
func Process[KIn, VIn, KOut, VOut any](b *Builder, name string, parent Node[KIn, VIn], supply func() Processor[KIn, VIn, KOut, VOut], stores ...AnyStore) Node[KOut, VOut] {
	n := b.add(&node{
		kind: processorNode, name: name,
		parents: parentsOf(b, processorNode, name, parent),
		stores:  b.storesOf(name, stores),
	})
	if supply == nil {
		b.check(fmt.Errorf("processor %q: nil function to make it", name), n.location)
	}
	n.wire = func(w *wiring) (any, error) {
		children, err := edgesOf[KOut, VOut](w, n)
		if err != nil {
			return nil, err
		}
		p := supply()
		if p == nil {
			return nil, fmt.Errorf("processor %q: nil (its function must return a new one each time)", n.name)
		}
		w.operate(n, p, func() error {
			return p.Init(&Context[KOut, VOut]{env: w.env, index: n.index, children: children})
		})
		return p, nil
	}
	return Node[KOut, VOut]{builder: b, from: []*node{n}}
}

// Func makes a processor without state from a function. The function calls
// forward any number of times before it returns.
func Func[KIn, VIn, KOut, VOut any](process func(ctx *Context[KOut, VOut], record *Record[KIn, VIn]) error) func() Processor[KIn, VIn, KOut, VOut] {
	return func() Processor[KIn, VIn, KOut, VOut] {
		return &function[KIn, VIn, KOut, VOut]{process: process}
	}
}

type function[KIn, VIn, KOut, VOut any] struct {
	ctx     *Context[KOut, VOut]
	process func(*Context[KOut, VOut], *Record[KIn, VIn]) error
}

func (f *function[KIn, VIn, KOut, VOut]) Init(ctx *Context[KOut, VOut]) error {
	f.ctx = ctx
	return nil
}

func (f *function[KIn, VIn, KOut, VOut]) Process(record *Record[KIn, VIn]) error {
	return f.process(f.ctx, record)
}

func (f *function[KIn, VIn, KOut, VOut]) Close() error { return nil }
