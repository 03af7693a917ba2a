package batch

import "encoding/binary"

// NoHorizon makes [Filter] leave the delete horizon of a batch as it is.
const NoHorizon int64 = -1

// Filter appends to dst the batch b with only those records for which keep
// returns true, and says how many these are. Offsets, timestamps and all else
// that b says stay, the last offset delta among it: it covers the offsets of
// dropped records, and [SetLastOffsetDelta] makes it cover more. Only the max
// timestamp is computed anew. A batch may be left without records; it then keeps
// its max timestamp, and what it says of its producer.
//
// With a horizon other than [NoHorizon] the batch says from then on, in
// milliseconds since the epoch, when its tombstones may be dropped: the base
// timestamp becomes the horizon, and the records are encoded anew as far as
// they count from it (KIP-534).
//
// A record is valid until keep returns. b must be one whole uncompressed batch,
// and must not overlap dst. Filter returns what [Reader] finds wrong with it,
// and dst with nothing appended; and an error that wraps [ErrTooLarge] if a
// horizon makes it larger than [MaxBytes].
func Filter(dst, b []byte, horizonMillis int64, keep func(*Record) bool) ([]byte, int, error) {
	var r Reader
	if err := r.Reset(b); err != nil {
		return dst, 0, err
	}
	start, attributes := len(dst), attributesOf(b)
	dst = append(dst, b[:HeaderBytes]...)
	rebase := horizonMillis != NoHorizon && (attributes&DeleteHorizon == 0 || horizonMillis != r.baseMs)
	if rebase {
		attributes |= DeleteHorizon
		binary.BigEndian.PutUint64(dst[start+baseTimePos:], uint64(horizonMillis))
	}
	count, from := 0, r.pos
	maxMs := int64(binary.BigEndian.Uint64(b[maxTimePos:]))
	var rec Record // outside, so that keep costs one allocation and not one a record
	for ; r.Next(&rec); from = r.pos {
		millis := rec.TimestampMillis
		if !keep(&rec) {
			continue
		}
		if count++; count == 1 || millis > maxMs {
			maxMs = millis
		}
		if rebase {
			dst = appendRebased(dst, b[from:r.pos], millis-horizonMillis)
		} else {
			dst = append(dst, b[from:r.pos]...)
		}
	}
	if err := r.Err(); err != nil {
		return dst[:start], 0, err
	}
	binary.BigEndian.PutUint64(dst[start+maxTimePos:], uint64(maxMs))
	binary.BigEndian.PutUint32(dst[start+countPos:], uint32(count))
	if err := seal(dst[start:], attributes); err != nil {
		return dst[:start], 0, err
	}
	return dst, count, nil
}

// appendRebased appends a record that a [Reader] has read, with another
// timestamp delta.
func appendRebased(dst, record []byte, deltaMillis int64) []byte {
	_, attributes := uvarint(record, 0)
	_, rest := uvarint(record, attributes+1)
	delta := zigzag(deltaMillis)
	body := 1 + uvarintBytes(delta) + len(record) - rest
	dst = appendUvarint(dst, uint64(body)<<1)
	dst = append(dst, record[attributes])
	dst = appendUvarint(dst, delta)
	return append(dst, record[rest:]...)
}
