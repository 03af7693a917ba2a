package serde

import (
	"encoding/binary"
	"fmt"
	"time"
)

var (
	// Time writes an instant exactly: seconds since the Unix epoch in 8 bytes and
	// nanoseconds in 4, big-endian. It is what [For] gives for time.Time, because
	// a value must not change by being written: an aggregate that is read back
	// after a restart would differ from the one in memory.
	//
	// An instant is all that is kept. What is decoded is in UTC and has no
	// monotonic reading; compare with time.Time.Equal. The same instant in two
	// zones is one key.
	Time Serde[time.Time] = instant{}

	// TimeMillis writes milliseconds since the Unix epoch in 8 bytes, as most
	// programs around Kafka do with LongSerializer. It refuses an instant that
	// is not a whole millisecond: Truncate it first.
	TimeMillis Serde[time.Time] = instantMillis{}
)

const (
	instantBytes = 12
	// nanosPerSecond bounds the second half of an instant.
	nanosPerSecond = uint32(time.Second)
)

type instant struct{}

func (instant) Name() string { return "time" }

func (instant) Append(dst []byte, v time.Time) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.Unix()))
	return binary.BigEndian.AppendUint32(dst, uint32(v.Nanosecond())), nil
}

func (s instant) Decode(b []byte) (time.Time, error) {
	if len(b) != instantBytes {
		return time.Time{}, wantBytes(s.Name(), b, instantBytes)
	}
	nanos := binary.BigEndian.Uint32(b[8:])
	if nanos >= nanosPerSecond {
		return time.Time{}, fmt.Errorf("decode time: %w: %d nanoseconds, want less than a second", ErrMalformed, nanos)
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), int64(nanos)).UTC(), nil
}

type instantMillis struct{}

func (instantMillis) Name() string { return "time-millis" }

func (instantMillis) Append(dst []byte, v time.Time) ([]byte, error) {
	ms := v.UnixMilli()
	if !time.UnixMilli(ms).Equal(v) {
		return dst, fmt.Errorf("encode time %v: %w as whole milliseconds (Truncate it to time.Millisecond, or use serde.Time)",
			v, ErrUnencodable)
	}
	return binary.BigEndian.AppendUint64(dst, uint64(ms)), nil
}

func (s instantMillis) Decode(b []byte) (time.Time, error) {
	if len(b) != 8 {
		return time.Time{}, wantBytes(s.Name(), b, 8)
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC(), nil
}
