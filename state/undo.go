package state

// An undoList remembers what a record changed.
type undoList[V any] struct {
	recording bool
	changes   []change[V]

	// Lengths of the overlay's lists when the record began.
	changed, unsent int
}

// A change holds what an entry was before it.
type change[V any] struct {
	entry *Entry[V]
	image image[V]
}

func (u *undoList[V]) remember(e *Entry[V]) {
	u.changes = append(u.changes, change[V]{e, image[V]{e.value, e.timestampMillis, e.flags&exists != 0}})
}

// Begin starts a record. It costs nothing that grows with the record before.
func (o *Overlay[K, V]) Begin() {
	u := &o.undo
	u.recording = true
	u.changes = u.changes[:0]
	u.changed, u.unsent = len(o.changed), len(o.unsent)
}

// End accepts what the record changed. Forward and Seal do the same.
func (o *Overlay[K, V]) End() { o.undo.recording = false }

// Rollback undoes what was changed since Begin, newest first, and ends the
// record. Without a record it does nothing.
func (o *Overlay[K, V]) Rollback() {
	u := &o.undo
	if !u.recording {
		return
	}
	u.recording = false
	for i := len(u.changes) - 1; i >= 0; i-- {
		c := &u.changes[i]
		c.entry.value, c.entry.timestampMillis = c.image.value, c.image.timestampMillis
		c.entry.flags &^= exists
		if c.image.exists {
			c.entry.flags |= exists
		}
	}
	o.unmark()
}

// unmark takes the entries that the record was the first to change off the
// lists. Those it was the first to change since Forward alone stay held by being
// open, so only the others need to settle.
func (o *Overlay[K, V]) unmark() {
	u := &o.undo
	for _, e := range o.unsent[u.unsent:] {
		e.flags &^= unsent
		o.forget(e)
	}
	for _, e := range o.changed[u.changed:] {
		e.flags &^= open
		o.settle(e)
	}
	o.unsent, o.changed = o.unsent[:u.unsent], o.changed[:u.changed]
}
