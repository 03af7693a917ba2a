package batch

import "math/bits"

// maxVarintBytes and maxVarlongBytes are the longest forms of 32 and 64 bits.
const (
	maxVarintBytes  = 5
	maxVarlongBytes = 10
)

// zigzag folds the sign into the lowest bit, so that small negatives are short.
func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// uvarintBytes returns how many groups of 7 bits u takes: ceil(len/7) without
// a division, right for every length up to 64.
func uvarintBytes(u uint64) int { return (9*bits.Len64(u|1) + 64) >> 6 }

// nullCode is the length -1, zigzagged.
const nullCode = 1

// lengthCode returns the length of b, zigzagged: nullCode if b is nil.
func lengthCode(b []byte) uint64 {
	if b == nil {
		return nullCode
	}
	return uint64(len(b)) << 1
}

// putUvarint writes u at d[i:] and returns the place behind it. The caller has
// made room.
func putUvarint(d []byte, i int, u uint64) int {
	for u >= 0x80 {
		d[i] = byte(u) | 0x80
		u >>= 7
		i++
	}
	d[i] = byte(u)
	return i + 1
}

// bad is the place that a failed read returns. Reads at it fail too, so a run
// of them is checked once, at its end.
const bad = -1

// short reads the varint at b[i:], not yet unzigzagged, if it has one or two
// bytes, and returns the place behind it, or bad. It is small enough for the
// compiler to inline; nearly all that a record has are this short.
func short(b []byte, i int) (uint64, int) {
	if uint(i) >= uint(len(b)) {
		return 0, bad
	}
	lo := uint64(b[i])
	if lo < 0x80 {
		return lo, i + 1
	}
	if i++; uint(i) >= uint(len(b)) || b[i] >= 0x80 {
		return 0, bad
	}
	return lo&0x7f | uint64(b[i])<<7, i + 1
}

// uvarint reads the varint at b[i:], not yet unzigzagged, and returns the place
// behind it, or bad.
func uvarint(b []byte, i int) (uint64, int) {
	if i < 0 {
		return 0, bad
	}
	var u uint64
	for shift := 0; shift < 64; shift += 7 {
		if i >= len(b) {
			return 0, bad
		}
		c := b[i]
		i++
		if shift == 63 && c > 1 {
			return 0, bad // a 65th bit
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return u, i
		}
	}
	return 0, bad
}

// uvarint32 is uvarint for what has 32 bits: everything but timestamps. It
// refuses forms of more than maxVarintBytes, which other clients do not read.
func uvarint32(b []byte, i int) (uint64, int) {
	u, at := uvarint(b, i)
	if at > i+maxVarintBytes || u > 1<<32-1 {
		return 0, bad
	}
	return u, at
}
