package log

import (
	"fmt"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// BenchmarkAppend appends 100-byte values through one builder, a batch a
// commit.
func BenchmarkAppend(b *testing.B) {
	for _, mode := range []Durability{OS, Sync} {
		for _, size := range []int{100, 1024} {
			for _, n := range []int{1, 10, 100, 1000} {
				b.Run(fmt.Sprintf("%s/%dB/batch=%d", mode, size, n), func(b *testing.B) {
					fsys, err := vfs.Dir(b.TempDir())
					if err != nil {
						b.Fatal(err)
					}
					br := open(b, fsys, Config{Durability: mode})
					if _, err := br.CreateTopic("t", TopicConfig{}); err != nil {
						b.Fatal(err)
					}
					c := br.NewCommitBuilder()
					r := Record{Value: make([]byte, size)}
					b.ReportAllocs()
					b.SetBytes(int64(n * size))
					for b.Loop() {
						for range n {
							if err := c.Append("t", 0, &r); err != nil {
								b.Fatal(err)
							}
						}
						if _, err := br.Commit(c.Build()); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrec/s")
				})
			}
		}
	}
}

// BenchmarkRead reads back what is in segments, with reused memory.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{100, 1024} {
		for _, n := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%dB/batch=%d", size, n), func(b *testing.B) {
				fsys, err := vfs.Dir(b.TempDir())
				if err != nil {
					b.Fatal(err)
				}
				br := open(b, fsys, Config{Durability: OS})
				if _, err := br.CreateTopic("t", TopicConfig{}); err != nil {
					b.Fatal(err)
				}
				c := br.NewCommitBuilder()
				r := Record{Value: make([]byte, size)}
				commits := 200_000 / n
				for range commits {
					for range n {
						if err := c.Append("t", 0, &r); err != nil {
							b.Fatal(err)
						}
					}
					if _, err := br.Commit(c.Build()); err != nil {
						b.Fatal(err)
					}
				}
				if err := br.flush(); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				b.SetBytes(int64(commits * n * size))
				for b.Loop() {
					con := br.NewConsumer()
					con.ReuseMemory()
					if err := con.Assign(TopicPartition{"t", 0}, 0); err != nil {
						b.Fatal(err)
					}
					read := 0
					for {
						fs, err := con.Fetch(1 << 20)
						if err != nil {
							b.Fatal(err)
						}
						if len(fs) == 0 {
							break
						}
						for fs[0].Records.Next(&r) {
							read++
						}
					}
					if read != commits*n {
						b.Fatalf("read %d", read)
					}
					con.Close()
				}
				b.ReportMetric(float64(commits*n*b.N)/b.Elapsed().Seconds()/1e6, "Mrec/s")
			})
		}
	}
}
