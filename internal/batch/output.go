package batch

import (
	"fmt"
	"io"
)

// firstGrowth is what an output grows by at least.
const firstGrowth = 512

// An output is what a decoder appends to: a slice with a bound, which grows as
// bytes come out and not as somebody says they will.
type output struct {
	b    []byte
	left int // how many more bytes may come
	max  int // how many might at first
}

func (o *output) tooLarge() error {
	return fmt.Errorf("%w: decompressed batch over %d bytes", ErrTooLarge, o.max)
}

// add appends p.
func (o *output) add(p []byte) error {
	if err := o.reserve(len(p)); err != nil {
		return err
	}
	o.take(copy(o.b[len(o.b):cap(o.b)], p))
	return nil
}

// take counts n bytes behind o.b, for which there was room, as come.
func (o *output) take(n int) {
	o.b = o.b[:len(o.b)+n]
	o.left -= n
}

// reserve makes room for n bytes that are known to come.
func (o *output) reserve(n int) error {
	if n > o.left {
		return o.tooLarge()
	}
	if cap(o.b)-len(o.b) < n {
		grown := make([]byte, len(o.b), len(o.b)+max(n, min(o.left, len(o.b), 1<<30)))
		copy(grown, o.b)
		o.b = grown
	}
	return nil
}

// readFrom appends what r has until its end.
func (o *output) readFrom(r io.Reader) error {
	idle := 0
	for o.left > 0 {
		if len(o.b) == cap(o.b) {
			if err := o.reserve(min(o.left, firstGrowth)); err != nil {
				return err
			}
		}
		n, err := r.Read(o.b[len(o.b):min(cap(o.b), len(o.b)+o.left)])
		o.take(n)
		if err == io.EOF {
			return nil
		}
		if idle++; n > 0 {
			idle = 0
		}
		if err == nil && idle > 100 {
			err = io.ErrNoProgress
		}
		if err != nil {
			return err
		}
	}
	return o.atEnd(r)
}

// atEnd checks that r, which has given as much as it may, has nothing more.
func (o *output) atEnd(r io.Reader) error {
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); err {
	case io.EOF:
		return nil
	case nil:
		return o.tooLarge()
	default:
		return err
	}
}
