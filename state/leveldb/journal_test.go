package leveldb

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/syndtr/goleveldb/leveldb/journal"
)

// TestTornTail cuts what goleveldb writes at every byte near a chunk's end.
func TestTornTail(t *testing.T) {
	const seed, records = 1, 60
	rng := rand.New(rand.NewPCG(seed, 0))
	var b bytes.Buffer
	w := journal.NewWriter(&b)
	ends := []int{0}
	for range records {
		r, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		// Often a length that leaves a block with just less, or just enough, room
		// for one more header.
		n := rng.IntN(3 * blockBytes)
		if rng.IntN(2) == 0 {
			n = blockBytes - (b.Len()+chunkHeaderBytes)%blockBytes - rng.IntN(2*chunkHeaderBytes)
		}
		if _, err := r.Write(make([]byte, max(n, 0))); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, b.Len())
	}
	for i := range records {
		for cut := ends[i]; cut < ends[i+1]; cut += 1 + rng.IntN(400) {
			begin, torn := tornTail(b.Bytes()[:cut])
			if torn != (cut > ends[i]) || torn && begin != ends[i] {
				t.Fatalf("seed %d: cut at %d in record [%d, %d): begins at %d, torn %t", seed, cut, ends[i], ends[i+1], begin, torn)
			}
		}
	}
}

func TestTornTailLeavesWrongBytesAlone(t *testing.T) {
	for name, b := range map[string][]byte{
		"zeros":               make([]byte, 100),
		"unknown type":        {0, 0, 0, 0, 1, 0, 9, 0},
		"longer than a block": {0, 0, 0, 0, 0xff, 0xff, fullChunk, 0},
	} {
		if begin, torn := tornTail(b); torn {
			t.Errorf("%s: torn at %d, want not", name, begin)
		}
	}
}
