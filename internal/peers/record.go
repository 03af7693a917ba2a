package main

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
)

// startMillis is when the first record happened; any time does.
const startMillis = 1_700_000_000_000

// A tally is what there is to know of a run of records: how many, how large,
// and a sum of every byte that depends on the order of the records.
type tally struct {
	records, bytes int64
	sum            uint64
}

func (t *tally) add(value []byte) {
	t.records++
	t.bytes += int64(len(value))
	sum := bits.RotateLeft64(t.sum, 1)
	for ; len(value) >= 8; value = value[8:] {
		sum += binary.LittleEndian.Uint64(value)
	}
	for i, b := range value {
		sum += uint64(b) << (8 * i)
	}
	t.sum = sum
}

func (t tally) String() string {
	return fmt.Sprintf("%d records of %d bytes (sum %016x)", t.records, t.bytes, t.sum)
}

// A corpus is the values that are appended in turn: random, so that nothing
// could compress them, and the same in every run.
type corpus struct {
	ring  [][]byte // the different values, twice
	batch int
}

func newCorpus(valueBytes, batch int) corpus {
	const seed = 1
	different := max(1024, batch)
	rng := rand.NewChaCha8([32]byte{seed})
	bytes := make([]byte, different*valueBytes)
	rng.Read(bytes) // never fails
	c := corpus{batch: batch}
	for i := range different {
		c.ring = append(c.ring, bytes[i*valueBytes:(i+1)*valueBytes:(i+1)*valueBytes])
	}
	c.ring = append(c.ring, c.ring...)
	return c
}

// values returns the values of the batch that begins with a record.
func (c corpus) values(first int) [][]byte {
	at := first % (len(c.ring) / 2)
	return c.ring[at : at+c.batch]
}

// tally is what reading some batches must give.
func (c corpus) tally(batches int) (want tally) {
	for i := range batches {
		for _, v := range c.values(i * c.batch) {
			want.add(v)
		}
	}
	return want
}
