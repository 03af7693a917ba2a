package batch

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

var codecs = []Codec{Gzip, Snappy, LZ4, Zstd}

// plenty is a bound that no batch of these tests reaches.
const plenty = 16 << 20

// franzCompress compresses the records of b as franz-go's producer does.
func franzCompress(t testing.TB, b []byte, c Codec) []byte {
	t.Helper()
	with := map[Codec]kgo.CompressionCodec{
		Gzip: kgo.GzipCompression(), Snappy: kgo.SnappyCompression(), LZ4: kgo.Lz4Compression(), Zstd: kgo.ZstdCompression(),
	}
	compressor, err := kgo.DefaultCompressor(with[c])
	if err != nil {
		t.Fatal(err)
	}
	records, used := compressor.Compress(new(bytes.Buffer), b[HeaderBytes:])
	if Codec(used) != c {
		t.Fatalf("franz-go used %d, want %v", used, c)
	}
	return withRecords(b, records, c)
}

// withRecords puts other bytes where the records of b are and makes the header
// right.
func withRecords(b, records []byte, c Codec) []byte {
	out := append(bytes.Clone(b[:HeaderBytes]), records...)
	put32(out[lengthPos:], int32(len(out)-prefixBytes))
	putAttributes(out, attributesOf(out)&^CompressionMask|int16(c))
	return fixCRC(out)
}

func genBatch(t *rapid.T) []byte {
	var b Builder
	for _, r := range genRecords.Draw(t, "records") {
		b.Append(r.Millis, r.Key, r.Value, r.Headers)
	}
	if rapid.Bool().Draw(t, "has producer") {
		b.SetProducer(rapid.Int64Min(0).Draw(t, "id"), rapid.Int16Min(0).Draw(t, "epoch"), rapid.Int32Min(0).Draw(t, "sequence"))
		b.SetTransactional(rapid.Bool().Draw(t, "transactional"))
	}
	batch := b.Finish()
	Stamp(batch, rapid.Int64Range(0, 1<<60).Draw(t, "base"), rapid.Int32().Draw(t, "epoch"))
	return batch
}

// TestFranzReadsCompressed shows that franz-go decompresses what Compress wrote
// to the records that were there, and that the header says the same otherwise.
func TestFranzReadsCompressed(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.String(), func(t *testing.T) {
			decompressor := kgo.DefaultDecompressor()
			rapid.Check(t, func(t *rapid.T) {
				b := genBatch(t)
				got, err := Compress(nil, b, c)
				if err != nil {
					t.Fatal(err)
				}
				if err := Verify(got); err != nil {
					t.Fatal(err)
				}
				var kb kmsg.RecordBatch
				if err := kb.ReadFrom(got); err != nil {
					t.Fatal(err)
				}
				records, err := decompressor.Decompress(kb.Records, kgo.CompressionCodecType(kb.Attributes&CompressionMask))
				if err != nil || !bytes.Equal(records, b[HeaderBytes:]) {
					t.Fatalf("%v: %d bytes, want the %d of the records", err, len(records), len(b)-HeaderBytes)
				}
				if back := withRecords(got, records, None); !bytes.Equal(back, b) {
					t.Fatalf("header\n%x, want\n%x", back[:HeaderBytes], b[:HeaderBytes])
				}
			})
		})
	}
}

// TestDecompressReadsFranz shows the way back, and that what is in front of the
// result stays.
func TestDecompressReadsFranz(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				b := genBatch(rt)
				front := rapid.SliceOf(rapid.Byte()).Draw(rt, "front")
				got, err := Decompress(bytes.Clone(front), franzCompress(t, b, c), len(b))
				if err != nil {
					rt.Fatal(err)
				}
				if !bytes.HasPrefix(got, front) || !bytes.Equal(got[len(front):], b) {
					rt.Fatalf("got\n%x, want\n%x", got[len(front):], b)
				}
			})
		})
	}
}

// TestCompressRoundTrip goes there and back by itself, with large batches as
// well, whose frames have several blocks.
func TestCompressRoundTrip(t *testing.T) {
	for _, c := range append(codecs, None) {
		for _, n := range []int{1, 100, 20_000} {
			t.Run(fmt.Sprint(c, n), func(t *testing.T) {
				b := wordsBatch(n)
				small, err := Compress([]byte("front"), b, c)
				if err != nil {
					t.Fatal(err)
				}
				if n > 1 && c != None && len(small) > len(b)*2/3 {
					t.Errorf("%d bytes of %d, want it to shrink", len(small), len(b))
				}
				got, err := Decompress(nil, small[len("front"):], len(b))
				if err != nil || !bytes.Equal(got, b) {
					t.Fatalf("%v, %d bytes, want the %d there were", err, len(got), len(b))
				}
				if got, err = Decompress([]byte("x"), small[len("front"):], len(b)-1); !errors.Is(err, ErrTooLarge) || string(got) != "x" {
					t.Errorf("one byte too few: %v and %d bytes, want %v and 1", err, len(got), ErrTooLarge)
				}
			})
		}
	}
}

// wordsBatch has n records that compress as text does.
func wordsBatch(n int) []byte {
	var b Builder
	words := []string{"the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog"}
	seed := uint32(1)
	for i := range n {
		var value []byte
		for range 12 {
			seed = seed*1664525 + 1013904223
			value = append(append(value, words[seed>>29]...), ' ')
		}
		b.Append(1_700_000_000_000+int64(i), []byte(words[seed>>20&7]), value, nil)
	}
	return b.Finish()
}

// TestCodecsAreForEverybody has several goroutines share the pools.
func TestCodecsAreForEverybody(t *testing.T) {
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			b := wordsBatch(50 + 500*g)
			var small, plain []byte
			for i := range 40 {
				var err error
				if small, err = Compress(small[:0], b, codecs[i%len(codecs)]); err == nil {
					plain, err = Decompress(plain[:0], small, plenty)
				}
				if err != nil || !bytes.Equal(plain, b) {
					t.Errorf("%v: %v and %d bytes, want %d", codecs[i%len(codecs)], err, len(plain), len(b))
				}
			}
		})
	}
	all.Wait()
}

func TestCompressRefuses(t *testing.T) {
	good := smallBatch()
	twice, err := Compress(nil, good, Gzip)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		b    []byte
		c    Codec
		want error
	}{
		{"compressed already", twice, Zstd, ErrCompressed},
		{"unknown codec", good, 5, ErrCompressed},
		{"torn", good[:len(good)-1], Gzip, ErrCorrupt},
	} {
		if got, err := Compress([]byte("x"), test.b, test.c); !errors.Is(err, test.want) || string(got) != "x" {
			t.Errorf("%s: got %v and %d bytes, want %v and 1", test.name, err, len(got), test.want)
		}
	}
	if _, err := Decompress(nil, withRecords(good, nil, 6), plenty); !errors.Is(err, ErrCompressed) {
		t.Errorf("codec 6: got %v, want %v", err, ErrCompressed)
	}
	put32(twice[lastDeltaPos:], 999)
	put32(twice[countPos:], 1000)
	if got, err := Decompress([]byte("x"), fixCRC(twice), plenty); !errors.Is(err, ErrCorrupt) || string(got) != "x" {
		t.Errorf("too many records: got %v and %d bytes, want %v and 1", err, len(got), ErrCorrupt)
	}
}
