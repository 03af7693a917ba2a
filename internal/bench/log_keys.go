package bench

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log"
)

// A KeysRow is records with keys, 1000 a commit, each in the partition that
// Kafka's partitioner gives to its key.
type KeysRow struct {
	Durability string `json:"durability"`
	Partitions int    `json:"partitions"`
	Comparison
}

// commitRecords is how many records a commit has where that is not what is
// measured.
const commitRecords = 1000

// someKeys returns keys as users have them, in an order without order.
func someKeys() [][]byte {
	const different = 1 << 16
	rng := rand.New(rand.NewPCG(1, 0))
	keys := make([][]byte, different)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "user-%07d", rng.IntN(1e7))
	}
	return keys
}

func (c LogConfig) keys(ctx context.Context) (rows []KeysRow, err error) {
	keys := someKeys()
	for _, d := range c.osAndSync() {
		for _, n := range sizes(c.KeyPartitions, c.Short, []int{8}, []int{1, 8, 64}) {
			freshet := c.freshetPass(d, n, func(b *log.Broker, u until) (checksum, error) {
				return produceKeys(ctx, b.NewProducer(), keys, smallValues(), u)
			})
			byHand := c.byHandPass(func(f *sharedFile, u until) (checksum, error) { return keysByHand(f, d, n, keys, u) })
			rounds, err := c.measureRounds(ctx, fmt.Sprintf("keys %s, %d partitions", d, n), freshet, byHand)
			if err != nil {
				return nil, err
			}
			rows = append(rows, KeysRow{d.String(), n, comparison(rounds)})
		}
	}
	return rows, nil
}

// produceKeys produces values in turn, each with a key unless there are none.
func produceKeys(ctx context.Context, p *log.Producer, keys, values [][]byte, u until) (sum checksum, err error) {
	records := make([]log.Record, commitRecords)
	for next := 0; u.more(); {
		for i := range records {
			r := &records[i]
			r.Value = values[next%len(values)]
			if len(keys) > 0 {
				r.Key = keys[next%len(keys)]
			}
			sum.add(r.Value)
			next++
		}
		if err := p.Produce(ctx, benchTopic, records...); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func keysByHand(f *sharedFile, d log.Durability, partitions int, keys [][]byte, u until) (sum checksum, err error) {
	h := newHandPartitions(f, partitions, batch.None)
	values := smallValues()
	for next := 0; u.more(); {
		for range commitRecords {
			key, v := keys[next%len(keys)], values[next%len(values)]
			h.batches[log.Partition(key, int32(partitions))].append(startMillis+int64(next), key, v)
			sum.add(v)
			next++
		}
		if err := h.commit(d); err != nil {
			return sum, err
		}
	}
	return sum, nil
}
