package state

import (
	"encoding/binary"
	"fmt"
)

// DefaultRestoreBytes is how much a Restorer gathers at most before it is Full.
const DefaultRestoreBytes = 16 << 20 // 16 MiB

// A Restorer brings one store of a DB up to its changelog: the newest value of
// each key is gathered and applied in sorted chunks, each with the position that
// it reaches. Interrupted at any moment, the next one goes on from
// [ReadPosition].
//
//	for each batch of the changelog, from the store's position:
//		r.Add(…) for each record
//		if r.Full() { r.Flush(position after the batch) }
//	r.Flush(position at the end)
//
// It belongs to one goroutine, and runs before the store's Overlay is used.
type Restorer struct {
	db       DB
	store    string
	maxBytes int64

	newest map[string]*restored
	slab   []restored
	arena  []byte // where the next values are to lie
	bytes  int64
	counts RestoreCounts
}

// A restored value, as the DB stores it. The bytes are used again for the key's
// next value.
type restored struct {
	stored  []byte
	deleted bool
}

// RestoreCounts tell how a restore went so far.
type RestoreCounts struct {
	Records int64 // taken from the changelog
	Writes  int64 // applied to the DB, after older ones of the same chunk were dropped
	Bytes   int64 // of keys and values applied
	Chunks  int64 // calls of Apply
}

// NewRestorer returns a Restorer for a store of db that gathers maxBytes, or
// DefaultRestoreBytes if that is 0.
func NewRestorer(db DB, store string, maxBytes int64) *Restorer {
	if maxBytes <= 0 {
		maxBytes = DefaultRestoreBytes
	}
	return &Restorer{db: db, store: store, maxBytes: maxBytes, newest: map[string]*restored{}}
}

// Add takes the next record of the changelog and copies it. A nil value is a
// tombstone.
func (r *Restorer) Add(key, value []byte, timestampMillis int64) {
	r.counts.Records++
	v := r.newest[string(key)]
	if v == nil {
		v = r.newRestored(timestampBytes + len(value))
		r.newest[string(key)] = v
		r.bytes += int64(len(key)+cap(v.stored)) + mapBytes
	}
	r.bytes -= int64(cap(v.stored))
	v.deleted = value == nil
	v.stored = binary.BigEndian.AppendUint64(v.stored[:0], uint64(timestampMillis))
	v.stored = append(v.stored, value...)
	r.bytes += int64(cap(v.stored))
}

// arenaBytes is how much memory for values is asked for at once.
const arenaBytes = 64 << 10

// newRestored returns an empty value with room for n bytes.
func (r *Restorer) newRestored(n int) *restored {
	if len(r.slab) == 0 {
		r.slab = make([]restored, chunkEntries)
	}
	if len(r.arena) < n {
		r.arena = make([]byte, max(n, arenaBytes))
	}
	v := &r.slab[0]
	v.stored, r.arena = r.arena[:0:n], r.arena[n:]
	r.slab = r.slab[1:]
	return v
}

// Full says that it is time to Flush.
func (r *Restorer) Full() bool { return r.bytes >= r.maxBytes }

// Flush applies what was gathered, and records that the store has got to p,
// which must be after the last record added. After an error the DB must be
// closed.
func (r *Restorer) Flush(p Position) error {
	writes := append(r.writes(), PositionWrite(r.store, p))
	SortWrites(writes)
	if err := r.db.Apply(writes); err != nil {
		return fmt.Errorf("restore store %s to %s: %w", r.store, p, err)
	}
	r.counts.Chunks++
	clear(r.newest)
	r.slab, r.arena, r.bytes = nil, nil, 0
	return nil
}

// writes returns what was gathered.
func (r *Restorer) writes() []Write {
	keyBytes := 0
	for key := range r.newest {
		keyBytes += len(r.store) + 1 + len(key)
	}
	keys := make([]byte, 0, keyBytes)
	writes := make([]Write, 0, len(r.newest)+1)
	for key, v := range r.newest {
		from := len(keys)
		keys = appendDBKey(keys, r.store, bytesOf(key))
		w := Write{Key: keys[from:len(keys):len(keys)]}
		if !v.deleted {
			w.Value = v.stored
		}
		r.counts.Bytes += int64(len(w.Key) + len(w.Value))
		writes = append(writes, w)
	}
	r.counts.Writes += int64(len(writes))
	return writes
}

// Counts tells how the restore went so far.
func (r *Restorer) Counts() RestoreCounts { return r.counts }
