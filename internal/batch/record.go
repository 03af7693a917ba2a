package batch

import "fmt"

// minRecordBytes is the size of a record with no key, value or headers and with
// deltas below 64: seven fields of one byte.
const minRecordBytes = 7

// minRecordHeaderBytes is the size of a header with an empty key and no value.
const minRecordHeaderBytes = 2

// maxRecordFieldBytes bounds everything in a record that is not key, value or
// headers: five lengths and deltas of 32 bits, a timestamp, the attributes.
const maxRecordFieldBytes = 5*maxVarintBytes + maxVarlongBytes + 1

// A Record is one entry of a batch.
//
// Key, Value and RawHeaders are views into the batch it was read from. Nil
// means null, which differs from empty.
type Record struct {
	Offset          int64
	TimestampMillis int64
	Key             []byte
	Value           []byte
	HeaderCount     int
	RawHeaders      []byte // as [ParseHeaders] reads them
}

// A RecordHeader is an application's note on a record.
type RecordHeader struct {
	Key   string
	Value []byte // nil is null
}

// RecordSizeBytes returns an upper bound of what [Builder.Append] adds.
func RecordSizeBytes(key, value []byte, headers []RecordHeader) int {
	n := maxRecordFieldBytes + len(key) + len(value)
	for i := range headers {
		n += 2*maxVarintBytes + len(headers[i].Key) + len(headers[i].Value)
	}
	return n
}

// RawRecordSizeBytes returns an upper bound of what [Builder.AppendRaw] adds.
func RawRecordSizeBytes(key, value, rawHeaders []byte) int {
	return maxRecordFieldBytes + len(key) + len(value) + len(rawHeaders)
}

// AppendHeader appends one header in the form of [Record.RawHeaders].
func AppendHeader(dst []byte, key string, value []byte) []byte {
	dst = appendUvarint(dst, uint64(len(key))<<1)
	dst = append(dst, key...)
	dst = appendUvarint(dst, lengthCode(value))
	return append(dst, value...)
}

func appendUvarint(dst []byte, u uint64) []byte {
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

// AppendHeaders appends headers in the form of [Record.RawHeaders].
func AppendHeaders(dst []byte, headers []RecordHeader) []byte {
	for i := range headers {
		dst = AppendHeader(dst, headers[i].Key, headers[i].Value)
	}
	return dst
}

// ParseHeaders calls each for every header in raw, of which there must be
// count. Key and value are views into raw; a nil value is null. It returns the
// first error of each, or one that wraps [ErrCorrupt], in which case each may
// have seen the headers before the bad one.
func ParseHeaders(raw []byte, count int, each func(key, value []byte) error) error {
	i := 0
	for n := range count {
		var key, value []byte
		key, i = sized(raw, i)
		if i < 0 || key == nil {
			return fmt.Errorf("%w: header %d of %d: its key is null or goes past the record", ErrCorrupt, n, count)
		}
		value, i = sized(raw, i)
		if i < 0 {
			return fmt.Errorf("%w: header %d of %d: its value goes past the record", ErrCorrupt, n, count)
		}
		if err := each(key, value); err != nil {
			return err
		}
	}
	if i != len(raw) {
		return fmt.Errorf("%w: %d bytes after the last of %d headers", ErrCorrupt, len(raw)-i, count)
	}
	return nil
}

// sized reads a length and that many bytes at b[i:] and returns a view of them,
// nil for null, and the place behind them, or bad.
func sized(b []byte, i int) ([]byte, int) {
	n, at := uvarint32(b, i)
	return view(b, n, at)
}

// view returns the bytes at b[at:] whose length, zigzagged, is n: nil for null;
// and the place behind them, or bad.
func view(b []byte, n uint64, at int) ([]byte, int) {
	if n == nullCode {
		return nil, at
	}
	if at < 0 || n&1 != 0 || n>>1 > uint64(len(b)-at) {
		return nil, bad
	}
	end := at + int(n>>1)
	return b[at:end:end], end
}
