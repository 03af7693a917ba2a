package bench

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log"
)

// A PartitionsRow is commits of 1000 records that are spread evenly over all
// partitions of a topic. The loop by hand writes the same batches to one file.
type PartitionsRow struct {
	Durability string `json:"durability"`
	Partitions int    `json:"partitions"`
	Comparison
	OpenFiles     int   `json:"open_files"`     // at the end; 0 where it is not known
	ResidentBytes int64 `json:"resident_bytes"` // of the whole process, the most; 0 where it is not known
}

// partitionsTimes is how much longer than others its passes take: long enough
// that the segments of many partitions are written more than once.
const partitionsTimes = 5

func (c LogConfig) partitions(ctx context.Context) (rows []PartitionsRow, err error) {
	c.MinTime *= partitionsTimes
	for _, d := range c.osAndSync() {
		for _, n := range sizes(c.Partitions, c.Short, []int{1, 100}, []int{1, 10, 100, 1000}) {
			freshet := c.freshetPass(d, n, func(b *log.Broker, u until) (checksum, error) {
				return spread(b, n, u)
			})
			byHand := c.byHandPass(func(f *sharedFile, u until) (checksum, error) { return spreadByHand(f, d, n, u) })
			rounds, err := c.measureRounds(ctx, fmt.Sprintf("partitions %s, %d", d, n), freshet, byHand)
			if err != nil {
				return nil, err
			}
			rows = append(rows, PartitionsRow{
				Durability: d.String(), Partitions: n, Comparison: comparison(rounds),
				OpenFiles:     int(medianOf(rounds, func(r passRound) float64 { return float64(r.freshet.files) })),
				ResidentBytes: int64(medianOf(rounds, func(r passRound) float64 { return float64(r.freshet.resident) })),
			})
		}
	}
	return rows, nil
}

func spread(b *log.Broker, partitions int, u until) (sum checksum, err error) {
	c := b.NewCommitBuilder()
	topic, err := c.Topic(benchTopic)
	if err != nil {
		return sum, err
	}
	values := smallValues()
	var rec log.Record
	for next := 0; u.more(); {
		for range commitRecords {
			rec.Value, rec.TimestampMillis = values[next%len(values)], startMillis+int64(next)
			if err := topic.Append(int32(next%partitions), &rec); err != nil {
				return sum, err
			}
			sum.add(rec.Value)
			next++
		}
		if _, err := b.Commit(c.Build()); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func spreadByHand(f *sharedFile, d log.Durability, partitions int, u until) (sum checksum, err error) {
	h := newHandPartitions(f, partitions, batch.None)
	values := smallValues()
	for next := 0; u.more(); {
		for range commitRecords {
			v := values[next%len(values)]
			h.batches[next%partitions].append(startMillis+int64(next), nil, v)
			sum.add(v)
			next++
		}
		if err := h.commit(d); err != nil {
			return sum, err
		}
	}
	return sum, nil
}
