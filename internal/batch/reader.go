package batch

import "fmt"

// A Reader walks the records of one batch without copying or allocating:
//
//	if err := r.Reset(b); err != nil { … }
//	for r.Next(&rec) { … }
//	if err := r.Err(); err != nil { … }
//
// It checks everything but the checksum, which is for [Verify]; the headers of
// a record only as far as their number could fit, the rest is for
// [ParseHeaders]. A Reader belongs to one goroutine.
type Reader struct {
	b         []byte // the whole batch
	pos       int    // of the next record
	left      int32  // records not yet read
	lastDelta int32  // of the record before; -1 at first
	maxDelta  int32
	offset    int64
	baseMs    int64
	fixedMs   int64 // the timestamp of all records, if hasFixed
	hasFixed  bool
	err       error
}

// Reset makes r read b, which must be one whole batch. It returns an error that
// wraps [ErrCorrupt] if it is not, and one that wraps [ErrCompressed] and names
// the codec if the records are compressed; Next is false then.
func (r *Reader) Reset(b []byte) error {
	h, err := parseWhole(b)
	if err != nil {
		*r = Reader{err: err}
		return err
	}
	return r.ResetParsed(&h, b)
}

// ResetParsed is Reset for the batch b of which h is the header: parsed, and as
// long as b.
func (r *Reader) ResetParsed(h *Header, b []byte) error {
	if h.Codec() != None {
		err := fmt.Errorf("%w: %v (decompress it first)", ErrCompressed, h.Codec())
		*r = Reader{err: err}
		return err
	}
	*r = Reader{
		b: b, pos: HeaderBytes, left: h.Count, lastDelta: -1, maxDelta: h.LastOffsetDelta,
		offset: h.BaseOffset, baseMs: h.BaseTimestampMillis,
		fixedMs: h.MaxTimestampMillis, hasFixed: h.Attributes&LogAppendTime != 0,
	}
	return nil
}

// Err returns the error that made Next return false, if one did.
func (r *Reader) Err() error { return r.err }

// Next reads the next record into rec and returns true, or returns false at the
// end of the batch and at the first record that makes no sense: see Err.
//
// It spells [sized] out, because a call that the compiler does not inline costs
// a tenth of a record.
func (r *Reader) Next(rec *Record) bool {
	if r.left == 0 {
		return r.end()
	}
	length, start := short(r.b, r.pos)
	if start < 0 {
		length, start = uvarint32(r.b, r.pos)
	}
	// All lengths are compared zigzagged and unsigned: a negative one is odd,
	// and a huge one cannot overflow.
	if start < 0 || length&1 != 0 || length>>1 > uint64(len(r.b)-start) {
		return r.fail("its length goes past the batch")
	}
	end := start + int(length>>1)
	b := r.b[:end]
	time, at := short(b, start+1) // the attributes between are unused
	if at < 0 {
		time, at = uvarint(b, start+1)
	}
	delta, i := short(b, at)
	if i < 0 {
		delta, i = uvarint32(b, at)
	}
	n, at := short(b, i)
	if at < 0 {
		n, at = uvarint32(b, i)
	}
	key, i := view(b, n, at)
	n, at = short(b, i)
	if at < 0 {
		n, at = uvarint32(b, i)
	}
	value, i := view(b, n, at)
	count, at := short(b, i)
	if at < 0 {
		count, at = uvarint32(b, i)
	}
	if at < 0 {
		return r.fail("a field goes past the record")
	}
	if delta&1 != 0 || delta>>1 > uint64(r.maxDelta) || int32(delta>>1) <= r.lastDelta {
		return r.fail("its offset is not between the one before and the last")
	}
	if count&1 != 0 || count>>1 > uint64(end-at)/minRecordHeaderBytes || (count == 0 && at != end) {
		return r.fail("its header count does not match its length")
	}
	r.lastDelta = int32(delta >> 1)
	rec.Offset = r.offset + int64(r.lastDelta)
	rec.TimestampMillis = r.baseMs + unzigzag(time)
	if r.hasFixed {
		rec.TimestampMillis = r.fixedMs
	}
	rec.Key, rec.Value = key, value
	rec.HeaderCount, rec.RawHeaders = int(count>>1), b[at:end:end]
	r.pos = end
	r.left--
	return true
}

// end checks that the records end where the batch does.
func (r *Reader) end() bool {
	if r.err == nil && r.pos != len(r.b) {
		r.err = fmt.Errorf("%w: %d bytes after the last record", ErrCorrupt, len(r.b)-r.pos)
	}
	return false
}

// fail stops r at the record that begins at r.pos.
func (r *Reader) fail(why string) bool {
	r.err = fmt.Errorf("%w: record at byte %d: %s", ErrCorrupt, r.pos, why)
	r.left, r.pos = 0, len(r.b)
	return false
}
