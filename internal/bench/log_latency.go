package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A LatencyRow is commits of one record at a fixed rate, from four goroutines.
//
// Each commit has a time at which it is meant to begin, and its latency counts
// from there: if the one before it is late, it waits, and that is part of what
// its caller sees.
type LatencyRow struct {
	Durability       string      `json:"durability"`
	CommitsPerSecond int         `json:"commits_per_second"` // that were meant
	Freshet          LatencySide `json:"freshet"`
	ByHand           LatencySide `json:"by_hand"`
}

// A LatencySide has the latencies of one side in microseconds, of all rounds
// together.
type LatencySide struct {
	Commits          int64   `json:"commits"`
	CommitsPerSecond float64 `json:"commits_per_second"` // that were reached

	// Missed were not begun when twice the time was over. They count as if they
	// had been done then.
	Missed int64 `json:"missed"`

	P50  float64 `json:"p50_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p999_us"`
	Max  float64 `json:"max_us"`
}

const (
	latencyGoroutines = 4
	latencyMost       = 10 * time.Minute // that a histogram takes
	latencyDigits     = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, latencyMost.Nanoseconds(), latencyDigits)
}

// latencies is what a side did in all rounds.
type latencies struct {
	histogram *hdrhistogram.Histogram // nanoseconds
	done      int64
	missed    int64
	wall      time.Duration
}

func (l *latencies) add(m latencies) {
	l.histogram.Merge(m.histogram)
	l.done += m.done
	l.missed += m.missed
	l.wall += m.wall
}

func (l *latencies) side() LatencySide {
	at := func(q float64) float64 { return float64(l.histogram.ValueAtQuantile(q)) / 1e3 }
	return LatencySide{
		Commits: l.done, Missed: l.missed, CommitsPerSecond: quotient(float64(l.done), l.wall.Seconds()),
		P50: at(50), P99: at(99), P999: at(99.9), Max: float64(l.histogram.Max()) / 1e3,
	}
}

func (c LogConfig) latency(ctx context.Context) (rows []LatencyRow, err error) {
	for _, d := range c.osAndSync() {
		for _, perSecond := range sizes(c.Rates, false, nil, []int{1000, 10_000}) {
			row, err := c.latencyRow(ctx, d, perSecond)
			if err != nil {
				return nil, fmt.Errorf("measure latency: %w", err)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (c LogConfig) latencyRow(ctx context.Context, d log.Durability, perSecond int) (LatencyRow, error) {
	s := schedule{perSecond: perSecond, span: c.LatencyTime}
	freshet, byHand := latencies{histogram: newHistogram()}, latencies{histogram: newHistogram()}
	for round := range c.sectionRounds() {
		c.Progress(fmt.Sprintf("latency %s, %d commits/s: round %d of %d", d, perSecond, round+1, c.sectionRounds()))
		sides := []func() error{
			func() error { return s.byHand(ctx, c.Dir, d, &byHand) },
			func() error { return s.freshet(ctx, c.Dir, d, &freshet) },
		}
		if round%2 == 1 {
			sides[0], sides[1] = sides[1], sides[0]
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return LatencyRow{}, err
			}
		}
	}
	return LatencyRow{d.String(), perSecond, freshet.side(), byHand.side()}, nil
}

// A schedule says when commits are meant to begin.
type schedule struct {
	perSecond int
	span      time.Duration
}

func (s schedule) freshet(ctx context.Context, dir string, d log.Durability, into *latencies) error {
	return inScratch(dir, func(_ string, fsys vfs.FS) error {
		return sideFreshet.label(func() error {
			b, err := openNew(fsys, d)
			if err != nil {
				return err
			}
			err = s.run(ctx, into, func() func(value []byte) error {
				p := b.NewProducer()
				return func(value []byte) error { return p.Produce(ctx, benchTopic, log.Record{Value: value}) }
			})
			return errors.Join(err, b.Close())
		})
	})
}

func (s schedule) byHand(ctx context.Context, dir string, d log.Durability, into *latencies) error {
	return inScratch(dir, func(_ string, fsys vfs.FS) (err error) {
		f, err := create(fsys, "bare.log")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		shared := &sharedFile{f: f}
		return sideByHand.label(func() error {
			return s.run(ctx, into, func() func(value []byte) error {
				call := make([][]byte, 1)
				return func(value []byte) error {
					call[0] = value
					return shared.append(d, call)
				}
			})
		})
	})
}

// run makes a committer for each goroutine and has them follow the schedule.
func (s schedule) run(ctx context.Context, into *latencies, committer func() func(value []byte) error) error {
	results, errs := make([]latencies, latencyGoroutines), make([]error, latencyGoroutines)
	m := startMeter()
	const settle = 10 * time.Millisecond // for goroutines and timers to be there
	start := m.at.Add(settle)
	var running sync.WaitGroup
	for i := range results {
		commit := committer()
		running.Go(func() { results[i], errs[i] = s.follow(ctx, start, i, commit) })
	}
	running.Wait()
	wall := max(time.Since(start), 1)
	for _, r := range results {
		into.add(r)
	}
	into.wall += wall
	return errors.Join(errs...)
}

// follow does every latencyGoroutines'th commit of the schedule.
func (s schedule) follow(ctx context.Context, start time.Time, first int, commit func(value []byte) error) (l latencies, err error) {
	l.histogram = newHistogram()
	p, err := newPacer()
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	values := smallValues()
	cut := start.Add(2 * s.span)
	for i := first; ; i += latencyGoroutines {
		after := time.Duration(i) * time.Second / time.Duration(s.perSecond)
		if after >= s.span {
			return l, ctx.Err()
		}
		meant := start.Add(after)
		if err := p.wait(time.Until(meant)); err != nil {
			return l, err
		}
		if ended := time.Now(); ended.After(cut) || ctx.Err() != nil {
			l.missed++
		} else if err := commit(values[i%len(values)]); err != nil {
			return l, err
		} else {
			l.done++
		}
		if err := l.histogram.RecordValue(max(time.Since(meant).Nanoseconds(), 1)); err != nil {
			return l, err
		}
	}
}
