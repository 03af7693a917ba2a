package segment

import (
	"encoding/binary"
	"sort"
	"sync"
)

const (
	indexEntryBytes    = 8
	indexIntervalBytes = 4096
)

// An indexEntry says that the batch at position ends with offset base + last.
type indexEntry struct{ last, position uint32 }

// An offsetIndex is the sparse index of one segment, in memory. The owner of
// the segment adds; readers look up.
type offsetIndex struct {
	mu struct {
		sync.RWMutex
		entries []indexEntry
	}
	sinceLast int64 // bytes appended since the last entry; the owner's
	saved     int   // entries that the file has; the owner's
}

// add notes a batch that begins at position, if one is due.
func (x *offsetIndex) add(last uint32, position, sizeBytes int64) {
	if x.sinceLast > indexIntervalBytes {
		x.mu.Lock()
		x.mu.entries = append(x.mu.entries, indexEntry{last, uint32(position)})
		x.mu.Unlock()
		x.sinceLast = 0
	}
	x.sinceLast += sizeBytes
}

// floor returns the position of the last indexed batch that ends at or before
// the relative offset, and its entry; 0 where there is none.
func (x *offsetIndex) floor(offset int64) (e indexEntry, found bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := sort.Search(len(x.mu.entries), func(i int) bool { return int64(x.mu.entries[i].last) > offset })
	if n == 0 {
		return indexEntry{}, false
	}
	return x.mu.entries[n-1], true
}

// last returns the newest entry.
func (x *offsetIndex) last() (e indexEntry, found bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.mu.entries) == 0 {
		return indexEntry{}, false
	}
	return x.mu.entries[len(x.mu.entries)-1], true
}

// reset replaces the entries.
func (x *offsetIndex) reset(entries []indexEntry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mu.entries = entries
	x.saved = 0
}

// unsaved returns the bytes of the entries that the file lacks.
func (x *offsetIndex) unsaved() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return encodeIndex(x.mu.entries[x.saved:])
}

func encodeIndex(entries []indexEntry) []byte {
	b := make([]byte, 0, len(entries)*indexEntryBytes)
	for _, e := range entries {
		b = binary.BigEndian.AppendUint32(b, e.last)
		b = binary.BigEndian.AppendUint32(b, e.position)
	}
	return b
}

// decodeIndex returns the longest run of entries that could be true of a
// segment of that size: growing offsets and growing positions inside it.
func decodeIndex(b []byte, sizeBytes int64) []indexEntry {
	entries := make([]indexEntry, 0, len(b)/indexEntryBytes)
	var before indexEntry
	for ; len(b) >= indexEntryBytes; b = b[indexEntryBytes:] {
		e := indexEntry{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
		if e.last <= before.last || e.position <= before.position || int64(e.position) >= sizeBytes {
			break
		}
		entries = append(entries, e)
		before = e
	}
	return entries
}
