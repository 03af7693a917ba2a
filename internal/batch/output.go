package batch

import (
	"fmt"
	"io"
)

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

// readFrom appends what r has until its end. Whether there is more is found out
// with the probe before room is made for it.
func (o *output) readFrom(r io.Reader, probe *[1]byte) error {
	for idle := 0; idle < 100; idle++ {
		space := o.b[len(o.b):cap(o.b)]
		space = space[:min(len(space), o.left)]
		full := len(space) == 0
		if full {
			space = probe[:]
		}
		n, err := r.Read(space)
		if full && n > 0 {
			if err := o.add(space); err != nil {
				return err
			}
		} else {
			o.take(n)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n > 0:
			idle = 0
		}
	}
	return io.ErrNoProgress
}
