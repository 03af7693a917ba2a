package serde_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/serde"
	"github.com/google/uuid"
)

var (
	someUUID = uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	someTime = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
)

// TestFor pins format and name of every kind of type. Changing a line makes
// data that is in use unreadable. The lines with a Java name were compared with
// the serializers of Kafka's clients.
func TestFor(t *testing.T) {
	encodes(t, "string", "héllo", "68c3a96c6c6f") // StringSerializer
	encodes(t, "string", "", "")
	encodes(t, "string", userID("u1"), "7531")
	encodes(t, "string", json.Number("1.50"), "312e3530")
	encodes(t, "bytes", []byte{0, 255}, "00ff") // ByteArraySerializer
	encodes(t, "bytes", raw("raw"), "726177")
	encodes(t, "bytes", json.RawMessage(`{ }`), "7b207d")
	encodes(t, "bytes4", digest{1, 2, 3, 4}, "01020304")
	encodes(t, "bytes16", orderID(someUUID), "6ba7b8109dad11d180b400c04fd430c8")
	encodes(t, "bool", true, "01") // BooleanSerializer
	encodes(t, "bool", open(false), "00")
	encodes(t, "int8", int8(-2), "fe")
	encodes(t, "int16", int16(-2), "fffe")             // ShortSerializer
	encodes(t, "int32", int32(42), "0000002a")         // IntegerSerializer
	encodes(t, "int64", int64(-1), "ffffffffffffffff") // LongSerializer
	encodes(t, "int64", cents(1999), "00000000000007cf")
	encodes(t, "int64", time.Second, "000000003b9aca00")
	encodes(t, "int", -3, "fffffffffffffffd")
	encodes(t, "int", level(7), "0000000000000007")
	encodes(t, "uint", uint(7), "0000000000000007")
	encodes(t, "uint8", uint8(200), "c8")
	encodes(t, "uint16", uint16(65535), "ffff")
	encodes(t, "uint32", uint32(1), "00000001")
	encodes(t, "uint64", uint64(math.MaxUint64), "ffffffffffffffff")
	encodes(t, "float32", float32(1.5), "3fc00000")    // FloatSerializer
	encodes(t, "float64", math.Pi, "400921fb54442d18") // DoubleSerializer
	encodes(t, "float64", ratio(-0.5), "bfe0000000000000")
	encodes(t, "uuid", someUUID, hex.EncodeToString([]byte(someUUID.String()))) // UUIDSerializer
	encodes(t, "time", someTime, "0000000069a42a40"+"075bcd15")
	encodes(t, "time", time.Time{}, "fffffff1886e0900"+"00000000")
	encodes(t, "binary:serde_test.point", point{1, -1}, "00000001ffffffff")
	encodes(t, "binary:serde_test.account", account{7}, "0007")
	encodes(t, "binary:netip.Addr", netip.MustParseAddr("10.0.0.1"), "0a000001")
	encodes(t, "binary:serde_test.overridesBinary", overridesBinary{Name: "n"}, "6e")
	encodes(t, "json:serde_test.order", order{ID: "o<1>", User: "u", Amount: 5, At: someTime},
		hex.EncodeToString([]byte(`{"id":"o<1>","user":"u","amount":5,"at":"2026-03-01T12:00:00.123456789Z"}`)))
	encodes(t, "json:map[string]int", map[string]int{"b": 2, "a": 1}, hex.EncodeToString([]byte(`{"a":1,"b":2}`)))
	encodes(t, "json:interface {}", any("x"), hex.EncodeToString([]byte(`"x"`)))
	encodes(t, "json:big.Int", *big.NewInt(12), hex.EncodeToString([]byte("12")))
	encodes(t, "json:serde_test.tree", tree{Left: &tree{}}, hex.EncodeToString([]byte(`{"Left":{"Left":null,"Right":null},"Right":null}`)))
	encodes(t, "json:struct {}", struct{}{}, hex.EncodeToString([]byte(`{}`)))
}

// TestForPointers shows that a pointer has the format of what it points to.
func TestForPointers(t *testing.T) {
	encodes(t, "string", new("héllo"), "68c3a96c6c6f")
	encodes(t, "int64", new(cents(1999)), "00000000000007cf")
	encodes(t, "bytes", new(raw("raw")), "726177")
	encodes(t, "uuid", &someUUID, hex.EncodeToString([]byte(someUUID.String())))
	encodes(t, "time", &someTime, "0000000069a42a40"+"075bcd15")
	encodes(t, "binary:serde_test.point", &point{1, -1}, "00000001ffffffff")
	encodes(t, "binary:serde_test.account", &account{7}, "0007")
	encodes(t, "binary:url.URL", &url.URL{Scheme: "http", Host: "h"}, hex.EncodeToString([]byte("http://h")))
	encodes(t, "json:serde_test.withAny", &withAny{"x"}, hex.EncodeToString([]byte(`{"Extra":"x"}`)))
}

// encodes checks that v has the bytes want behind whatever was there, and that
// they decode to v.
func encodes[T any](t *testing.T, name string, v T, want string) {
	t.Helper()
	s, err := serde.For[T]()
	if err != nil {
		t.Error(err)
		return
	}
	if got := serde.NameOf(s); got != name {
		t.Errorf("%T is called %q, want %q", v, got, name)
	}
	got, err := s.Append([]byte("before"), v)
	if err != nil {
		t.Error(err)
		return
	}
	b, found := bytes.CutPrefix(got, []byte("before"))
	if hex.EncodeToString(b) != want || !found {
		t.Errorf("%T %v: %x (%q), want %s", v, v, got, got, want)
	}
	back, err := s.Decode(b)
	if err != nil || !reflect.DeepEqual(v, back) {
		t.Errorf("%T %v: came back as %v, %v", v, v, back, err)
	}
}

// TestForRefuses shows the types that would lose what they hold, and what the
// error says of them.
func TestForRefuses(t *testing.T) {
	refuses[func()](t, serde.For, "it is a func", "serde.Func")
	refuses[chan int](t, serde.For, "it is a chan")
	refuses[complex128](t, serde.For, "it is a complex128")
	refuses[shape](t, serde.For, "it is the interface serde_test.shape")
	refuses[drawing](t, serde.For, "its Shapes[] is the interface serde_test.shape")
	refuses[callback](t, serde.For, "its Done is a func", `json:"-"`)
	refuses[wave](t, serde.For, "its Amplitude is a complex128")
	refuses[byPoint](t, serde.For, "its Names is a map by serde_test.point2", "MarshalText")
	refuses[hidden](t, serde.For, "it has no exported field", "export its fields")
	refuses[onlyMarshals](t, serde.For, "it has MarshalBinary and no UnmarshalBinary")
	refuses[onlyUnmarshals](t, serde.For, "it has UnmarshalBinary and no MarshalBinary")
	refuses[*onlyMarshals](t, serde.For, "it has MarshalBinary and no UnmarshalBinary")
	refuses[embedsTime](t, serde.For, "its MarshalBinary is that of the embedded time.Time", "give the embedded field a name")
	refuses[*embedsTime](t, serde.For, "its MarshalBinary is that of the embedded time.Time")
	refuses[embedsJSON](t, serde.For, "it has the MarshalJSON of the embedded serde_test.jsonName")
	refuses[[]embedsJSON](t, serde.For, "its [] has the MarshalJSON of the embedded serde_test.jsonName")
	refuses[**string](t, serde.For, "it is a pointer to a pointer", "use *string")
	if _, err := serde.For[overridesJSON](); err != nil {
		t.Errorf("a MarshalJSON of its own: %v, want nil", err)
	}
}

// TestForKeyRefuses shows what may be a value and not a key.
func TestForKeyRefuses(t *testing.T) {
	refusesKey[map[string]int](t, "it is a map", "use a struct or a sorted slice")
	refusesKey[any](t, "it is an interface", "use a type")
	refusesKey[*string](t, "pointers to equal keys differ", "use string")
	refusesKey[*order](t, "pointers to equal keys differ", "use serde_test.order")
	refusesKey[withMap](t, "its Labels is a map")
	refusesKey[nested](t, "its Inner[].Labels is a map")
	refusesKey[withAny](t, "its Extra is an interface")
	refusesKey[withPointer](t, "its Next is a pointer", "use string")
	refusesKey[tree](t, "its Left is a pointer")
	refusesKey[withHidden](t, "its n is not exported")
}

func refusesKey[T any](t *testing.T, want ...string) {
	t.Helper()
	refuses[T](t, serde.ForKey, append(want, "as a key")...)
	if _, err := serde.For[T](); err != nil {
		t.Errorf("as a value: %v, want nil", err)
	}
}

func refuses[T any](t *testing.T, infer func() (serde.Serde[T], error), want ...string) {
	t.Helper()
	s, err := infer()
	if s != nil || !errors.Is(err, serde.ErrUnsupported) {
		t.Errorf("%v: got %v, %v, want %v", reflect.TypeFor[T](), s, err, serde.ErrUnsupported)
		return
	}
	for _, w := range append(want, reflect.TypeFor[T]().String()) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want it to say %q", err, w)
		}
	}
}

// TestForKeyAccepts shows the keys that there are, with the format of values.
func TestForKeyAccepts(t *testing.T) {
	accepts[string](t, "string")
	accepts[userID](t, "string")
	accepts[[]byte](t, "bytes")
	accepts[int64](t, "int64")
	accepts[uuid.UUID](t, "uuid")
	accepts[time.Time](t, "time")
	accepts[digest](t, "bytes4")
	accepts[point](t, "binary:serde_test.point")
	accepts[order](t, "json:serde_test.order")
	accepts[address](t, "json:serde_test.address")
	accepts[withSkipped](t, "json:serde_test.withSkipped")
}

func accepts[T any](t *testing.T, name string) {
	t.Helper()
	s, err := serde.ForKey[T]()
	if err != nil || serde.NameOf(s) != name {
		t.Errorf("%v: got %v, %v, want %s", reflect.TypeFor[T](), s, err, name)
	}
}
