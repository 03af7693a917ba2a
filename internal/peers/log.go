package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A config says what to measure.
type config struct {
	dir        string // where temporary directories are made; "" is the system's
	rounds     int
	modes      []mode
	batches    []int // records in each
	valueBytes int
	scale      float64 // multiplies the number of records
	systems    []system
	progress   func(line string)
}

// workloads are what the config asks for, sync before os.
func (c config) workloads() []workload {
	var all []workload
	for _, m := range c.modes {
		for _, n := range c.batches {
			batches := max(int(c.scale*float64(recordsOf(m, n)))/n, 1)
			all = append(all, workload{mode: m, valueBytes: c.valueBytes, batch: n, batches: batches})
		}
	}
	return all
}

// recordsOf is how many records take Freshet half a second or so on a small
// machine. The slowest takes a hundred times as long, and all get the same.
func recordsOf(m mode, batch int) int {
	bulk := []struct{ batch, sync, os int }{
		{1, 3_000, 200_000},
		{10, 20_000, 500_000},
		{100, 50_000, 500_000},
		{1000, 100_000, 2_000_000},
	}
	i := len(bulk) - 1
	for i > 0 && bulk[i].batch > batch {
		i--
	}
	if m == modeSync {
		return bulk[i].sync
	}
	return bulk[i].os
}

// log measures appending to logs and reading them back.
func (c config) log(ctx context.Context) (*Report, error) {
	machine, err := thisMachine(c.directory())
	if err != nil {
		return nil, err
	}
	r := &Report{
		Benchmark: "log", Date: time.Now().UTC().Truncate(time.Second), Machine: machine,
		Modules: modulesOf(c.systems), Rounds: c.rounds, ValueBytes: c.valueBytes,
	}
	for _, w := range c.workloads() {
		in := w.entrants(c.systems)
		outcomes, err := c.measure(ctx, w, in)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", w, err)
		}
		r.Rows = append(r.Rows, w.rows(in, outcomes)...)
	}
	// Appending first, then reading; otherwise as measured.
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return order(a) - order(b) })
	return r, nil
}

func order(r Row) int {
	if r.Operation == "read" {
		return 1
	}
	return 0
}
