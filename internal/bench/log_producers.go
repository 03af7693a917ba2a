package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/freshet/freshet/log"
)

// A ProducersRow is a number of goroutines that produce to one partition.
type ProducersRow struct {
	Durability string `json:"durability"`
	Goroutines int    `json:"goroutines"`
	Shared     bool   `json:"shared_producer"` // or else one each
	Call       string `json:"call"`            // "produce", which waits, or "produce_async"
	Records    int    `json:"call_records"`    // of one call
	Comparison

	// What one write, and one sync, of the journal was for. A group is whatever
	// waited while the one before was written.
	RecordsPerGroup float64 `json:"records_per_group"`
	RecordsPerSync  float64 `json:"records_per_sync,omitempty"`
	SyncsPerSecond  float64 `json:"syncs_per_second,omitempty"`
}

// asyncLinger is how long records wait for others that are produced without
// waiting.
const asyncLinger = 5 * time.Millisecond

// A producersWork is one row.
type producersWork struct {
	durability log.Durability
	goroutines int
	shared     bool
	async      bool
	records    int // a call
}

func (w producersWork) String() string {
	return fmt.Sprintf("producers %s, %d goroutines, %s, %s", w.durability, w.goroutines, w.producer(), w.call())
}

func (w producersWork) producer() string {
	if w.shared {
		return "shared"
	}
	return "own"
}

func (w producersWork) call() string {
	if w.async {
		return "async"
	}
	return fmt.Sprintf("produce %d", w.records)
}

func (c LogConfig) producersWorks() (all []producersWork) {
	for _, d := range c.osAndSync() {
		for _, n := range sizes(c.Goroutines, c.Short, []int{1, 16}, []int{1, 4, 16, 64}) {
			for _, shared := range []bool{false, true} {
				if shared && (n == 1 || c.Short) {
					continue // the same as its own; or left out
				}
				all = append(all,
					producersWork{durability: d, goroutines: n, shared: shared, records: 1},
					producersWork{durability: d, goroutines: n, shared: shared, records: 100},
					producersWork{durability: d, goroutines: n, shared: shared, records: 1, async: true})
			}
		}
	}
	return all
}

func (c LogConfig) producers(ctx context.Context) (rows []ProducersRow, err error) {
	for _, w := range c.producersWorks() {
		freshet := c.freshetPass(w.durability, 1, func(b *log.Broker, u until) (checksum, error) { return w.freshet(ctx, b, u) })
		byHand := c.byHandPass(w.byHand)
		if w.async {
			byHand = nil // a loop that waits for nothing has nothing to gather
		}
		rounds, err := c.measureRounds(ctx, w.String(), freshet, byHand)
		if err != nil {
			return nil, err
		}
		rows = append(rows, w.row(rounds))
	}
	return rows, nil
}

func (w producersWork) row(rounds []passRound) ProducersRow {
	r := ProducersRow{
		Durability: w.durability.String(), Goroutines: w.goroutines, Shared: w.shared, Call: "produce", Records: w.records,
		Comparison: comparison(rounds),
		RecordsPerGroup: medianOf(rounds, func(r passRound) float64 {
			return quotient(float64(r.freshet.sum.records), float64(r.freshet.groups))
		}),
	}
	if w.async {
		r.Call = "produce_async"
	}
	if w.durability == log.Sync {
		r.RecordsPerSync = medianOf(rounds, func(r passRound) float64 {
			return quotient(float64(r.freshet.sum.records), float64(r.freshet.syncs))
		})
		r.SyncsPerSecond = medianOf(rounds, func(r passRound) float64 {
			return quotient(float64(r.freshet.syncs), r.freshet.acknowledged.Seconds())
		})
	}
	return r
}

// smallValueBytes is the size of a value where it is not what is measured.
const smallValueBytes = 100

func smallValues() [][]byte { return logWork{valueBytes: smallValueBytes}.values() }

// together runs goroutines and adds up what they did.
func together(n int, each func(i int) (checksum, error)) (sum checksum, err error) {
	sums, errs := make([]checksum, n), make([]error, n)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() { sums[i], errs[i] = each(i) })
	}
	running.Wait()
	for _, s := range sums {
		sum = sum.plus(s)
	}
	return sum, errors.Join(errs...)
}

func (w producersWork) freshet(ctx context.Context, b *log.Broker, u until) (sum checksum, err error) {
	producers := make([]*log.Producer, w.goroutines)
	for i := range producers {
		if i > 0 && w.shared {
			producers[i] = producers[0]
			continue
		}
		if producers[i], err = b.NewProducerWith(log.ProducerConfig{Linger: w.linger()}); err != nil {
			return sum, err
		}
		defer func() { err = errors.Join(err, producers[i].Close()) }()
	}
	return together(w.goroutines, func(i int) (checksum, error) {
		if w.async {
			return produceAsync(ctx, producers[i], u)
		}
		return w.produce(ctx, producers[i], u)
	})
}

func (w producersWork) linger() time.Duration {
	if w.async {
		return asyncLinger
	}
	return 0
}

func (w producersWork) produce(ctx context.Context, p *log.Producer, u until) (sum checksum, err error) {
	values := smallValues()
	records := make([]log.Record, w.records)
	for u.more() {
		for i := range records {
			records[i].Value = values[i%len(values)]
			sum.add(records[i].Value)
		}
		if err := p.Produce(ctx, benchTopic, records...); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// produceAsync gives away records and waits at the end until all are answered.
func produceAsync(ctx context.Context, p *log.Producer, u until) (sum checksum, err error) {
	for values := smallValues(); u.more(); {
		for _, v := range values { // between two looks at the clock
			if err := p.ProduceAsync(ctx, benchTopic, log.Record{Value: v}, nil); err != nil {
				return sum, err
			}
			sum.add(v)
		}
	}
	return sum, p.Flush(ctx)
}

func (w producersWork) byHand(f *sharedFile, u until) (checksum, error) {
	return together(w.goroutines, func(int) (sum checksum, err error) {
		u, values := u, smallValues()
		call := make([][]byte, w.records)
		for u.more() {
			for i := range call {
				call[i] = values[i%len(values)]
				sum.add(call[i])
			}
			if err := f.append(w.durability, call); err != nil {
				return sum, err
			}
		}
		return sum, nil
	})
}
