package segment

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// benchSegment makes a segment of about 64 MiB on disk.
func benchSegment(b *testing.B, batchBytes int) *Segment {
	fsys, err := vfs.Dir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	s, err := Create(NewFiles(512), fsys, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 1<<20)
	for i := int64(0); s.SizeBytes() < 64<<20; i += 100 {
		var ss []Span
		for j := range int64(100) {
			ss = append(ss, spanAt(i+j, 1, 1000+i+j, batchBytes))
		}
		if err := s.Append(ss, buf); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Sync(); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkPosition(b *testing.B) {
	for _, size := range []int{200, 4000, 100_000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := benchSegment(b, size)
			rng := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Position(rng.Int64N(s.End())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFindTimestamp(b *testing.B) {
	s := benchSegment(b, 4000)
	rng := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, found, err := s.FindTimestamp(1000 + rng.Int64N(s.End())); err != nil || !found {
			b.Fatal(found, err)
		}
	}
}

// BenchmarkReadAt reads on and on, with memory that is used again.
func BenchmarkReadAt(b *testing.B) {
	for _, size := range []int{200, 100_000} {
		for _, most := range []int{4 << 10, 256 << 10} {
			b.Run(fmt.Sprintf("batch=%d/read=%d", size, most), func(b *testing.B) {
				s := benchSegment(b, size)
				pos, read := int64(0), int64(0)
				var buf []byte
				b.ReportAllocs()
				for b.Loop() {
					got, err := s.ReadAt(pos, most, buf)
					if err != nil {
						b.Fatal(err)
					}
					if len(got) == 0 {
						pos = 0
						continue
					}
					buf = got
					pos += int64(len(got))
					read += int64(len(got))
				}
				b.SetBytes(read / int64(b.N))
			})
		}
	}
}

// BenchmarkLoad opens a segment and looks one offset up: with an index that can
// be believed, and without.
func BenchmarkLoad(b *testing.B) {
	for _, size := range []int{200, 4000} {
		for _, known := range []bool{true, false} {
			b.Run(fmt.Sprintf("batch=%d/sums=%v", size, known), func(b *testing.B) {
				s := benchSegment(b, size)
				m := s.Meta()
				if !known {
					m.Sums = Sums{}
				}
				for b.Loop() {
					again, err := Open(NewFiles(512), s.fsys, m)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := again.Position(m.End / 2); err != nil {
						b.Fatal(err)
					}
					if err := again.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
