package state

import (
	"fmt"
	"unsafe"

	"github.com/freshet/freshet/serde"
)

// DefaultMaxBytes bounds an overlay whose options do not say otherwise.
const DefaultMaxBytes = 64 << 20 // 64 MiB

// Options of an [Overlay]. The zero value is that of a table whose updates are
// coalesced and need no retraction.
type Options struct {
	// MaxBytes is the estimate of memory above which entries that the DB holds
	// too are given up. Default 64 MiB.
	MaxBytes int64

	// KeepForwarded keeps, for each entry changed since the last Forward, the
	// value that was forwarded last; see [Entry.Forwarded].
	KeepForwarded bool

	// EveryUpdate says that the store's owner forwards each update itself, and
	// that Forward has nothing to do.
	EveryUpdate bool
}

// An Overlay is a typed store: a write-back cache over a DB.
//
// Values that are pointers, maps or slices, or hold them, are never changed in
// place by anyone: Put a new one. A value that is a string or bytes is copied
// once it is committed; what strings a larger value holds keep alive, such as
// the batch that they were read from, is not counted (strings.Clone them).
type Overlay[K, V any] struct {
	name    string
	keys    serde.Serde[K]
	values  serde.Serde[V]
	own     func(V) V // nil if V needs none
	db      DB
	options Options

	entries map[string]*Entry[V]
	slab    slab[V]

	// An entry changed for the first time since Seal or Forward is put on these
	// lists, and no other; marks are the flags of those in use.
	changed []*Entry[V] // since the last Seal
	unsent  []*Entry[V] // since the last Forward
	marks   flags

	undo      undoList[V]
	flight    flight[V]
	committed committedLayer[V]
	size      size

	coverage  coverage
	keyBuffer []byte // an encoded key, for the length of one call
	dbBuffer  []byte // a DB key, likewise
}

// NewOverlay returns the store called name of the task that db belongs to. The
// name must pass [CheckName]; NewOverlay panics if it does not, as topologies
// are checked when they are built. Nothing is read before the first use, so a
// DB may be restored in between.
func NewOverlay[K, V any](name string, keys serde.Serde[K], values serde.Serde[V], db DB, options Options) *Overlay[K, V] {
	if err := CheckName(name); err != nil {
		panic(err)
	}
	if options.MaxBytes <= 0 {
		options.MaxBytes = DefaultMaxBytes
	}
	o := &Overlay[K, V]{
		name: name, keys: keys, values: values, own: ownership[V](), db: db, options: options,
		entries: map[string]*Entry[V]{},
		marks:   open | unsent,
	}
	if options.EveryUpdate {
		o.marks = open
	}
	o.size.entryBytes = int64(unsafe.Sizeof(Entry[V]{})) + mapBytes
	return o
}

// Name returns the store's name.
func (o *Overlay[K, V]) Name() string { return o.name }

// Load returns the entry of an encoded key, which it copies if it has to keep
// it. A key without a value has an entry too.
func (o *Overlay[K, V]) Load(key []byte) (*Entry[V], error) {
	if e := o.entries[string(key)]; e != nil {
		if e.flags&referenced == 0 {
			e.flags |= referenced
		}
		return e, nil
	}
	return o.miss(key)
}

// Find is Load for a key that is not encoded.
func (o *Overlay[K, V]) Find(k K) (*Entry[V], error) {
	key, err := o.keys.Append(o.keyBuffer[:0], k)
	if err != nil {
		return nil, fmt.Errorf("encode key of store %s: %w", o.name, err)
	}
	o.keyBuffer = key
	return o.Load(key)
}

// Put sets the value of an entry.
func (o *Overlay[K, V]) Put(e *Entry[V], v V, timestampMillis int64) {
	if o.undo.recording {
		o.undo.remember(e)
	}
	if e.flags&o.marks != o.marks {
		o.mark(e)
	}
	e.value, e.timestampMillis = v, timestampMillis
	e.flags |= exists
}

// Delete takes the value of an entry away.
func (o *Overlay[K, V]) Delete(e *Entry[V], timestampMillis int64) {
	if o.undo.recording {
		o.undo.remember(e)
	}
	if e.flags&o.marks != o.marks {
		o.mark(e)
	}
	var none V
	e.value, e.timestampMillis = none, timestampMillis
	e.flags &^= exists
}

// mark puts an entry on the lists that it is not on.
func (o *Overlay[K, V]) mark(e *Entry[V]) {
	if e.evictable() {
		o.size.held += o.bytes(e)
	}
	if e.flags&open == 0 {
		e.flags |= open
		o.changed = append(o.changed, e)
	}
	if o.marks&unsent != 0 && e.flags&unsent == 0 {
		e.flags |= unsent
		o.unsent = append(o.unsent, e)
		if o.options.KeepForwarded {
			e.before = o.slab.newImage(e)
		}
	}
}

// Get returns the current value of a key; ok is false if it has none.
func (o *Overlay[K, V]) Get(k K) (v V, ok bool, err error) {
	e, err := o.Find(k)
	if err != nil {
		return v, false, err
	}
	v, ok = e.Value()
	return v, ok, nil
}

var _ Store = (*Overlay[string, int64])(nil)
