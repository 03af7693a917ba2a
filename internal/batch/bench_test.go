package batch

import (
	"fmt"
	"testing"
)

// benchRecords fills a batch of about 110 KB with 100-byte values, the case
// that the figures in this project's notes speak of.
const (
	benchRecords    = 1000
	benchValueBytes = 100
	benchCapacity   = HeaderBytes + benchRecords*(benchValueBytes+32)
)

func benchBatch(b *Builder, key, value []byte) []byte {
	for i := range benchRecords {
		b.Append(1_700_000_000_000+int64(i/8), key, value, nil)
	}
	return b.Finish()
}

func reportRecords(b *testing.B) {
	total := float64(b.N) * benchRecords
	b.ReportMetric(total/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/record")
}

// BenchmarkBuilder has a new buffer for each batch, as the log has, and with
// Reused none, which leaves the encoding alone.
func BenchmarkBuilder(b *testing.B) {
	value := make([]byte, benchValueBytes)
	for _, bench := range []struct {
		name   string
		key    []byte
		reused bool
	}{
		{"NoKey", nil, false}, {"Key10", []byte("0123456789"), false},
		{"NoKeyReused", nil, true}, {"Key10Reused", []byte("0123456789"), true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var bld Builder
			bld.Reset(benchCapacity)
			var last []byte
			b.SetBytes(benchRecords * int64(benchValueBytes+len(bench.key)))
			b.ReportAllocs()
			for b.Loop() {
				if bench.reused && last != nil {
					bld.buf = last[:0]
				}
				last = benchBatch(&bld, bench.key, value)
			}
			reportRecords(b)
		})
	}
}

func BenchmarkReader(b *testing.B) {
	var bld Builder
	bt := benchBatch(&bld, []byte("0123456789"), make([]byte, benchValueBytes))
	var r Reader
	var rec Record
	var sum int64
	b.SetBytes(int64(len(bt)))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Reset(bt); err != nil {
			b.Fatal(err)
		}
		for r.Next(&rec) {
			sum += rec.TimestampMillis + int64(len(rec.Value))
		}
	}
	if r.Err() != nil || sum == 0 {
		b.Fatal(r.Err(), sum)
	}
	reportRecords(b)
}

func BenchmarkVerify(b *testing.B) {
	var bld Builder
	bt := benchBatch(&bld, nil, make([]byte, benchValueBytes))
	b.SetBytes(int64(len(bt)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Verify(bt); err != nil {
			b.Fatal(err)
		}
	}
	reportRecords(b)
}

// The benchmarks of codecs have 1000 records of words, which compress as text
// does; they say how much.

func BenchmarkCompress(b *testing.B) {
	bt := wordsBatch(benchRecords)
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			out := make([]byte, 0, 2*len(bt))
			b.SetBytes(int64(len(bt)))
			b.ReportAllocs()
			for b.Loop() {
				small, err := Compress(out, bt, c)
				if err != nil {
					b.Fatal(err)
				}
				out = small[:0]
			}
			reportRecords(b)
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	bt := wordsBatch(benchRecords)
	for _, c := range codecs {
		for _, reused := range []bool{true, false} {
			b.Run(fmt.Sprintf("%v/reused=%v", c, reused), func(b *testing.B) {
				small, err := Compress(nil, bt, c)
				if err != nil {
					b.Fatal(err)
				}
				out := make([]byte, 0, len(bt))
				b.SetBytes(int64(len(bt)))
				b.ReportAllocs()
				for b.Loop() {
					if !reused {
						out = nil
					}
					if _, err := Decompress(out, small, plenty); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(bt))/float64(len(small)), "ratio")
				reportRecords(b)
			})
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	bt := wordsBatch(benchRecords)
	for c := None; c <= Zstd; c++ {
		b.Run(c.String(), func(b *testing.B) {
			sent, err := Compress(nil, bt, c)
			if err != nil {
				b.Fatal(err)
			}
			scratch := make([]byte, 0, len(bt))
			b.SetBytes(int64(len(bt)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Validate(sent, plenty, scratch); err != nil {
					b.Fatal(err)
				}
			}
			reportRecords(b)
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	bt := wordsBatch(benchRecords)
	for name, horizon := range map[string]int64{"Copied": NoHorizon, "Rebased": 1_800_000_000_000} {
		b.Run(name, func(b *testing.B) {
			out := make([]byte, 0, 2*len(bt))
			b.SetBytes(int64(len(bt)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Filter(out, bt, horizon, func(rec *Record) bool { return rec.Offset%4 != 0 }); err != nil {
					b.Fatal(err)
				}
			}
			reportRecords(b)
		})
	}
}
