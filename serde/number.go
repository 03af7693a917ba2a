package serde

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unsafe"
)

// Serdes of bool and of the numbers: big-endian and of fixed size, as Kafka's.
//
// Floats keep every bit, so 0 and -0 are two keys although they are equal.
var (
	Bool    Serde[bool]    = boolean{}
	Int     Serde[int]     = word[int]{} // 8 bytes on every machine
	Int8    Serde[int8]    = integer[int8]{}
	Int16   Serde[int16]   = integer[int16]{}
	Int32   Serde[int32]   = integer[int32]{}
	Int64   Serde[int64]   = integer[int64]{}
	Uint    Serde[uint]    = word[uint]{} // 8 bytes on every machine
	Uint8   Serde[uint8]   = integer[uint8]{}
	Uint16  Serde[uint16]  = integer[uint16]{}
	Uint32  Serde[uint32]  = integer[uint32]{}
	Uint64  Serde[uint64]  = integer[uint64]{}
	Float32 Serde[float32] = float32s{}
	Float64 Serde[float64] = float64s{}
)

// wantBytes refuses bytes of the wrong number.
func wantBytes(name string, b []byte, want int) error {
	return fmt.Errorf("decode %s: %w: %d bytes, want %d", name, ErrMalformed, len(b), want)
}

type boolean struct{}

func (boolean) Name() string { return "bool" }

func (boolean) Append(dst []byte, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (s boolean) Decode(b []byte) (bool, error) {
	if len(b) != 1 {
		return false, wantBytes(s.Name(), b, 1)
	}
	if b[0] > 1 {
		return false, fmt.Errorf("decode bool: %w: byte %d, want 0 or 1", ErrMalformed, b[0])
	}
	return b[0] == 1, nil
}

// integer is a whole number of the same size on every machine.
type integer[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64] struct{}

func (integer[T]) Name() string { return reflect.TypeFor[T]().Name() }

func (integer[T]) Append(dst []byte, v T) ([]byte, error) {
	switch unsafe.Sizeof(v) {
	case 1:
		return append(dst, byte(v)), nil
	case 2:
		return binary.BigEndian.AppendUint16(dst, uint16(v)), nil
	case 4:
		return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
	default:
		return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
	}
}

func (s integer[T]) Decode(b []byte) (T, error) {
	size := int(unsafe.Sizeof(T(0)))
	if len(b) != size {
		return 0, wantBytes(s.Name(), b, size)
	}
	switch size {
	case 1:
		return T(b[0]), nil
	case 2:
		return T(binary.BigEndian.Uint16(b)), nil
	case 4:
		return T(binary.BigEndian.Uint32(b)), nil
	default:
		return T(binary.BigEndian.Uint64(b)), nil
	}
}

// wordBytes is the size of an int on disk, whatever the machine.
const wordBytes = 8

// word is a whole number whose size in memory depends on the machine.
type word[T int | uint] struct{}

func (word[T]) Name() string { return reflect.TypeFor[T]().Name() }

func (word[T]) Append(dst []byte, v T) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func (s word[T]) Decode(b []byte) (T, error) {
	if len(b) != wordBytes {
		return 0, wantBytes(s.Name(), b, wordBytes)
	}
	u := binary.BigEndian.Uint64(b)
	v := T(u)
	if uint64(v) != u { // the sign is extended, so a negative int comes back
		return 0, fmt.Errorf("decode %s: %w: %x does not fit in the %d bits of this machine (use the type with 64 in its name)",
			s.Name(), ErrMalformed, b, strconv.IntSize)
	}
	return v, nil
}

type float32s struct{}

func (float32s) Name() string { return "float32" }

func (float32s) Append(dst []byte, v float32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(v)), nil
}

func (s float32s) Decode(b []byte) (float32, error) {
	if len(b) != 4 {
		return 0, wantBytes(s.Name(), b, 4)
	}
	return math.Float32frombits(binary.BigEndian.Uint32(b)), nil
}

type float64s struct{}

func (float64s) Name() string { return "float64" }

func (float64s) Append(dst []byte, v float64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v)), nil
}

func (s float64s) Decode(b []byte) (float64, error) {
	if len(b) != 8 {
		return 0, wantBytes(s.Name(), b, 8)
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}
