package state

import (
	"bytes"
	"errors"
	"fmt"
)

// A Store is what the runtime needs to know of a store, whatever its types. The
// methods belong to the worker goroutine that owns the task.
//
// At a commit the worker, having forwarded what is coalesced, calls Seal on
// every store; after the log's answer Committed and Trim. About once a second,
// and when Pressure asks for it, it hands what Drain returns, with a
// [PositionWrite], to a goroutine that sorts and applies it; after that,
// Drained. A commit that was not, or may not have been, made leaves the Store
// useless: drop it with its task and open it anew.
type Store interface {
	// Name is the store's name within its task.
	Name() string

	// Begin starts a record: Rollback undoes every change since. Nothing is
	// remembered before the first Begin, nor after End.
	Begin()
	// End accepts the record's changes.
	End()
	// Rollback undoes the record's changes and ends it.
	Rollback()

	// Seal encodes every entry changed since the last Seal, calls emit for each
	// in order of first change (value nil: deleted), and puts them in flight.
	// emit may be nil; key and value are its to read during the call only.
	Seal(emit func(key, value []byte, timestampMillis int64) error) error
	// Committed tells that what was sealed last is committed.
	Committed()

	// Drain appends to dst the committed changes that are not in the DB yet, each
	// key once, in no order. The bytes never change. It appends nothing while
	// what an earlier Drain appended waits for Drained.
	Drain(dst []Write) []Write
	// Drained tells that what was drained is in the DB.
	Drained()

	// Trim gives up memory above the bound, at a commit boundary: entries of
	// typed handles not used again may cease to be valid.
	Trim()
	// Pressure asks the worker to commit and drain early, because more than the
	// bound is kept for changes that are not in the DB.
	Pressure() bool
	// DirtyBytes estimates the memory of changes that are not in the DB.
	DirtyBytes() int64
}

// separator ends a store's name in a DB key, so that no store's keys lie among
// another's.
const separator = 0x00

var errStoreName = errors.New("name a store with at least one character and no zero byte")

// CheckName refuses a name that no store can have.
func CheckName(store string) error {
	if store == "" || bytes.IndexByte([]byte(store), separator) >= 0 {
		return fmt.Errorf("store %q: %w", store, errStoreName)
	}
	return nil
}

// appendDBKey appends the key that a store's key has in its DB.
func appendDBKey(dst []byte, store string, key []byte) []byte {
	dst = append(dst, store...)
	dst = append(dst, separator)
	return append(dst, key...)
}

// dbRange returns the bounds of a store's keys from <= key < to in its DB. A nil
// to means all keys from from on.
func dbRange(store string, from, to []byte) (dbFrom, dbTo []byte) {
	dbFrom = appendDBKey(nil, store, from)
	if to != nil {
		return dbFrom, appendDBKey(nil, store, to)
	}
	dbTo = append([]byte(store), separator+1)
	return dbFrom, dbTo
}
