package state_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/state"
)

// benchKeys are keys as counts of words have.
func benchKeys(n int) [][]byte {
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "word-%06d", i)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// warm returns an overlay that holds keys, all of them clean.
func warm(tb testing.TB, keys [][]byte, o state.Options) (*state.Overlay[string, int64], state.DB) {
	db := newDB(tb)
	counts := newCounts(db, o)
	for _, k := range keys {
		counts.Put(load(tb, counts, string(k)), 0, 0)
	}
	flush(tb, counts, db)
	return counts, db
}

func bump(tb testing.TB, o *state.Overlay[string, int64], key []byte) {
	e, err := o.Load(key)
	if err != nil {
		tb.Fatal(err)
	}
	v, _ := e.Value()
	o.Put(e, v+1, 1)
}

func TestHitAllocatesNothing(t *testing.T) {
	keys := benchKeys(1000)
	for _, options := range []state.Options{{}, {KeepForwarded: true}, {EveryUpdate: true}} {
		o, _ := warm(t, keys, options)
		for _, k := range keys {
			bump(t, o, k) // the first change since Seal grows a list
		}
		i := 0
		if n := testing.AllocsPerRun(5000, func() {
			o.Begin()
			bump(t, o, keys[i%len(keys)])
			o.End()
			i++
		}); n != 0 {
			t.Errorf("%+v: %v allocations a Load and Put, want 0", options, n)
		}
	}
}

func BenchmarkLoadPut(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		keys := benchKeys(n)
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			o, _ := warm(b, keys, state.Options{MaxBytes: 1 << 30})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				bump(b, o, keys[i%n])
			}
		})
	}
}

// BenchmarkRecord is LoadPut inside Begin and End.
func BenchmarkRecord(b *testing.B) {
	const n = 100_000
	keys := benchKeys(n)
	for _, keep := range []bool{false, true} {
		b.Run(fmt.Sprintf("KeepForwarded=%t", keep), func(b *testing.B) {
			o, _ := warm(b, keys, state.Options{KeepForwarded: keep})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				o.Begin()
				bump(b, o, keys[i%n])
				o.End()
			}
		})
	}
}

// BenchmarkCommit is everything that one dirty entry costs until it is pending:
// marked, forwarded, sealed, committed.
func BenchmarkCommit(b *testing.B) {
	const n = 100_000
	keys := benchKeys(n)
	o, db := warm(b, keys, state.Options{})
	b.ReportAllocs()
	for b.Loop() {
		for _, k := range keys {
			bump(b, o, k)
		}
		if err := o.Forward(func(*state.Entry[int64]) error { return nil }); err != nil {
			b.Fatal(err)
		}
		if err := o.Seal(func(_, _ []byte, _ int64) error { return nil }); err != nil {
			b.Fatal(err)
		}
		o.Committed()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
	flush(b, o, db)
}

func BenchmarkInsert(b *testing.B) {
	keys := benchKeys(200_000)
	var o *state.Overlay[string, int64]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(keys) == 0 {
			o = newCounts(newDB(b), state.Options{})
		}
		bump(b, o, keys[i%len(keys)])
	}
}
