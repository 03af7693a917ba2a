package bench

import (
	"context"
	"runtime/pprof"
)

// A side of a comparison, as profiles name it.
type side string

const (
	sideFreshet side = "freshet"
	sideByHand  side = "by-hand"
)

// label runs f so that a CPU profile can tell its samples, and those of the
// goroutines that it starts, from the other side's and from what is not
// measured: go tool pprof -tagfocus side=freshet. The garbage collector's have
// no label.
func (s side) label(f func() error) (err error) {
	pprof.Do(context.Background(), pprof.Labels("side", string(s)), func(context.Context) { err = f() })
	return err
}
