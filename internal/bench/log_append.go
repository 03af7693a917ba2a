package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/log"
)

// appendAndRead measures appending to the log and reading it back.
func (c LogConfig) appendAndRead(ctx context.Context) (rows []LogRow, err error) {
	for _, work := range c.works() {
		work, err := c.calibrate(work)
		if err != nil {
			return nil, fmt.Errorf("calibrate %s: %w", work, err)
		}
		rounds, err := c.measure(ctx, work)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", work, err)
		}
		rows = append(rows, work.row(rounds))
	}
	return rows, nil
}

// A logWork is one row of the report: something to do on both sides.
type logWork struct {
	read         bool
	durability   log.Durability // of appends
	valueBytes   int
	batchRecords int

	// Found by calibrating.
	batches int // of one pass
	passes  int // in a round, each on new files
	reads   int // of everything, in a pass; 0 when appending
}

// records is what each side does in a round.
func (w logWork) records() int64 {
	return int64(w.batches) * int64(w.batchRecords) * int64(w.passes) * int64(max(w.reads, 1))
}

func (w logWork) String() string {
	if w.read {
		return fmt.Sprintf("read %d B, batches of %d", w.valueBytes, w.batchRecords)
	}
	return fmt.Sprintf("append %s %d B, batches of %d", w.durability, w.valueBytes, w.batchRecords)
}

func (c LogConfig) works() []logWork {
	var all []logWork
	for _, d := range c.Durabilities {
		for _, size := range c.ValueBytes {
			for _, n := range c.BatchRecords {
				all = append(all, logWork{durability: d, valueBytes: size, batchRecords: n})
			}
		}
	}
	for _, size := range c.ValueBytes {
		for _, n := range c.BatchRecords {
			all = append(all, logWork{read: true, valueBytes: size, batchRecords: n})
		}
	}
	return all
}

// An outcome is what one pass of one side took and found.
type outcome struct {
	cost
	acknowledged time.Duration // until the last append had returned
	sum          checksum
}

// A logRound has both sides of a round, all passes added up.
type logRound struct{ byHand, freshet outcome }

// measure runs the rounds of one row.
func (c LogConfig) measure(ctx context.Context, w logWork) ([]logRound, error) {
	rounds := make([]logRound, c.Rounds)
	for i := range rounds {
		c.Progress(fmt.Sprintf("%s: round %d of %d", w, i+1, c.Rounds))
		for pass := range w.passes {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := c.pass(w, (i+pass)%2 == 0, &rounds[i]); err != nil {
				return nil, err
			}
		}
	}
	return rounds, nil
}

// pass does one pass on both sides and adds it to the round.
func (c LogConfig) pass(w logWork, byHandFirst bool, into *logRound) error {
	var byHand, freshet outcome
	sides := []func() error{
		func() (err error) { byHand, err = w.byHand(c.Dir); return },
		func() (err error) { freshet, err = w.freshet(c.Dir); return },
	}
	if !byHandFirst {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, side := range sides {
		if err := side(); err != nil {
			return err
		}
	}
	if byHand.sum != freshet.sum {
		return fmt.Errorf("the log gave back %v, want %v as by hand", freshet.sum, byHand.sum)
	}
	into.byHand.add(byHand)
	into.freshet.add(freshet)
	return nil
}

func (o *outcome) add(p outcome) {
	o.cost = o.cost.plus(p.cost)
	o.acknowledged += p.acknowledged
}

// calibrate finds how much a round has to do.
func (c LogConfig) calibrate(w logWork) (logWork, error) {
	c.Progress(fmt.Sprintf("%s: calibrating", w))
	most := max(int(c.MaxBytes/int64(w.valueBytes*w.batchRecords)), 1)
	w.passes = 1
	if w.read {
		return c.calibrateRead(w, most)
	}
	const first = 100 // enough to get beyond the first page faults
	w.batches = min(first, most)
	for {
		took, err := w.tryByHand(c.Dir)
		if err != nil || took >= c.MinTime {
			return w, err
		}
		if w.batches == most {
			w.passes = c.repeats(took)
			return w, nil
		}
		// A tenth more than seems enough, at most a hundred times as much as
		// was tried.
		more := min(1.1*float64(c.MinTime)/float64(took), 100)
		w.batches = min(int(float64(w.batches)*more)+1, most)
	}
}

// calibrateRead reads a part of what may be written, again and again: it has
// to be larger than the caches of a processor, and writing it takes longer
// than reading.
func (c LogConfig) calibrateRead(w logWork, most int) (logWork, error) {
	const part = 4
	w.batches, w.reads = max(most/part, 1), 1
	took, err := w.tryByHand(c.Dir)
	w.reads = c.repeats(took)
	return w, err
}

// repeats is how often to do what took some time once.
func (c LogConfig) repeats(took time.Duration) int { return int((c.MinTime + took - 1) / took) }

func (w logWork) tryByHand(dir string) (time.Duration, error) {
	o, err := w.byHand(dir)
	return max(o.wall, time.Microsecond), err
}

func (w logWork) byHand(dir string) (outcome, error) {
	if w.read {
		return readByHand(dir, w)
	}
	return appendByHand(dir, w)
}

func (w logWork) freshet(dir string) (outcome, error) {
	if w.read {
		return readFreshet(dir, w)
	}
	return appendFreshet(dir, w)
}
