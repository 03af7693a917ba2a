package serde

import (
	"encoding/hex"
	"fmt"
	"unsafe"

	"github.com/google/uuid"
)

var (
	// String writes a string as it is. What it decodes shares memory with the
	// bytes it came from: keeping a short string keeps its batch alive, so
	// strings.Clone what is kept for long.
	String Serde[string] = stringSerde{}

	// Bytes writes bytes as they are. What it decodes shares memory with the
	// bytes it came from, and must not be written to.
	Bytes Serde[[]byte] = bytesSerde{}

	// UUID writes the text of an id, 36 lower-case characters, as Kafka's
	// UUIDSerializer does. It reads upper-case too.
	UUID Serde[uuid.UUID] = uuidSerde{}
)

type stringSerde struct{}

func (stringSerde) Name() string { return "string" }

func (stringSerde) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }

func (stringSerde) Decode(b []byte) (string, error) {
	// b never changes, which is all that a string asks for.
	return unsafe.String(unsafe.SliceData(b), len(b)), nil
}

type bytesSerde struct{}

func (bytesSerde) Name() string { return "bytes" }

func (bytesSerde) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }

// Decode cuts the capacity, so that an append to the value copies it.
func (bytesSerde) Decode(b []byte) ([]byte, error) { return b[:len(b):len(b)], nil }

// uuidTextBytes is the length of 32 hexadecimal digits and four dashes.
const uuidTextBytes = 36

type uuidSerde struct{}

func (uuidSerde) Name() string { return "uuid" }

func (uuidSerde) Append(dst []byte, v uuid.UUID) ([]byte, error) {
	var text [uuidTextBytes]byte
	hex.Encode(text[:], v[:4])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	hex.Encode(text[9:], v[4:6])
	hex.Encode(text[14:], v[6:8])
	hex.Encode(text[19:], v[8:10])
	hex.Encode(text[24:], v[10:])
	return append(dst, text[:]...), nil
}

func (s uuidSerde) Decode(b []byte) (uuid.UUID, error) {
	if len(b) != uuidTextBytes {
		return uuid.UUID{}, wantBytes(s.Name(), b, uuidTextBytes)
	}
	v, err := uuid.ParseBytes(b)
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("decode uuid %q: %w: %w", b, ErrMalformed, err)
	}
	return v, nil
}
