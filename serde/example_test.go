package serde_test

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/freshet/freshet/serde"
)

// The type alone says how a value is written.
func ExampleFor() {
	type Cents int64
	type Order struct {
		ID     string `json:"id"`
		Amount Cents  `json:"amount"`
	}

	amounts, err := serde.For[Cents]()
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := amounts.Append(nil, 1999)
	fmt.Printf("%s: %x\n", serde.NameOf(amounts), b)

	orders, err := serde.For[Order]()
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ = orders.Append(nil, Order{"o-1", 1999})
	fmt.Printf("%s: %s\n", serde.NameOf(orders), b)
	// Output:
	// int64: 00000000000007cf
	// json:serde_test.Order: {"id":"o-1","amount":1999}
}

// A key is found by its bytes, so not every value makes one.
func ExampleForKey() {
	type Session struct {
		User   string
		Labels map[string]string
	}
	_, err := serde.ForKey[Session]()
	fmt.Println(errors.Is(err, serde.ErrUnsupported))
	fmt.Println(err)
	// Output:
	// true
	// as a key: no serde for this type: serde_test.Session: its Labels is a map, which has neither order nor equality (use a struct or a sorted slice, or pass a serde of your own, made by serde.Func)
}

// A format of one's own is two functions.
func ExampleFunc() {
	type Celsius float64
	tenths := serde.Func(
		func(dst []byte, v Celsius) ([]byte, error) {
			return binary.AppendVarint(dst, int64(v*10)), nil
		},
		func(b []byte) (Celsius, error) {
			v, n := binary.Varint(b)
			if n != len(b) || n == 0 {
				return 0, fmt.Errorf("decode tenths of a degree: %w: %x", serde.ErrMalformed, b)
			}
			return Celsius(v) / 10, nil
		},
	)
	b, _ := tenths.Append(nil, -12.5)
	v, _ := tenths.Decode(b)
	fmt.Printf("%x %v\n", b, v)
	_, err := tenths.Decode(nil)
	fmt.Println(err)
	// Output:
	// f901 -12.5
	// decode tenths of a degree: malformed:
}

// JSON is what a type gets that has no shorter form.
func ExampleJSON() {
	s := serde.JSON[map[string][]int]()
	b, _ := s.Append(nil, map[string][]int{"b": {2, 3}, "a": nil})
	fmt.Println(string(b))
	// Output:
	// {"a":null,"b":[2,3]}
}
