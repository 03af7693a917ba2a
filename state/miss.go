package state

import (
	"encoding/binary"
	"fmt"
)

// coverage is what an overlay knows about keys that it does not hold.
type coverage uint8

const (
	unknown  coverage = iota // nobody has looked
	partial                  // the DB may hold them
	complete                 // they do not exist
)

// timestampBytes is what a value in a DB begins with.
const timestampBytes = 8

// miss makes the entry of a key that the overlay does not hold.
func (o *Overlay[K, V]) miss(key []byte) (*Entry[V], error) {
	if o.coverage == unknown {
		if err := o.look(); err != nil {
			return nil, err
		}
	}
	if o.coverage == complete {
		return o.insert(key, nil, false)
	}
	o.dbBuffer = appendDBKey(o.dbBuffer[:0], o.name, key)
	stored, found, err := o.db.Get(o.dbBuffer)
	if err != nil {
		return nil, fmt.Errorf("read store %s: %w", o.name, err)
	}
	return o.insert(key, stored, found)
}

// look finds out whether the DB holds anything of this store.
func (o *Overlay[K, V]) look() error {
	o.coverage = complete
	from, to := dbRange(o.name, nil, nil)
	err := o.db.Scan(from, to, func(_, _ []byte) bool {
		o.coverage = partial
		return false
	})
	if err != nil {
		o.coverage = unknown
		return fmt.Errorf("read store %s: %w", o.name, err)
	}
	return nil
}

func (o *Overlay[K, V]) insert(key, stored []byte, found bool) (*Entry[V], error) {
	e := o.slab.newEntry()
	if found {
		v, timestampMillis, err := o.decode(stored)
		if err != nil {
			o.slab.release(e)
			return nil, err
		}
		e.value, e.timestampMillis = v, timestampMillis
		e.valueBytes = int32(len(stored) - timestampBytes)
		e.flags |= exists
	}
	e.key = string(key)
	o.entries[e.key] = e
	o.size.total += o.bytes(e)
	o.size.inserted++
	return e, nil
}

// decode splits and decodes a value of the DB.
func (o *Overlay[K, V]) decode(stored []byte) (v V, timestampMillis int64, err error) {
	if len(stored) < timestampBytes {
		return v, 0, fmt.Errorf("%w: store %s: value of %d bytes, want at least %d", ErrCorrupt, o.name, len(stored), timestampBytes)
	}
	v, err = o.values.Decode(stored[timestampBytes:])
	if err != nil {
		return v, 0, fmt.Errorf("decode value of store %s: %w", o.name, err)
	}
	return v, int64(binary.BigEndian.Uint64(stored)), nil
}
