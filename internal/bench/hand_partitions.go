package bench

import (
	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log"
)

// handPartitions gathers a batch for each of some partitions and writes them
// all with one system call.
type handPartitions struct {
	file    *sharedFile
	codec   batch.Codec
	batches []handBatch
	next    []int64 // offsets
	out     []byte
}

func newHandPartitions(f *sharedFile, n int, codec batch.Codec) *handPartitions {
	return &handPartitions{file: f, codec: codec, batches: make([]handBatch, n), next: make([]int64, n)}
}

// commit writes what was gathered.
func (h *handPartitions) commit(d log.Durability) (err error) {
	h.out = h.out[:0]
	for i := range h.batches {
		b := &h.batches[i]
		n := int64(b.count)
		if n == 0 {
			continue
		}
		encoded := b.seal(h.next[i])
		if h.codec == batch.None {
			h.out = append(h.out, encoded...)
		} else if h.out, err = batch.Compress(h.out, encoded, h.codec); err != nil {
			return err
		}
		h.next[i] += n
	}
	return h.file.write(d, h.out)
}
