package log

import (
	"fmt"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// BenchmarkProduce appends records of 100 bytes, a call of Produce a commit.
func BenchmarkProduce(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			fsys, err := vfs.Dir(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			br := open(b, fsys, Config{Durability: OS})
			if _, err := br.CreateTopic("t", TopicConfig{}); err != nil {
				b.Fatal(err)
			}
			p := br.NewProducer()
			rs := make([]Record, n)
			for i := range rs {
				rs[i] = Record{Key: []byte("0123456789"), Value: make([]byte, 90)}
			}
			b.ReportAllocs()
			b.SetBytes(int64(n * 100))
			for b.Loop() {
				if err := p.Produce(b.Context(), "t", rs...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrec/s")
		})
	}
}

// BenchmarkProduceAsync gives records of 100 bytes one by one.
func BenchmarkProduceAsync(b *testing.B) {
	fsys, err := vfs.Dir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	br := open(b, fsys, Config{Durability: OS})
	if _, err := br.CreateTopic("t", TopicConfig{Partitions: 4}); err != nil {
		b.Fatal(err)
	}
	p, err := br.NewProducerWith(ProducerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	r := Record{Key: []byte("0123456789"), Value: make([]byte, 90)}
	failed := func(r ProduceResult) {
		if r.Err != nil {
			b.Error(r.Err)
		}
	}
	b.ReportAllocs()
	b.SetBytes(100)
	for b.Loop() {
		if err := p.ProduceAsync(b.Context(), "t", r, failed); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrec/s")
}
