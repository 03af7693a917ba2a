package log

import (
	"fmt"

	"github.com/freshet/freshet/internal/batch"
)

// maxScratchBytes is how much of decompressed batches a consumer that reuses
// memory keeps for each partition.
const maxScratchBytes = 8 << 20

// A scratch holds the decompressed batches of one fetch, side by side, until the
// next fetch. A nil scratch keeps nothing.
type scratch struct {
	buf  []byte
	used int // by this fetch, also beside buf
}

// begin makes the memory that the last fetch used free, and as much as that one
// would have needed.
func (s *scratch) begin() *scratch {
	if want := min(s.used, maxScratchBytes); want > cap(s.buf) {
		s.buf = make([]byte, 0, want)
	}
	s.buf, s.used = s.buf[:0], 0
	return s
}

// decompress returns a stored batch as it was before it was compressed. What it
// may become was checked when it was appended, by the limits of its topic at
// that time; here the bound is that of any topic.
func (s *scratch) decompress(b []byte) ([]byte, error) {
	var room []byte
	if s != nil {
		room = s.buf[len(s.buf):]
	}
	out, err := batch.Decompress(room, b, maxMessageBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if s != nil {
		s.keep(out)
	}
	return out[:len(out):len(out)], nil
}

// keep takes note of a batch that was decompressed behind those in buf, or had
// no room there.
func (s *scratch) keep(out []byte) {
	n := len(s.buf)
	if n+len(out) <= cap(s.buf) && &out[0] == &s.buf[n : n+1][0] {
		s.buf = s.buf[:n+len(out)]
		s.used += len(out)
		return
	}
	s.used += cap(out)
}
