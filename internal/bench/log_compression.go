package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log"
)

// A CompressionRow is a codec, with values of JSON, 1000 a batch, in the mode
// os. The loop by hand compresses with the same code.
type CompressionRow struct {
	Codec string `json:"codec"`
	Comparison

	// What is on disk at the end for each byte of values, all files.
	DiskPerValueByte       float64 `json:"disk_bytes_per_value_byte"`
	ByHandDiskPerValueByte float64 `json:"by_hand_disk_bytes_per_value_byte"`
}

func (c LogConfig) compression(ctx context.Context) (rows []CompressionRow, err error) {
	events := someEvents()
	for _, codec := range []batch.Codec{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd} {
		freshet := c.freshetPass(log.OS, 1, func(b *log.Broker, u until) (sum checksum, err error) {
			p, err := b.NewProducerWith(log.ProducerConfig{Compression: codec.String()})
			if err != nil {
				return sum, err
			}
			defer func() { err = errors.Join(err, p.Close()) }()
			return produceKeys(ctx, p, nil, events, u)
		})
		byHand := c.byHandPass(func(f *sharedFile, u until) (checksum, error) { return compressByHand(f, codec, events, u) })
		rounds, err := c.measureRounds(ctx, fmt.Sprintf("compression %s", codec), freshet, byHand)
		if err != nil {
			return nil, err
		}
		rows = append(rows, CompressionRow{
			Codec: codec.String(), Comparison: comparison(rounds),
			DiskPerValueByte:       medianOf(rounds, func(r passRound) float64 { return r.freshet.diskPerValueByte() }),
			ByHandDiskPerValueByte: medianOf(rounds, func(r passRound) float64 { return r.byHand.diskPerValueByte() }),
		})
	}
	return rows, nil
}

func (p pass) diskPerValueByte() float64 { return quotient(float64(p.disk), float64(p.sum.bytes)) }

func compressByHand(f *sharedFile, codec batch.Codec, events [][]byte, u until) (sum checksum, err error) {
	h := newHandPartitions(f, 1, codec)
	for next := 0; u.more(); {
		for range commitRecords {
			v := events[next%len(events)]
			h.batches[0].append(startMillis+int64(next), nil, v)
			sum.add(v)
			next++
		}
		if err := h.commit(log.OS); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// someEvents returns what an online shop may write down: JSON with the same
// fields in each, some of few values and some of many. They are more than a
// batch, and than the window of any codec but zstd's, so that no codec meets
// the same event twice within what it looks back on.
func someEvents() [][]byte {
	const different = 1 << 15
	rng := rand.New(rand.NewPCG(2, 0))
	kinds := []string{"page_view", "search", "add_to_cart", "remove_from_cart", "checkout", "payment"}
	countries := []string{"DE", "FR", "GB", "IN", "JP", "NG", "US"}
	zipf := rand.NewZipf(rng, zipfExponent, 1, vocabulary-1)
	events := make([][]byte, different)
	for i := range events {
		events[i] = fmt.Appendf(nil,
			`{"event_id":"%016x","type":%q,"time":%d,"user_id":%d,"session":"%08x","country":%q,"product":{"id":%d,"name":"%s %s","price":%d.%02d},"quantity":%d,"mobile":%t}`,
			rng.Uint64(), kinds[rng.IntN(len(kinds))], startMillis+int64(i), rng.IntN(1e6), rng.Uint32(), countries[rng.IntN(len(countries))],
			rng.IntN(1e5), appendWord(nil, zipf.Uint64()), appendWord(nil, zipf.Uint64()), rng.IntN(200), rng.IntN(100), 1+rng.IntN(4), rng.IntN(2) == 0)
	}
	return events
}
