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
// goroutines that it starts, from the other side's:
// go tool pprof -tagfocus side=freshet.
func (s side) label(ctx context.Context, f func(context.Context) error) (err error) {
	pprof.Do(ctx, pprof.Labels("side", string(s)), func(ctx context.Context) { err = f(ctx) })
	return err
}
