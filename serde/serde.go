package serde

import (
	"errors"
	"fmt"
	"reflect"
)

// A Serde turns values of one type into bytes and back.
//
// It must be safe for use by many goroutines, and exact: Decode of what Append
// wrote gives an equal value, and equal keys give equal bytes, since a key is
// found by its bytes.
type Serde[T any] interface {
	// Append appends the bytes of v to dst and returns it, like the built-in
	// append. It keeps nothing of dst. On an error the result is not used.
	Append(dst []byte, v T) ([]byte, error)

	// Decode returns the value that b stands for. The value may alias b, which
	// never changes; Decode must not change it either.
	Decode(b []byte) (T, error)
}

// Named is a Serde with a name for its format. The name is part of what a
// topology remembers of itself, so it stays the same as long as the bytes do:
// "string", "int64", "json:shop.Order". All serdes of this package have one.
type Named interface {
	Name() string
}

var (
	// ErrUnsupported is wrapped by the errors of [For] and [ForKey]: the type has
	// no encoding that would keep what it holds.
	ErrUnsupported = errors.New("no serde for this type")

	// ErrMalformed is wrapped by the errors of Decode: no value has such bytes.
	ErrMalformed = errors.New("malformed")

	// ErrUnencodable is wrapped by the errors of Append: the value is outside of
	// what the format holds.
	ErrUnencodable = errors.New("cannot be encoded")
)

// NameOf returns the name of s, or one made of its Go type if it has none.
func NameOf[T any](s Serde[T]) string {
	if n, ok := s.(Named); ok {
		return n.Name()
	}
	return fmt.Sprintf("%T", s)
}

// Func returns a Serde of two functions, for formats of your own. Both follow
// the rules of [Serde]. Its name is "func:" and the type, so a change of the
// format is not noticed by itself; implement [Named] on your own Serde if it
// should be.
func Func[T any](
	encode func(dst []byte, v T) ([]byte, error), decode func(b []byte) (T, error),
) Serde[T] {
	return funcs[T]{encode, decode}
}

type funcs[T any] struct {
	encode func(dst []byte, v T) ([]byte, error)
	decode func(b []byte) (T, error)
}

func (s funcs[T]) Append(dst []byte, v T) ([]byte, error) { return s.encode(dst, v) }
func (s funcs[T]) Decode(b []byte) (T, error)             { return s.decode(b) }
func (s funcs[T]) Name() string                           { return "func:" + typeName(reflect.TypeFor[T]()) }

// typeName names a type as Go prints it, without the pointers before it, since
// they do not change the bytes.
func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.String()
}
