package state

import "unsafe"

// An Entry is one key of an [Overlay] and its current value. It is valid until
// the next Trim, and changed only through the Overlay.
type Entry[V any] struct {
	key             string
	value           V
	timestampMillis int64

	// before is the image at the last Forward, kept from the first change after
	// it until the next Forward, in overlays that keep forwarded values. Without
	// it the forwarded value is the current one.
	before *image[V]

	// pendingAt is the entry's place in the pending layer plus one, or 0.
	pendingAt int32

	// valueBytes is the value's encoded length when last encoded or decoded.
	valueBytes int32

	flags flags
}

// An image is the value of an entry at some moment.
type image[V any] struct {
	value           V
	timestampMillis int64
	exists          bool
}

type flags uint8

const (
	exists     flags = 1 << iota // the key has a value
	open                         // changed since the last Seal
	unsent                       // changed since the last Forward
	inFlight                     // sealed, and the log has not answered
	draining                     // handed to the goroutine that writes the DB
	referenced                   // used since the clock's hand passed
	vacant                       // holds no key; waits in the free list

	// busy entries hold what the DB does not, and must stay. So must those that
	// are in the pending layer, which have a place there.
	busy = open | unsent | inFlight | draining
)

// Key returns the encoded key. The bytes must not be changed.
func (e *Entry[V]) Key() []byte { return bytesOf(e.key) }

// Value returns the current value; ok is false if the key has none.
func (e *Entry[V]) Value() (v V, ok bool) { return e.value, e.flags&exists != 0 }

// TimestampMillis returns the event time of the current value, or of its
// deletion if that is not in the DB yet.
func (e *Entry[V]) TimestampMillis() int64 { return e.timestampMillis }

// Forwarded returns the value at the last Forward: what downstream knows. It
// needs [Options.KeepForwarded].
func (e *Entry[V]) Forwarded() (v V, timestampMillis int64, ok bool) {
	if e.before != nil {
		return e.before.value, e.before.timestampMillis, e.before.exists
	}
	return e.value, e.timestampMillis, e.flags&exists != 0
}

// evictable says that the DB holds the same as the entry.
func (e *Entry[V]) evictable() bool { return e.flags&(busy|vacant) == 0 && e.pendingAt == 0 }

// bytesOf lends the bytes of a string, which must not be changed. Those of the
// empty one are not nil, which in a log is no key at all.
func bytesOf(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
