package state

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A flight holds the values of one Seal, back to back as the DB will have them,
// until the log answers.
type flight[V any] struct {
	arena  []byte
	sealed []sealed[V]
}

// A sealed value lies at arena[from:to]. It is empty if the entry was deleted;
// no other is, because of the timestamp.
type sealed[V any] struct {
	entry    *Entry[V]
	from, to int
}

// A committedLayer holds the newest committed value of entries whose value in
// the DB is older.
type committedLayer[V any] struct {
	pending  []pending[V]
	bytes    int64 // of the arenas that pending values lie in
	draining []*Entry[V]
	drained  int64 // bytes, of the arenas that will be free after Drained
}

// pending is a committed value; nil if the entry was deleted.
type pending[V any] struct {
	entry  *Entry[V]
	stored []byte
}

// Forward calls each for every entry changed since the last Forward, once, in
// the order of their first change. Once each has returned, what it saw is the
// entry's forwarded value. If each changes this store, that is forwarded in the
// same Forward. After an error the overlay is of no more use.
func (o *Overlay[K, V]) Forward(each func(e *Entry[V]) error) error {
	o.End()
	for i := 0; i < len(o.unsent); i++ {
		e := o.unsent[i]
		if e.flags&unsent == 0 {
			continue // changed by each, and forwarded since
		}
		e.flags &^= unsent
		o.settle(e)
		if err := each(e); err != nil {
			return err
		}
		if e.flags&unsent == 0 {
			o.forget(e)
		}
	}
	o.unsent = o.unsent[:0]
	return nil
}

// forget drops the image that was forwarded before the current one.
func (o *Overlay[K, V]) forget(e *Entry[V]) {
	if e.before != nil {
		o.slab.releaseImage(e.before)
		e.before = nil
	}
}

var errSealedTwice = errors.New("sealed again before the log has answered the last commit")

// Seal encodes each entry changed since the last Seal once, calls emit for it,
// and puts it in flight. See [Store.Seal]. After an error the overlay is of no
// more use, like the commit.
func (o *Overlay[K, V]) Seal(emit func(key, value []byte, timestampMillis int64) error) error {
	o.End()
	if len(o.flight.sealed) > 0 {
		return fmt.Errorf("store %s: %w", o.name, errSealedTwice)
	}
	// A commit is about as large as the one before.
	arena := make([]byte, 0, len(o.flight.arena))
	for _, e := range o.changed {
		from := len(arena)
		if e.flags&exists != 0 {
			var err error
			arena = binary.BigEndian.AppendUint64(arena, uint64(e.timestampMillis))
			if arena, err = o.values.Append(arena, e.value); err != nil {
				return fmt.Errorf("encode value of store %s: %w", o.name, err)
			}
			if o.own != nil {
				e.value = o.own(e.value)
			}
		}
		if emit != nil {
			if err := emit(e.Key(), valueOf(arena[from:]), e.timestampMillis); err != nil {
				return fmt.Errorf("changelog of store %s: %w", o.name, err)
			}
		}
		o.resize(e, max(0, len(arena)-from-timestampBytes))
		e.flags = e.flags&^open | inFlight
		o.flight.sealed = append(o.flight.sealed, sealed[V]{e, from, len(arena)})
	}
	o.changed = o.changed[:0]
	o.flight.arena = arena
	o.size.sealed += int64(len(arena))
	return nil
}

// valueOf takes the timestamp off what a DB stores. It is nil for a deletion.
func valueOf(stored []byte) []byte {
	if len(stored) == 0 {
		return nil
	}
	return stored[timestampBytes:]
}

// Committed makes what is in flight wait for the DB.
func (o *Overlay[K, V]) Committed() {
	c := &o.committed
	for _, s := range o.flight.sealed {
		var stored []byte
		if s.to > s.from {
			stored = o.flight.arena[s.from:s.to:s.to]
		}
		e := s.entry
		e.flags &^= inFlight
		if e.pendingAt != 0 {
			c.pending[e.pendingAt-1].stored = stored
			continue
		}
		c.pending = append(c.pending, pending[V]{e, stored})
		e.pendingAt = int32(len(c.pending))
	}
	if len(o.flight.sealed) > 0 {
		c.bytes += int64(len(o.flight.arena))
		o.flight.sealed = o.flight.sealed[:0]
	}
}

// Drain appends the newest committed value of each entry that the DB does not
// have yet. See [Store.Drain].
func (o *Overlay[K, V]) Drain(dst []Write) []Write {
	c := &o.committed
	if len(c.draining) > 0 {
		return dst
	}
	keyBytes := 0
	for _, p := range c.pending {
		keyBytes += len(o.name) + 1 + len(p.entry.key)
	}
	keys := make([]byte, 0, keyBytes)
	for _, p := range c.pending {
		e, from := p.entry, len(keys)
		keys = appendDBKey(keys, o.name, e.Key())
		dst = append(dst, Write{Key: keys[from:len(keys):len(keys)], Value: p.stored})
		e.pendingAt = 0
		e.flags |= draining
		c.draining = append(c.draining, e)
	}
	clear(c.pending) // lets the arenas go
	c.pending = c.pending[:0]
	c.bytes, c.drained = 0, c.bytes
	return dst
}

// Drained tells that the DB has what was drained, so that it may be evicted.
func (o *Overlay[K, V]) Drained() {
	c := &o.committed
	for _, e := range c.draining {
		e.flags &^= draining
		o.settle(e)
	}
	c.draining = c.draining[:0]
	o.size.sealed -= c.drained
	c.drained = 0
}
