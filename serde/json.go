package serde

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
)

// JSON returns a Serde that writes JSON by encoding/json, without escapes for
// HTML and without white space. It reads JSON of any layout and ignores fields
// that T does not have, so fields can be added to a type that is in use.
//
// What encoding/json loses is lost: strings become valid UTF-8, and values
// behind an empty interface come back as maps, slices, strings and float64.
func JSON[T any]() Serde[T] {
	return jsons[T]{pointer: reflect.TypeFor[T]().Kind() == reflect.Pointer}
}

type jsons[T any] struct {
	pointer bool
}

func (s jsons[T]) Name() string { return "json:" + typeName(reflect.TypeFor[T]()) }

// A jsonWriter is an encoder that appends to buf.
type jsonWriter struct {
	buf []byte
	enc *json.Encoder
}

func (w *jsonWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// jsonWriters saves the encoder and the copy that json.Marshal would make. What
// they write into belongs to the caller, so nothing of it stays behind.
var jsonWriters = sync.Pool{New: func() any {
	w := &jsonWriter{}
	w.enc = json.NewEncoder(w)
	w.enc.SetEscapeHTML(false)
	return w
}}

func (s jsons[T]) Append(dst []byte, v T) ([]byte, error) {
	if s.pointer && isNil(&v) {
		return dst, errNil[T]()
	}
	w := jsonWriters.Get().(*jsonWriter)
	w.buf = dst
	err := w.enc.Encode(&v)
	out := w.buf
	w.buf = nil
	jsonWriters.Put(w)
	if err != nil {
		return dst, fmt.Errorf("encode %v: %w: %w", reflect.TypeFor[T](), ErrUnencodable, err)
	}
	return out[:len(out)-1], nil // Encode ends with a new line
}

func (s jsons[T]) Decode(b []byte) (T, error) {
	var v T
	err := json.Unmarshal(b, &v)
	if err == nil && s.pointer && isNil(&v) {
		err = fmt.Errorf("null is no %v", reflect.TypeFor[T]())
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("decode %v: %w: %w", reflect.TypeFor[T](), ErrMalformed, err)
	}
	return v, nil
}
