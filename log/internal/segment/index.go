package segment

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"sort"

	"github.com/freshet/freshet/internal/batch"
)

// indexIntervalBytes is how far apart the batches are, at least, that have an
// entry.
const indexIntervalBytes = 4096

// maxTail is how many entries are held in memory where they cannot be saved.
// Past it every second one is given up.
const maxTail = 8192

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// An entry is one of either index: the last offset of a batch, from the base,
// and its position; or the largest timestamp so far and the last offset of the
// first batch that bears it. Keys grow.
type entry struct {
	key   int64
	value uint32
}

// entryBytes are the sizes of entries in their files.
var entryBytes = [kinds]int{offsetIndexFile: 8, timeIndexFile: 12}

func appendEntry(b []byte, k kind, e entry) []byte {
	if k == offsetIndexFile {
		b = binary.BigEndian.AppendUint32(b, uint32(e.key))
	} else {
		b = binary.BigEndian.AppendUint64(b, uint64(e.key))
	}
	return binary.BigEndian.AppendUint32(b, e.value)
}

func decodeEntry(b []byte, k kind) entry {
	if k == offsetIndexFile {
		return entry{int64(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:])}
	}
	return entry{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}
}

// entries is one index: first those that the file has, then those that only
// memory has.
type entries struct {
	saved int
	crc   uint32 // of the saved ones
	tail  []entry
	last  entry // the newest of all
	count int   // that there would be, had none been given up
}

// add appends to tail; those who hold an older one see no more than before.
func (x *entries) add(e entry) {
	x.tail = append(x.tail, e)
	x.last = e
	x.count++
}

// thin gives up every second entry where there are too many. What is left is
// as true; searches walk farther.
func (x *entries) thin() {
	if len(x.tail) < maxTail {
		return
	}
	kept := make([]entry, 0, maxTail)
	for i := 1; i < len(x.tail); i += 2 {
		kept = append(kept, x.tail[i])
	}
	x.tail = kept
}

// encode returns the bytes of the tail and the checksum that the file has with
// them.
func (x *entries) encode(k kind) (b []byte, crc uint32) {
	b = make([]byte, 0, len(x.tail)*entryBytes[k])
	for _, e := range x.tail {
		b = appendEntry(b, k, e)
	}
	return b, crc32.Update(x.crc, castagnoli, b)
}

// nowSaved moves n entries of the tail to those that the file has.
func (x *entries) nowSaved(n int, crc uint32) {
	x.saved += n
	x.crc = crc
	x.tail = append([]entry(nil), x.tail[n:]...) // the old one may be in use
}

// floor returns the newest entry of the tail whose key is at most key.
func (x *entries) floor(key int64) (entry, bool) {
	n := sort.Search(len(x.tail), func(i int) bool { return x.tail[i].key > key })
	if n == 0 {
		return entry{}, false
	}
	return x.tail[n-1], true
}

// indexes are both indexes of one segment, and what it takes to go on with
// them.
type indexes struct {
	ready  bool // they are as far as the segment
	want   Sums // of the files, if they were not looked at yet
	walked int64
	next   int64 // offset that the batch at walked begins with; -1: any
	broken error // why the batches at walked cannot be made sense of

	offsets, times entries
	sinceLast      int64 // bytes since the batch of the last entry, that batch included
	maxTime        int64
	maxTimeAt      uint32
}

func (x *indexes) reset() { *x = indexes{maxTime: math.MinInt64, next: -1} }

// believe notes what the files have to be like.
func (x *indexes) believe(s Sums) { x.want = s }

func (x *indexes) of(k kind) *entries {
	if k == offsetIndexFile {
		return &x.offsets
	}
	return &x.times
}

func (x *indexes) sums() Sums {
	if x.want != (Sums{}) {
		return x.want
	}
	return Sums{
		OffsetEntries: uint32(x.offsets.saved), OffsetCRC: x.offsets.crc,
		TimeEntries: uint32(x.times.saved), TimeCRC: x.times.crc,
	}
}

// add notes a batch at position pos: its last offset is last, from the base.
// Kafka makes its entries by the same rule.
func (x *indexes) add(last uint32, pos int64, h batch.Header) {
	if h.MaxTimestampMillis > x.maxTime || x.walked == 0 {
		x.maxTime, x.maxTimeAt = h.MaxTimestampMillis, last
	}
	if x.sinceLast > indexIntervalBytes {
		x.offsets.add(entry{int64(last), uint32(pos)})
		if x.times.count == 0 || x.maxTime > x.times.last.key {
			x.times.add(entry{x.maxTime, x.maxTimeAt})
		}
		x.sinceLast = 0
	}
	x.sinceLast += int64(h.SizeBytes())
	x.walked = pos + int64(h.SizeBytes())
	x.next = h.LastOffset() + 1
}
