package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// A workload is one comparison: the same records into every system that has
// the mode, and out of it again.
type workload struct {
	mode       mode
	valueBytes int
	batch      int // records
	batches    int
}

func (w workload) records() int64 { return int64(w.batch) * int64(w.batches) }

func (w workload) String() string {
	return fmt.Sprintf("%s, %d B, batches of %d", w.mode, w.valueBytes, w.batch)
}

// An entrant is a system in one of its modes.
type entrant struct {
	system
	mode mode
}

// String is the name that reports use.
func (e entrant) String() string {
	if e.mode == modeMemory {
		return e.name + ", memory"
	}
	return e.name
}

func (e entrant) durability() durability { return e.system.durability[e.mode] }

// entrants are those that take part in a workload. What keeps its records in
// memory runs beside those that leave them to the operating system: it is not
// alike, but shows what files cost.
func (w workload) entrants(all []system) []entrant {
	var in []entrant
	for _, s := range all {
		if w.batch < s.minBatch {
			continue
		}
		if _, has := s.durability[w.mode]; has {
			in = append(in, entrant{s, w.mode})
		}
		if _, has := s.durability[modeMemory]; has && w.mode == modeOS {
			in = append(in, entrant{s, modeMemory})
		}
	}
	return in
}

// An outcome is what one pass took.
type outcome struct {
	appending    cost
	acknowledged time.Duration // until the last append had returned
	read         cost
	reopen       time.Duration // opening what was written
	diskBytes    int64
}

// patience ends a pass that waits for what never comes.
const patience = 15 * time.Minute

// measure runs the rounds of a workload and returns the outcomes of each
// entrant, by round.
func (c config) measure(ctx context.Context, w workload, in []entrant) ([][]outcome, error) {
	records := newCorpus(w.valueBytes, w.batch)
	want := records.tally(w.batches)
	outcomes := make([][]outcome, len(in))
	for round := range c.rounds + 1 { // the first warms up
		for i := range in {
			i := (i + round) % len(in)
			c.progress(fmt.Sprintf("%s: round %d of %d: %s", w, round, c.rounds, in[i]))
			o, err := c.pass(ctx, w, in[i], records, want)
			if err != nil {
				return nil, fmt.Errorf("%s (%s): %w", in[i], in[i].durability().words, err)
			}
			if round > 0 {
				outcomes[i] = append(outcomes[i], o)
			}
		}
	}
	return outcomes, nil
}

// pass runs one entrant once, in a directory of its own.
func (c config) pass(ctx context.Context, w workload, e entrant, records corpus, want tally) (o outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return o, err
	}
	dir, err := os.MkdirTemp(c.dir, "freshet-peers-")
	if err != nil {
		return o, fmt.Errorf("make a directory to measure in: %w (name another with --dir)", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := e.open(ctx, dir, e.mode)
	if err != nil {
		return o, fmt.Errorf("open: %w", err)
	}
	if e.mode == modeMemory {
		err = errors.Join(o.appendAll(ctx, w, s, records, func() error { return nil }), o.readBack(ctx, s, want))
		return o, errors.Join(err, s.close())
	}
	if err := o.appendAll(ctx, w, s, records, s.close); err != nil {
		return o, err
	}
	if o.diskBytes, err = diskBytes(os.DirFS(dir)); err != nil {
		return o, err
	}
	began := time.Now()
	if s, err = e.open(ctx, dir, e.mode); err != nil {
		return o, fmt.Errorf("open again: %w", err)
	}
	o.reopen = time.Since(began)
	return o, errors.Join(o.readBack(ctx, s, want), s.close())
}

// appendAll measures appending everything, and finish, which is called in any
// case.
func (o *outcome) appendAll(ctx context.Context, w workload, s store, records corpus, finish func() error) error {
	m := startMeter()
	err := func() error {
		for i := range w.batches {
			if err := s.appendBatch(ctx, records.values(i*w.batch)); err != nil {
				return fmt.Errorf("append batch %d: %w", i, err)
			}
		}
		return nil
	}()
	o.acknowledged = time.Since(m.at)
	if closed := finish(); closed != nil {
		err = errors.Join(err, fmt.Errorf("close: %w", closed))
	}
	o.appending = m.stop()
	return err
}

// readBack measures reading everything and compares it with what was appended.
func (o *outcome) readBack(ctx context.Context, s store, want tally) error {
	var got tally
	m := startMeter()
	if err := s.readAll(ctx, want.records, &got); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	o.read = m.stop()
	if got != want {
		return fmt.Errorf("read %v, want %v as appended", got, want)
	}
	return nil
}
