package segment

import (
	"github.com/freshet/freshet/internal/batch"
)

// describeBytes is how much Describe reads at a time.
const describeBytes = 1 << 20

// Describe calls each for every batch, in order, with its position. It stops
// where one makes no sense, with a [vfs.CorruptError].
func (s *Segment) Describe(each func(pos int64, h batch.Header, b []byte) error) error {
	pos := int64(0)
	for pos < s.size.Load() {
		b, err := s.ReadAt(pos, describeBytes, nil)
		if err != nil {
			return err
		}
		for len(b) > 0 {
			h, err := batch.ParseHeader(b)
			if err != nil {
				return s.corrupt(pos, err)
			}
			if err := each(pos, h, b[:h.SizeBytes()]); err != nil {
				return err
			}
			pos += int64(h.SizeBytes())
			b = b[h.SizeBytes():]
		}
	}
	return nil
}

// IndexEntries returns how many entries the two indexes have, made anew or
// read.
func (s *Segment) IndexEntries() (offsets, times int, err error) {
	x, err := s.load()
	return x.offsets.count, x.times.count, err
}
