package log

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// A keyHash stands for a key: 128 bits of SHA-256, so that nobody finds two
// keys one of which would take the other away.
type keyHash [16]byte

func hashKey(key []byte) keyHash {
	sum := sha256.Sum256(key)
	return keyHash(sum[:16])
}

// An offsetMap has the newest offset of each key, in memory of a fixed size:
// open addressing, 24 bytes a slot.
type offsetMap struct {
	slots []offsetSlot
	used  int
	most  int
}

type offsetSlot struct {
	key   keyHash
	after Offset // the offset plus 1; 0 where the slot is free
}

const offsetSlotBytes = 24

// newOffsetMap returns a map that takes as many keys as limitBytes have room
// for, and no more than that many.
func newOffsetMap(limitBytes, keys int64) *offsetMap {
	slots := max(min(limitBytes/offsetSlotBytes, keys+keys/8+2), 2)
	return &offsetMap{slots: make([]offsetSlot, slots), most: int(slots - slots/10 - 1)}
}

// find returns the slot of a key, or the free one that it would take.
func (m *offsetMap) find(key keyHash) *offsetSlot {
	n := uint64(len(m.slots))
	i, _ := bits.Mul64(binary.BigEndian.Uint64(key[:]), n)
	for {
		s := &m.slots[i]
		if s.after == 0 || s.key == key {
			return s
		}
		if i++; i == n {
			i = 0
		}
	}
}

// put notes an offset, larger than those before, and reports false where the
// map is full.
func (m *offsetMap) put(key keyHash, o Offset) bool {
	s := m.find(key)
	if s.after == 0 {
		if m.used >= m.most {
			return false
		}
		m.used++
		s.key = key
	}
	s.after = o + 1
	return true
}

// newest returns the newest offset of a key, or -1.
func (m *offsetMap) newest(key keyHash) Offset { return m.find(key).after - 1 }
