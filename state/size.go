package state

// mapBytes is what a Go map takes for an entry's string header, pointer and
// share of control bytes and empty slots.
const mapBytes = 40

// size estimates the memory of an overlay.
type size struct {
	entryBytes int64 // of an entry without key and value

	total  int64 // of all entries
	held   int64 // of those among them that may not be evicted
	sealed int64 // of encoded values that are not in the DB

	inserted int // entries since the last Trim
}

func (o *Overlay[K, V]) bytes(e *Entry[V]) int64 {
	return o.size.entryBytes + int64(len(e.key)) + int64(e.valueBytes)
}

// resize notes the encoded length of the value of an entry that is held.
func (o *Overlay[K, V]) resize(e *Entry[V], valueBytes int) {
	grown := int64(valueBytes) - int64(e.valueBytes)
	e.valueBytes = int32(valueBytes)
	o.size.total += grown
	o.size.held += grown
}

// settle follows every step that may have made a held entry evictable.
func (o *Overlay[K, V]) settle(e *Entry[V]) {
	if e.evictable() {
		o.size.held -= o.bytes(e)
	}
}

// DirtyBytes estimates the memory of changes that are not in the DB.
func (o *Overlay[K, V]) DirtyBytes() int64 { return o.size.held + o.size.sealed }

// Bytes estimates the memory of the whole overlay.
func (o *Overlay[K, V]) Bytes() int64 { return o.size.total + o.size.sealed }

// Pressure asks the worker to commit and drain early: giving up every entry that
// can be given up would not get the overlay below its bound.
func (o *Overlay[K, V]) Pressure() bool { return o.DirtyBytes() > o.options.MaxBytes }

// trimSteps bounds a Trim, together with twice the number of entries that came
// since the last one: each must be passed once to be found unused and once more
// to be evicted.
const trimSteps = 4096

// Trim evicts entries that the DB holds too, those not used since the clock's
// hand last passed them first, until the overlay is within its bound.
func (o *Overlay[K, V]) Trim() {
	steps := trimSteps + 2*o.size.inserted
	o.size.inserted = 0
	for ; steps > 0 && o.Bytes() > o.options.MaxBytes && o.size.total > o.size.held; steps-- {
		switch e := o.slab.tick(); {
		case !e.evictable():
		case e.flags&referenced != 0:
			e.flags &^= referenced
		default:
			o.evict(e)
		}
	}
}

func (o *Overlay[K, V]) evict(e *Entry[V]) {
	if e.flags&exists != 0 && o.coverage == complete {
		o.coverage = partial
	}
	o.size.total -= o.bytes(e)
	delete(o.entries, e.key)
	o.slab.release(e)
}
