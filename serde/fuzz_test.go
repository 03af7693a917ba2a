package serde_test

import (
	"bytes"
	"testing"

	"github.com/freshet/freshet/serde"
)

// An oracle checks one serde against one input.
type oracle struct {
	name  string
	check func(t *testing.T, b []byte)
}

// fixpoint returns the oracle of s: what is decoded encodes, decodes again, and
// encodes to the same bytes. If canonical, those bytes are the input: there is
// one form of each value.
func fixpoint[T any](s serde.Serde[T], canonical bool) oracle {
	name := serde.NameOf(s)
	return oracle{name, func(t *testing.T, b []byte) {
		v, err := s.Decode(b)
		if err != nil {
			return
		}
		first, err := s.Append(nil, v)
		if err != nil {
			t.Fatalf("%s: %q was decoded as %v: %v", name, b, v, err)
		}
		if canonical && !bytes.Equal(first, b) {
			t.Fatalf("%s: %q was decoded as %v and became %q", name, b, v, first)
		}
		again, err := s.Decode(first)
		if err != nil {
			t.Fatalf("%s: %q became %q: %v", name, b, first, err)
		}
		if second, err := s.Append(nil, again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s: %q became %q became %q, %v", name, b, first, second, err)
		}
	}}
}

// FuzzDecodeBuiltins gives any bytes to all built-in serdes: no panic, and one
// form of each value, but for the case of letters in an id.
func FuzzDecodeBuiltins(f *testing.F) {
	oracles := []oracle{
		fixpoint(serde.String, true), fixpoint(serde.Bytes, true), fixpoint(serde.Bool, true),
		fixpoint(serde.Int8, true), fixpoint(serde.Int16, true), fixpoint(serde.Int32, true),
		fixpoint(serde.Int64, true), fixpoint(serde.Int, true), fixpoint(serde.Uint, true),
		fixpoint(serde.Uint8, true), fixpoint(serde.Uint16, true), fixpoint(serde.Uint32, true),
		fixpoint(serde.Uint64, true), fixpoint(serde.Float32, true), fixpoint(serde.Float64, true),
		fixpoint(serde.Time, true), fixpoint(serde.TimeMillis, true), fixpoint(serde.UUID, false),
		fixpoint(must[userID](f), true), fixpoint(must[cents](f), true), fixpoint(must[digest](f), true),
		fixpoint(must[*cents](f), true), fixpoint(must[point](f), true), fixpoint(must[*account](f), true),
	}
	for _, seed := range []string{
		"", "\x00", "\x01", "\x02", "ab", "\xff\xff", "\x7f\xc0\x00\x01", "12345678",
		"\x7f\xf8\x00\x00\x00\x00\x00\x01", "\x80\x00\x00\x00\x00\x00\x00\x00", "\x7f\xff\xff\xff\xff\xff\xff\xff",
		"\x80\x00\x00\x00\x00\x00\x00\x00\x3b\x9a\xc9\xff", "\x7f\xff\xff\xff\xff\xff\xff\xff\x3b\x9a\xca\x00",
		someUUID.String(), "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "{6ba7b810-9dad-11d1-80b4-00c04fd4}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, o := range oracles {
			o.check(t, b)
		}
	})
}

// FuzzDecodeJSON gives any bytes to serdes of JSON: no panic, and what is read
// once is written the same for ever.
func FuzzDecodeJSON(f *testing.F) {
	oracles := []oracle{
		fixpoint(must[any](f), false), fixpoint(must[order](f), false), fixpoint(must[*order](f), false),
		fixpoint(must[map[string]int64](f), false), fixpoint(must[tree](f), false), fixpoint(must[[]float64](f), false),
	}
	for _, seed := range []string{
		"", "null", "{}", "[]", `"\ud800"`, `{"id":"<o>","user":"u","amount":5,"at":"2026-03-01T12:00:00.123456789+05:00"}`,
		`{"ID":"a","id":"b"}`, `{"b":1,"a":2}`, `{"Left":{"Left":null}}`, `[1e308,-0,1e-7]`, " {} ", "{} {}", `{"a":9223372036854775808}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, o := range oracles {
			o.check(t, b)
		}
	})
}
