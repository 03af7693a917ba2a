package log

import (
	"math/bits"
	"sync"
)

// minReusedBytes is the size below which a buffer is not worth keeping.
const minReusedBytes = 1 << 10

// buffers are those of batches that went to their segments without a consumer
// having seen them in memory, so that nobody can hold a part of one. They serve
// the next batches of about the same size.
type buffers struct {
	limit int64 // bytes to keep at most

	mu struct {
		sync.Mutex
		free  [bits.UintSize][][]byte // by the binary logarithm of the capacity
		bytes int64
	}
}

// get returns an empty buffer with room for size bytes and less than twice as
// much, or nil.
func (b *buffers) get(size int) []byte {
	class := bits.Len(uint(size))
	b.mu.Lock()
	defer b.mu.Unlock()
	free := b.mu.free[class]
	if len(free) == 0 {
		return nil
	}
	buf := free[len(free)-1]
	free[len(free)-1] = nil
	b.mu.free[class] = free[:len(free)-1]
	b.mu.bytes -= int64(cap(buf))
	if cap(buf) < size {
		return nil
	}
	return buf[:0]
}

// put keeps buf, unless there is enough.
func (b *buffers) put(buf []byte) {
	if cap(buf) < minReusedBytes {
		return
	}
	class := bits.Len(uint(cap(buf)))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.bytes+int64(cap(buf)) > b.limit {
		return
	}
	b.mu.free[class] = append(b.mu.free[class], buf)
	b.mu.bytes += int64(cap(buf))
}
