package state

import (
	"bytes"
	"reflect"
	"strings"
	"unsafe"
)

// ownership returns what makes a value of V share memory with nobody, or nil if
// values of V are left as they are. Strings and bytes are often a part of the
// batch that they were read from, which a store would keep alive for each of
// them.
func ownership[V any]() func(V) V {
	t := reflect.TypeFor[V]()
	switch {
	case t.Kind() == reflect.String:
		return func(v V) V { return as[V](strings.Clone(as[string](v))) }
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return func(v V) V { return as[V](bytes.Clone(as[[]byte](v))) }
	}
	return nil
}

// as converts between types that have one underlying type.
func as[To, From any](v From) To { return *(*To)(unsafe.Pointer(&v)) }
