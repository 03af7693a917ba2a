package serde

import (
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
)

// For returns the Serde of T, as the table of this package says. It returns an
// error that wraps [ErrUnsupported] if T holds what would be lost or could not
// be read back: functions, channels, interfaces with methods, a struct without
// exported fields. It looks at types only, so call it when wiring and keep what
// it returns.
func For[T any]() (Serde[T], error) { return infer[T](false) }

// ForKey is For for keys, of which more is asked: equal keys must have equal
// bytes, and different keys different ones. So it also refuses maps,
// interfaces, pointers, unexported fields, and whatever holds one. Types that
// say themselves how they are written are trusted.
func ForKey[T any]() (Serde[T], error) {
	s, err := infer[T](true)
	if err != nil {
		return nil, fmt.Errorf("as a key: %w", err)
	}
	return s, nil
}

var (
	timeType = reflect.TypeFor[time.Time]()
	uuidType = reflect.TypeFor[uuid.UUID]()
)

func infer[T any](key bool) (Serde[T], error) {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Pointer {
		switch {
		case key:
			return nil, unsupported(t, "pointers to equal keys differ", "use "+t.Elem().String())
		case t.Elem().Kind() == reflect.Pointer:
			return nil, unsupported(t, "it is a pointer to a pointer", "use "+t.Elem().String())
		}
	}
	// Before MarshalBinary, which both have, with bytes that Kafka does not know.
	switch base := indirect(t); base {
	case timeType:
		return layout[T, time.Time, instant](t), nil
	case uuidType:
		return layout[T, uuid.UUID, uuidSerde](t), nil
	}
	if s, err := forBinary[T](t); s != nil || err != nil {
		return s, err
	}
	if s := forKind[T](t); s != nil {
		return s, nil
	}
	if err := checkJSON(t, key); err != nil {
		return nil, err
	}
	return JSON[T](), nil
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// layout returns S for T, which has the layout of U or points to it.
func layout[T, U any, S built[U]](t reflect.Type) Serde[T] {
	if t.Kind() == reflect.Pointer {
		return pointer[T, U, S]{}
	}
	var s S
	if same, ok := any(s).(Serde[T]); ok {
		return same
	}
	return named[T, U, S]{}
}

// forKind returns the serde of what T or what it points to is made from; nil if
// that is nothing simple.
func forKind[T any](t reflect.Type) Serde[T] {
	base := indirect(t)
	switch base.Kind() {
	case reflect.String:
		return layout[T, string, stringSerde](t)
	case reflect.Bool:
		return layout[T, bool, boolean](t)
	case reflect.Int:
		return layout[T, int, word[int]](t)
	case reflect.Int8:
		return layout[T, int8, integer[int8]](t)
	case reflect.Int16:
		return layout[T, int16, integer[int16]](t)
	case reflect.Int32:
		return layout[T, int32, integer[int32]](t)
	case reflect.Int64:
		return layout[T, int64, integer[int64]](t)
	case reflect.Uint:
		return layout[T, uint, word[uint]](t)
	case reflect.Uint8:
		return layout[T, uint8, integer[uint8]](t)
	case reflect.Uint16:
		return layout[T, uint16, integer[uint16]](t)
	case reflect.Uint32:
		return layout[T, uint32, integer[uint32]](t)
	case reflect.Uint64:
		return layout[T, uint64, integer[uint64]](t)
	case reflect.Float32:
		return layout[T, float32, float32s](t)
	case reflect.Float64:
		return layout[T, float64, float64s](t)
	case reflect.Slice:
		if base.Elem().Kind() == reflect.Uint8 {
			return layout[T, []byte, bytesSerde](t)
		}
	case reflect.Array:
		if base.Elem().Kind() == reflect.Uint8 && base == t {
			return array[T]{base.Len()}
		}
	}
	return nil
}

// unsupported is the error about a type: why not, and what to do.
func unsupported(t reflect.Type, why, way string) error {
	return fmt.Errorf("%w: %v: %s (%s, or pass a serde of your own, made by serde.Func)", ErrUnsupported, t, why, way)
}
