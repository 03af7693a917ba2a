// Package state keeps what a task knows between records: tables of typed
// values, written back lazily to a database that is only a cache.
//
// A task (one subtopology, one partition) has one [DB] from an [Engine]. Each
// of its stores has one [Overlay] in front of it:
//
//	Put ──► open ──Seal──► in flight ──Committed──► pending ──Drain──► draining ──Drained──► DB
//	         │               │                         │                  │
//	     typed values    encoded once              coalesced          sorted, applied with the
//	                     ► changelog                                  Position, in the background
//
// An entry may be in several of these layers at once; its current value is
// typed, in one place, and read by one map lookup. Only values that the log has
// committed go beyond in flight, so a DB never holds an uncommitted one.
//
// In a DB, keys and values are
//
//	store name ‖ 0x00 ‖ key        timestamp in milliseconds, 8 bytes big-endian ‖ value
//	0x00 ‖ "position/" ‖ store     how far into the changelog the DB has got: a Position
//
// An Overlay belongs to the one worker goroutine that owns its task; nothing in
// it is locked. A DB may be read by that worker while one other goroutine calls
// Apply.
//
// What survives: nothing here is a source of truth. The changelog is. After a
// crash, what it holds past the Position of the DB is replayed by a [Restorer];
// a DB that says [ErrCorrupt] is removed and rebuilt from the changelog's
// start. Either way the store comes back equal to what was committed.
//
// Sources: Kafka's KIP-892 (state stores that hold committed data only) and
// KIP-1035 (offsets kept in the store).
package state
