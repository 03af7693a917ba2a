package serde

import (
	"fmt"
	"reflect"
	"unsafe"
)

// Types cannot be instantiated by reflection, so For cannot ask for a Serde of
// what T is made from and convert. It need not: T and its underlying type have
// the same layout, and reading one as the other is what a conversion does. The
// three serdes below say so to the compiler; For sees to it that it is true.

// built is a serde of this package: it has no fields, so its zero value works.
type built[U any] interface {
	Serde[U]
	Named
}

// named is the serde S of U, for a T whose underlying type is U.
type named[T, U any, S built[U]] struct{ serde S }

func (s named[T, U, S]) Name() string { return s.serde.Name() }

func (s named[T, U, S]) Append(dst []byte, v T) ([]byte, error) {
	return s.serde.Append(dst, *(*U)(unsafe.Pointer(&v)))
}

func (s named[T, U, S]) Decode(b []byte) (T, error) {
	u, err := s.serde.Decode(b)
	return *(*T)(unsafe.Pointer(&u)), err
}

// pointer is the serde S of U, for a T that points to a type whose underlying
// type is U.
type pointer[T, U any, S built[U]] struct{ serde S }

func (s pointer[T, U, S]) Name() string { return s.serde.Name() }

func (s pointer[T, U, S]) Append(dst []byte, v T) ([]byte, error) {
	p := *(**U)(unsafe.Pointer(&v))
	if p == nil {
		return dst, errNil[T]()
	}
	return s.serde.Append(dst, *p)
}

func (s pointer[T, U, S]) Decode(b []byte) (T, error) {
	u, err := s.serde.Decode(b)
	if err != nil {
		var none T
		return none, err
	}
	p := &u
	return *(*T)(unsafe.Pointer(&p)), nil
}

func errNil[T any]() error {
	return fmt.Errorf("encode nil %v: %w: null is no value of a serde (delete the key, or return no record)",
		reflect.TypeFor[T](), ErrUnencodable)
}

// isNil tells whether v, of pointer type, is nil.
func isNil[T any](v *T) bool { return *(*unsafe.Pointer)(unsafe.Pointer(v)) == nil }

// array is a T whose underlying type is [n]byte.
type array[T any] struct{ n int }

func (s array[T]) Name() string { return fmt.Sprintf("bytes%d", s.n) }

func (s array[T]) Append(dst []byte, v T) ([]byte, error) {
	return append(dst, unsafe.Slice((*byte)(unsafe.Pointer(&v)), s.n)...), nil
}

func (s array[T]) Decode(b []byte) (T, error) {
	var v T
	if len(b) != s.n {
		return v, wantBytes(s.Name(), b, s.n)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&v)), s.n), b)
	return v, nil
}
