package leveldb

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

// benchDB opens a database on the real disk, with the engine's own options.
func benchDB(b *testing.B) state.DB {
	b.Helper()
	fsys, err := vfs.Dir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	db, err := Engine(fsys, Options{}).Open(task)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

func benchKey(i int) []byte { return fmt.Appendf(nil, "%s\x00word-%06d", store, i) }

// BenchmarkApply is what the background goroutine does once a second: it sorts
// what was drained and applies it.
func BenchmarkApply(b *testing.B) {
	const keys, dirty = 1_000_000, 50_000
	db := benchDB(b)
	rng := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		seen := map[int]bool{}
		writes := []state.Write{state.PositionWrite(store, state.Position{})}
		for len(seen) < dirty {
			i := rng.IntN(keys)
			if !seen[i] {
				seen[i] = true
				writes = append(writes, state.Write{Key: benchKey(i), Value: make([]byte, 16)})
			}
		}
		b.StartTimer()
		state.SortWrites(writes)
		if err := db.Apply(writes); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*dirty/b.Elapsed().Seconds(), "writes/s")
}

// BenchmarkRestore reads back a changelog in which each key was written three
// times.
func BenchmarkRestore(b *testing.B) {
	const keys, records = 200_000, 600_000
	rng := rand.New(rand.NewPCG(1, 1))
	changelog := make([][]byte, records)
	for i := range changelog {
		changelog[i] = fmt.Appendf(nil, "word-%06d", rng.IntN(keys))
	}
	value := make([]byte, 8)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		db := benchDB(b)
		b.StartTimer()
		r := state.NewRestorer(db, store, 0)
		for i, key := range changelog {
			r.Add(key, value, int64(i))
			if r.Full() {
				if err := r.Flush(state.Position{Offset: int64(i + 1)}); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := r.Flush(state.Position{Offset: records}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkGet(b *testing.B) {
	const keys = 200_000
	db := benchDB(b)
	writes := make([]state.Write, 0, keys)
	for i := range keys {
		writes = append(writes, state.Write{Key: benchKey(i), Value: make([]byte, 16)})
	}
	if err := db.Apply(writes); err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, miss := range []bool{false, true} {
		b.Run(fmt.Sprintf("absent=%t", miss), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				i := rng.IntN(keys)
				if miss {
					i += keys
				}
				if _, found, err := db.Get(benchKey(i)); err != nil || found == miss {
					b.Fatalf("found %t, error %v", found, err)
				}
			}
		})
	}
}
