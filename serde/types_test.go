package serde_test

import (
	"encoding"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// Types as users write them.
type (
	userID  string
	cents   int64
	level   int
	raw     []byte
	digest  [4]byte
	orderID uuid.UUID // its methods are gone, its layout is not
	open    bool
	ratio   float64
)

type order struct {
	ID     string    `json:"id"`
	User   userID    `json:"user"`
	Amount cents     `json:"amount"`
	At     time.Time `json:"at"`
	Tags   []string  `json:"tags,omitempty"`
}

// point has the methods on the value and appends.
type point struct{ X, Y int32 }

func (p point) AppendBinary(dst []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, uint32(p.X)), uint32(p.Y)), nil
}

func (p point) MarshalBinary() ([]byte, error) {
	return nil, errors.New("AppendBinary is there")
}

func (p *point) UnmarshalBinary(b []byte) error {
	if len(b) != 8 {
		return errors.New("want 8 bytes")
	}
	p.X, p.Y = int32(binary.BigEndian.Uint32(b)), int32(binary.BigEndian.Uint32(b[4:]))
	return nil
}

// account has the methods on the pointer and only marshals.
type account struct{ number uint16 }

func (a *account) MarshalBinary() ([]byte, error) {
	if a.number == 0 {
		return nil, errors.New("an account has a number")
	}
	return binary.BigEndian.AppendUint16(nil, a.number), nil
}

func (a *account) UnmarshalBinary(b []byte) error {
	if len(b) != 2 || b[0]|b[1] == 0 {
		return errors.New("want 2 bytes, not both 0")
	}
	a.number = binary.BigEndian.Uint16(b)
	return nil
}

// Types that would not come back as they were.
type (
	onlyMarshals   struct{ N int }
	onlyUnmarshals struct{ N int }
	embedsTime     struct {
		time.Time
		Name string
	}
	hidden  struct{ n int }
	shape   interface{ Area() float64 }
	drawing struct {
		Name   string
		Shapes []shape
	}
	callback struct{ Done func() }
	wave     struct{ Amplitude complex128 }
	byPoint  struct{ Names map[point2]string }
	point2   struct{ X, Y int }
)

func (onlyMarshals) MarshalBinary() ([]byte, error)    { return nil, nil }
func (*onlyUnmarshals) UnmarshalBinary(_ []byte) error { return nil }

// embedsJSON takes MarshalJSON from its field; overridesJSON has its own.
type (
	jsonName   struct{ name string }
	embedsJSON struct {
		jsonName
		N int
	}
	overridesJSON struct {
		jsonName
		N int
	}
	overridesBinary struct {
		time.Time
		Name string
	}
)

func (j jsonName) MarshalJSON() ([]byte, error)          { return []byte(`"` + j.name + `"`), nil }
func (o overridesJSON) MarshalJSON() ([]byte, error)     { return []byte(`{}`), nil }
func (o overridesBinary) MarshalBinary() ([]byte, error) { return []byte(o.Name), nil }
func (o *overridesBinary) UnmarshalBinary(b []byte) error {
	o.Name = string(b)
	return nil
}

// Keys that are fine as values.
type (
	withMap     struct{ Labels map[string]string }
	withAny     struct{ Extra any }
	withPointer struct{ Next *string }
	withHidden  struct {
		ID string
		n  int
	}
	withSkipped struct {
		ID    string
		cache int `json:"-"`
	}
	nested  struct{ Inner []withMap }
	tree    struct{ Left, Right *tree }
	address struct {
		Street string
		Host   netip.Addr
	}
)

var (
	_ encoding.BinaryAppender  = point{}
	_ encoding.BinaryMarshaler = (*account)(nil)
	_                          = hidden{}.n + withHidden{}.n + withSkipped{}.cache
)
