package log

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// TestOffsetMapHasTheNewest compares the map with one of Go's. It takes as many
// keys as it was made for, where the memory is enough, and then says that it is
// full, of new keys only.
func TestOffsetMapHasTheNewest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.IntRange(1, 300).Draw(rt, "keys")
		limit := rapid.IntRange(1, 10_000).Draw(rt, "bytes")
		m, want := newOffsetMap(int64(limit), int64(keys)), map[uint32]Offset{}
		hash := func(k uint32) (h keyHash) {
			if k%3 > 0 {
				return hashKey(binary.BigEndian.AppendUint32(nil, k))
			}
			binary.BigEndian.PutUint32(h[12:], k+1) // all in one place
			return h
		}
		if len(m.slots)*offsetSlotBytes > max(limit, 2*offsetSlotBytes) {
			rt.Fatalf("%d slots in %d bytes", len(m.slots), limit)
		}
		for o := range Offset(2 * keys) {
			k := uint32(rapid.IntRange(0, keys-1).Draw(rt, "key"))
			_, has := want[k]
			ok := m.put(hash(k), o)
			if full := len(want) >= m.most; ok != (has || !full) {
				rt.Fatalf("put of a key that is there %v: %v, with %d of %d", has, ok, len(want), m.most)
			}
			if ok {
				want[k] = o
			} else if limit >= (keys+keys/8+2)*offsetSlotBytes {
				rt.Fatalf("full with %d of %d keys", len(want), keys)
			}
		}
		for k := range uint32(keys) {
			o, ok := want[k]
			if !ok {
				o = -1
			}
			if got := m.newest(hash(k)); got != o {
				rt.Fatalf("key %d is at %d, want %d", k, got, o)
			}
		}
	})
}
