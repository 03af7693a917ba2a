package state

import (
	"fmt"
	"slices"
	"strings"
)

// Range calls each for every key with a value, from <= key < to, in the order of
// the encoded keys, until each returns false. A nil to means no upper bound. It
// sees the current values, committed or not; each must not change the store, and
// may keep the key.
//
// It sorts the keys that the overlay holds, so it is for reading a range whole,
// not for finding one key.
func (o *Overlay[K, V]) Range(from, to []byte, each func(key []byte, v V, timestampMillis int64) bool) error {
	held := o.between(from, to)
	// upTo hands out what is held below key, or all, and says whether to go on.
	upTo := func(key string, all bool) bool {
		for len(held) > 0 && (all || held[0].key < key) {
			e := held[0]
			held = held[1:]
			if v, ok := e.Value(); ok && !each(e.Key(), v, e.timestampMillis) {
				return false
			}
		}
		return true
	}
	goOn, failed := true, error(nil)
	if o.coverage != complete {
		dbFrom, dbTo := dbRange(o.name, from, to)
		err := o.db.Scan(dbFrom, dbTo, func(dbKey, stored []byte) bool {
			key := dbKey[len(o.name)+1:]
			if goOn = upTo(string(key), false); !goOn {
				return false
			}
			if len(held) > 0 && held[0].key == string(key) {
				return true // newer than the DB; comes with the next upTo
			}
			v, timestampMillis, err := o.decode(stored)
			if err != nil {
				failed = err
				return false
			}
			goOn = each(key, v, timestampMillis)
			return goOn
		})
		if err != nil {
			return fmt.Errorf("scan store %s: %w", o.name, err)
		}
	}
	if goOn && failed == nil {
		upTo("", true)
	}
	return failed
}

// between returns the entries of a range in the order of their keys.
func (o *Overlay[K, V]) between(from, to []byte) []*Entry[V] {
	var held []*Entry[V]
	for key, e := range o.entries {
		if key >= string(from) && (to == nil || key < string(to)) {
			held = append(held, e)
		}
	}
	slices.SortFunc(held, func(a, b *Entry[V]) int { return strings.Compare(a.key, b.key) })
	return held
}

// All is Range over everything, with keys decoded.
func (o *Overlay[K, V]) All(each func(k K, v V, timestampMillis int64) bool) error {
	var failed error
	err := o.Range(nil, nil, func(key []byte, v V, timestampMillis int64) bool {
		k, err := o.keys.Decode(key)
		if err != nil {
			failed = fmt.Errorf("decode key of store %s: %w", o.name, err)
			return false
		}
		return each(k, v, timestampMillis)
	})
	if err != nil {
		return err
	}
	return failed
}
