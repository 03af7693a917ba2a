package serde_test

import (
	"testing"

	"github.com/freshet/freshet/serde"
)

// BenchmarkRoundTrip encodes and decodes one value, through the interface as the
// runtime does.
func BenchmarkRoundTrip(b *testing.B) {
	roundTrip(b, "string", "sixteen bytes ok")
	roundTrip(b, "named string", userID("sixteen bytes ok"))
	roundTrip(b, "int64", int64(42))
	roundTrip(b, "named int64", cents(42))
	roundTrip(b, "uuid", someUUID)
	roundTrip(b, "time", someTime)
	roundTrip(b, "binary", point{1, 2})
	roundTrip(b, "json", order{ID: "o-1", User: "u", Amount: 5, At: someTime})
}

func roundTrip[T any](b *testing.B, name string, v T) {
	b.Run(name, func(b *testing.B) {
		s, err := serde.For[T]()
		if err != nil {
			b.Fatal(err)
		}
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			if buf, err = s.Append(buf[:0], v); err != nil {
				b.Fatal(err)
			}
			if _, err = s.Decode(buf); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(buf)))
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}
