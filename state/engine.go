package state

import (
	"bytes"
	"errors"
	"slices"
)

// ErrCorrupt is wrapped by every error that means a database can not be
// trusted any more. The way out is always the same: close it, Engine.Remove it,
// and rebuild it from the changelog. A full disk is not ErrCorrupt.
var ErrCorrupt = errors.New("state is corrupt")

// ErrClosed is returned by a DB that was closed, or that another Open of the
// same task has taken over.
var ErrClosed = errors.New("state is closed")

// An Engine holds one database for each task.
type Engine interface {
	// Open opens the database of a task, or an empty one if there is none. The
	// name of a task is one path element, such as "0_3". An error that wraps
	// ErrCorrupt asks for Remove.
	Open(task string) (DB, error)

	// Remove deletes the database of a task, which must be closed. It is no
	// error if there is none. A crash in the middle leaves a database that is
	// whole, gone, or ErrCorrupt.
	Remove(task string) error
}

// A DB is the database of one task: a cache of what its changelogs hold.
//
// One goroutine may call Apply while another calls Get and Scan.
type DB interface {
	// Get returns the value of key. The caller may keep the value; it never
	// changes.
	Get(key []byte) (value []byte, found bool, err error)

	// Apply writes all of writes, which are sorted by key and name no key twice
	// (see [SortWrites]). It copies what it keeps.
	//
	// Writes to the DB's own keys, those that begin with 0x00, become readable
	// after all others. After a crash of the process, a DB that holds one of them
	// holds every write of the same Apply and of all before it. A large Apply
	// that did not finish may have left some of the other writes.
	//
	// After an error nothing is written any more: every later Apply fails too.
	Apply(writes []Write) error

	// Scan calls each in the order of keys for from <= key < to, as of the moment
	// of the call, until each returns false. A nil to means no upper bound. The
	// callee may keep key and value, and may read the DB.
	Scan(from, to []byte, each func(key, value []byte) bool) error

	// Close makes what was applied survive the machine's crash too, where the
	// engine has a disk.
	Close() error
}

// A Write is one change of a DB. A nil Value deletes Key; an empty one does
// not.
type Write struct {
	Key, Value []byte
}

// SortWrites puts writes in the order that [DB.Apply] wants.
func SortWrites(writes []Write) {
	slices.SortFunc(writes, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
}
