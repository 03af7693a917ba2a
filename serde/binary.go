package serde

import (
	"encoding"
	"fmt"
	"reflect"
)

var (
	binaryAppender    = reflect.TypeFor[encoding.BinaryAppender]()
	binaryMarshaler   = reflect.TypeFor[encoding.BinaryMarshaler]()
	binaryUnmarshaler = reflect.TypeFor[encoding.BinaryUnmarshaler]()
)

// marshaled is a T that says itself what its bytes are. It costs an allocation
// each way, because the value has to become an interface.
type marshaled[T any] struct {
	elem    reflect.Type // what T points to; nil if T is no pointer
	appends bool         // AppendBinary is there, and it need not allocate
}

func (s marshaled[T]) Name() string { return "binary:" + typeName(reflect.TypeFor[T]()) }

func (s marshaled[T]) Append(dst []byte, v T) ([]byte, error) {
	var src any // a pointer, which has the methods of the value too
	switch {
	case s.elem == nil:
		src = address(v)
	case isNil(&v):
		return dst, errNil[T]()
	default:
		src = v
	}
	var err error
	out := dst
	if s.appends {
		out, err = src.(encoding.BinaryAppender).AppendBinary(dst)
	} else {
		var b []byte
		b, err = src.(encoding.BinaryMarshaler).MarshalBinary()
		out = append(out, b...)
	}
	if err != nil {
		return dst, fmt.Errorf("encode %v: %w: %w", reflect.TypeFor[T](), ErrUnencodable, err)
	}
	return out, nil
}

// address moves a copy of v to the heap, and not the v of its caller, which in
// Append may be a pointer already.
func address[T any](v T) *T { return &v }

func (s marshaled[T]) Decode(b []byte) (T, error) {
	var v T
	var target any = &v
	if s.elem != nil {
		target = reflect.New(s.elem).Interface()
		v = target.(T)
	}
	if err := target.(encoding.BinaryUnmarshaler).UnmarshalBinary(b); err != nil {
		var none T
		return none, fmt.Errorf("decode %v: %w: %w", reflect.TypeFor[T](), ErrMalformed, err)
	}
	return v, nil
}

// forBinary returns the serde of a type with MarshalBinary and UnmarshalBinary,
// nil if it has neither, and an error if it has one of them.
func forBinary[T any](t reflect.Type) (Serde[T], error) {
	var s marshaled[T]
	base := indirect(t)
	if base != t {
		s.elem = base
	}
	all := reflect.PointerTo(base)
	m, u := all.Implements(binaryMarshaler), all.Implements(binaryUnmarshaler)
	switch {
	case !m && !u:
		return nil, nil
	case !u:
		return nil, unsupported(t, "it has MarshalBinary and no UnmarshalBinary", "add it")
	case !m:
		return nil, unsupported(t, "it has UnmarshalBinary and no MarshalBinary", "add it")
	}
	if from := embeds(base, binaryMarshaler); from != nil && promoted(all, "MarshalBinary") {
		return nil, unsupported(t, fmt.Sprintf("its MarshalBinary is that of the embedded %v, which knows nothing of the other fields", from),
			"give the embedded field a name")
	}
	s.appends = all.Implements(binaryAppender) && (embeds(base, binaryAppender) == nil || !promoted(all, "AppendBinary"))
	return s, nil
}
