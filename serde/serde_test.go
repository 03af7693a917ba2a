package serde_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/serde"
)

func must[T any](t testing.TB) serde.Serde[T] {
	t.Helper()
	s, err := serde.For[T]()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDecodeRefuses shows that bytes of another type are an error that says got
// and want, not a value.
func TestDecodeRefuses(t *testing.T) {
	malformed(t, serde.Bool, "", "0 bytes, want 1")
	malformed(t, serde.Bool, "\x02", "byte 2, want 0 or 1")
	malformed(t, serde.Int8, "12", "2 bytes, want 1")
	malformed(t, serde.Int16, "1", "1 bytes, want 2")
	malformed(t, serde.Int32, "12345678", "decode int32: malformed: 8 bytes, want 4")
	malformed(t, serde.Int64, "1234", "decode int64: malformed: 4 bytes, want 8")
	malformed(t, serde.Int, "", "0 bytes, want 8")
	malformed(t, serde.Float32, "123", "3 bytes, want 4")
	malformed(t, serde.Float64, "123", "3 bytes, want 8")
	malformed(t, serde.UUID, "6ba7b810", "8 bytes, want 36")
	malformed(t, serde.UUID, strings.Repeat("x", 36), "decode uuid")
	malformed(t, serde.Time, "12345678", "8 bytes, want 12")
	malformed(t, serde.Time, "\x00\x00\x00\x00\x00\x00\x00\x00\x3b\x9a\xca\x00", "1000000000 nanoseconds")
	malformed(t, serde.TimeMillis, "123456789012", "12 bytes, want 8")
	malformed(t, must[digest](t), "12345", "decode bytes4: malformed: 5 bytes, want 4")
	malformed(t, must[cents](t), "1", "1 bytes, want 8")
	malformed(t, must[*cents](t), "1", "1 bytes, want 8")
	malformed(t, must[point](t), "1", "decode serde_test.point: malformed: want 8 bytes")
	malformed(t, must[*account](t), "1", "decode *serde_test.account: malformed: want 2 bytes, not both 0")
	malformed(t, must[order](t), "{", "decode serde_test.order: malformed: unexpected end of JSON input")
	malformed(t, must[order](t), "{} {}", "after top-level value")
	malformed(t, must[*order](t), "null", "null is no *serde_test.order")
	if strconv.IntSize == 32 {
		malformed(t, serde.Int, "\x00\x00\x00\x01\x00\x00\x00\x00", "does not fit")
	}
}

func malformed[T any](t *testing.T, s serde.Serde[T], b, want string) {
	t.Helper()
	v, err := s.Decode([]byte(b))
	if !errors.Is(err, serde.ErrMalformed) || !strings.Contains(err.Error(), want) {
		t.Errorf("%q: got %v, %v, want it to say %q", b, v, err, want)
	}
}

// TestAppendRefuses shows the values that a format cannot hold, and that what
// was in the buffer stays.
func TestAppendRefuses(t *testing.T) {
	const way = "null is no value of a serde"
	unencodable(t, must[*string](t), nil, "encode nil *string: cannot be encoded: "+way)
	unencodable(t, must[*cents](t), nil, way)
	unencodable(t, must[*time.Time](t), nil, way)
	unencodable(t, must[*point](t), nil, way)
	unencodable(t, must[*order](t), nil, way)
	unencodable(t, serde.JSON[*order](), nil, way)
	unencodable(t, must[account](t), account{}, "an account has a number")
	unencodable(t, must[map[string]float64](t), map[string]float64{"x": math.NaN()}, "unsupported value: NaN")
	unencodable(t, serde.TimeMillis, someTime, "Truncate it to time.Millisecond")
	unencodable(t, serde.TimeMillis, time.Unix(math.MaxInt64/100, 0), "whole milliseconds")
}

func unencodable[T any](t *testing.T, s serde.Serde[T], v T, want string) {
	t.Helper()
	_, err := s.Append(nil, v)
	if !errors.Is(err, serde.ErrUnencodable) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v: got %v, want it to say %q", v, err, want)
	}
}

// TestJSONAfterAnError shows that a failed encoding leaves nothing in the
// encoder that the next one gets.
func TestJSONAfterAnError(t *testing.T) {
	s := serde.JSON[any]()
	for range 3 {
		if _, err := s.Append(nil, []any{"leftover", math.Inf(1)}); err == nil {
			t.Fatal("infinity was encoded")
		}
		if got, err := s.Append([]byte("x"), "<&>"); err != nil || string(got) != `x"<&>"` {
			t.Fatalf("got %q, %v, want %q", got, err, `x"<&>"`)
		}
	}
}

// TestTimeKeepsTheInstant shows what a time is after it was written: the same
// instant to the nanosecond, in UTC; and that zones make no difference to keys.
func TestTimeKeepsTheInstant(t *testing.T) {
	zone := time.FixedZone("five", 5*60*60)
	for _, v := range []time.Time{
		{}, time.Now(), time.Now().In(zone), time.Unix(0, -1), time.Unix(0, 0),
		time.Date(-290_000_000, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(290_000_000, 1, 1, 0, 0, 0, 1, zone),
	} {
		b, err := serde.Time.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := serde.Time.Decode(b)
		if err != nil || !got.Equal(v) || got.Location() != time.UTC {
			t.Errorf("%v came back as %v, %v", v, got, err)
		}
		if utc, err := serde.Time.Append(nil, v.UTC()); err != nil || string(utc) != string(b) {
			t.Errorf("%v: %x, in UTC %x, %v", v, b, utc, err)
		}
	}
}

func TestTimeMillisIsWhatKafkaProgramsWrite(t *testing.T) {
	want := time.UnixMilli(1_700_000_000_123)
	b, err := serde.TimeMillis.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	if ms, err := serde.Int64.Decode(b); err != nil || ms != want.UnixMilli() {
		t.Errorf("as int64 it is %d, %v, want %d", ms, err, want.UnixMilli())
	}
	if got, err := serde.TimeMillis.Decode(b); err != nil || !got.Equal(want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

// TestBytesCannotGrowIntoTheirNeighbour shows that appending to what was decoded
// copies it.
func TestBytesCannotGrowIntoTheirNeighbour(t *testing.T) {
	batch := []byte("valueneighbour")
	v, err := serde.Bytes.Decode(batch[:5])
	if err != nil {
		t.Fatal(err)
	}
	_ = append(v, '!')
	if string(batch) != "valueneighbour" {
		t.Errorf("the batch is %q now", batch)
	}
}

type unnamed struct{ serde.Serde[string] }

func TestNameOf(t *testing.T) {
	if got, want := serde.NameOf[string](unnamed{serde.String}), "serde_test.unnamed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s := serde.Func(serde.JSON[*order]().Append, serde.JSON[*order]().Decode)
	if got, want := serde.NameOf(s), "func:serde_test.order"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := serde.NameOf(serde.TimeMillis), "time-millis"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBuiltinsAllocateNothing covers what the package comment promises.
func TestBuiltinsAllocateNothing(t *testing.T) {
	allocates(t, "héllo", 0)
	allocates(t, userID("u1"), 0)
	allocates(t, []byte("bytes"), 0)
	allocates(t, raw("raw"), 0)
	allocates(t, digest{1}, 0)
	allocates(t, orderID(someUUID), 0)
	allocates(t, true, 0)
	allocates(t, int8(1), 0)
	allocates(t, int16(1000), 0)
	allocates(t, int32(1000), 0)
	allocates(t, int64(1000), 0)
	allocates(t, cents(1000), 0)
	allocates(t, 1000, 0)
	allocates(t, uint64(1000), 0)
	allocates(t, float32(1.5), 0)
	allocates(t, 1.5, 0)
	allocates(t, ratio(1.5), 0)
	allocates(t, someUUID, 0)
	allocates(t, someTime, 0)
	allocates(t, new(cents(1000)), 1) // what the pointer points to
	allocates(t, point{1, 2}, 2)      // an interface each way
}

var sink any // keeps what is decoded from being optimized away

func allocates[T any](t *testing.T, v T, want float64) {
	t.Helper()
	s := must[T](t)
	buf := make([]byte, 0, 64)
	var back T
	var err error
	got := testing.AllocsPerRun(100, func() {
		if buf, err = s.Append(buf[:0], v); err != nil {
			t.Fatal(err)
		}
		if back, err = s.Decode(buf); err != nil {
			t.Fatal(err)
		}
	})
	sink = back
	if got != want {
		t.Errorf("%T: %v allocations, want %v", v, got, want)
	}
}
