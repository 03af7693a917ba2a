package log

import (
	"math/bits"
	"sync"

	"github.com/freshet/freshet/internal/batch"
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

const (
	// smallBatchBytes bounds the batches that share memory: what is smaller than
	// a buffer worth keeping.
	smallBatchBytes = minReusedBytes

	// chunkBytes is the size of the memory that they share. Who keeps a record of
	// one keeps that much alive.
	chunkBytes = 16 << 10

	// maxSpares bounds the buffers in which small batches are encoded: how many
	// may be open at a time without new ones.
	maxSpares = 64
)

// A batchMemory is where a builder's batches go. Large ones have a buffer each;
// small ones are encoded in buffers that stay with the builder and copied side
// by side into chunks, so that a commit of one record costs a part of an
// allocation.
type batchMemory struct {
	buffers *buffers
	chunk   []byte   // what is left of it
	spares  [][]byte // small buffers that are not in use
	packed  []byte   // one batch, compressed
}

// get returns a buffer for a batch of about size bytes, or nil.
func (m *batchMemory) get(size int) []byte {
	if size > smallBatchBytes {
		return m.buffers.get(size)
	}
	n := len(m.spares)
	if n == 0 {
		return nil
	}
	buf := m.spares[n-1]
	m.spares = m.spares[:n-1]
	return buf[:0]
}

// stored returns the bytes to be kept of a batch that was encoded in a buffer:
// compressed, if that makes it smaller.
func (m *batchMemory) stored(b []byte, codec batch.Codec) ([]byte, error) {
	if codec != batch.None {
		packed, err := batch.Compress(m.packed[:0], b, codec)
		if err != nil {
			return b, err
		}
		m.packed = packed
		if cap(packed) > 2*batchBytes {
			m.packed = nil
		}
		if len(packed) < len(b) {
			out := m.copyOf(packed)
			m.put(b)
			return out, nil
		}
	}
	if len(b) >= smallBatchBytes {
		return b, nil
	}
	out := m.copyOf(b)
	m.put(b)
	return out, nil
}

// put takes back a buffer that nobody else has seen.
func (m *batchMemory) put(buf []byte) {
	switch {
	case cap(buf) > 2*smallBatchBytes:
		m.buffers.put(buf)
	case len(m.spares) < maxSpares:
		m.spares = append(m.spares, buf)
	}
}

// copyOf copies a finished batch.
func (m *batchMemory) copyOf(b []byte) []byte {
	if len(b) >= smallBatchBytes {
		return append(m.buffers.get(len(b)), b...)
	}
	if len(m.chunk) < len(b) {
		m.chunk = make([]byte, chunkBytes)
	}
	n := copy(m.chunk, b)
	out := m.chunk[:n:n]
	m.chunk = m.chunk[n:]
	return out
}

// size returns how many bytes are kept.
func (b *buffers) size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.bytes
}
