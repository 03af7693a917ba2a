package main

import (
	"encoding/json"
	"io"
	"time"
)

// A Report is everything that one run found.
type Report struct {
	Benchmark  string    `json:"benchmark"`
	Date       time.Time `json:"date"`
	Machine    Machine   `json:"machine"`
	Modules    []Module  `json:"modules"`
	Rounds     int       `json:"rounds"` // interleaved, after one that is not counted
	ValueBytes int       `json:"value_bytes"`
	Rows       []Row     `json:"rows"`
}

// A Row is one system at one piece of work.
type Row struct {
	Operation string `json:"operation"` // append or read
	Group     string `json:"group"`     // who is compared: sync or os
	Batch     int    `json:"batch_records"`
	Records   int64  `json:"records"`
	System    string `json:"system"`

	Durability string `json:"durability"`       // what an acknowledgement means
	Checks     string `json:"checks,omitempty"` // what is verified on reading; "" is nothing
	Alike      bool   `json:"alike"`            // promises as much as Freshet does in this group

	RecordsPerSecond             Spread  `json:"records_per_second"`
	AcknowledgedRecordsPerSecond Spread  `json:"acknowledged_records_per_second,omitzero"`
	CPUSecondsPerMillion         Spread  `json:"cpu_seconds_per_million_records"`
	DiskBytesPerRecord           float64 `json:"disk_bytes_per_record"`   // median
	ReopenMillis                 float64 `json:"reopen_millis,omitempty"` // median, before reading

	// To Freshet's of the same round; 0 where Freshet did not take part.
	Ratio             Spread `json:"ratio_to_freshet"`
	AcknowledgedRatio Spread `json:"acknowledged_ratio_to_freshet,omitzero"`
	CPURatio          Spread `json:"cpu_ratio_to_freshet"`
}

// rows makes the rows of one workload: appending for all, and reading where
// the mode is one that reading is reported for.
func (w workload) rows(in []entrant, outcomes [][]outcome) []Row {
	var freshet []outcome
	for i, e := range in {
		if e.name == freshetSystem().name {
			freshet = outcomes[i]
		}
	}
	var rows []Row
	for i, e := range in {
		rows = append(rows, w.appendRow(e, outcomes[i], freshet))
	}
	if w.mode == modeOS { // the bytes are the same in the other
		for i, e := range in {
			rows = append(rows, w.readRow(e, outcomes[i], freshet))
		}
	}
	return rows
}

func (w workload) row(operation string, e entrant, own []outcome) Row {
	records := float64(w.records())
	return Row{
		Operation: operation, Group: string(w.mode), Batch: w.batch, Records: w.records(),
		System: e.String(), Durability: e.durability().words, Checks: e.checks, Alike: e.durability().alike,
		DiskBytesPerRecord: spreadOf(each(own, func(o outcome) float64 { return float64(o.diskBytes) / records })).Median,
	}
}

func (w workload) appendRow(e entrant, own, freshet []outcome) Row {
	r := w.row("append", e, own)
	wall := func(o outcome) float64 { return o.appending.wall.Seconds() }
	acknowledged := func(o outcome) float64 { return o.acknowledged.Seconds() }
	cpu := func(o outcome) float64 { return o.appending.cpu.Seconds() }
	r.RecordsPerSecond, r.Ratio = w.rate(own, wall), speedRatio(own, freshet, wall)
	r.AcknowledgedRecordsPerSecond = w.rate(own, acknowledged)
	r.AcknowledgedRatio = speedRatio(own, freshet, acknowledged)
	r.CPUSecondsPerMillion, r.CPURatio = w.perMillion(own, cpu), costRatio(own, freshet, cpu)
	return r
}

func (w workload) readRow(e entrant, own, freshet []outcome) Row {
	r := w.row("read", e, own)
	r.Alike = e.checks != "" && e.mode != modeMemory
	wall := func(o outcome) float64 { return o.read.wall.Seconds() }
	cpu := func(o outcome) float64 { return o.read.cpu.Seconds() }
	r.RecordsPerSecond, r.Ratio = w.rate(own, wall), speedRatio(own, freshet, wall)
	r.CPUSecondsPerMillion, r.CPURatio = w.perMillion(own, cpu), costRatio(own, freshet, cpu)
	r.ReopenMillis = spreadOf(each(own, func(o outcome) float64 { return o.reopen.Seconds() * 1e3 })).Median
	return r
}

func (w workload) rate(own []outcome, seconds func(outcome) float64) Spread {
	return spreadOf(each(own, func(o outcome) float64 { return over(float64(w.records()), seconds(o)) }))
}

func (w workload) perMillion(own []outcome, seconds func(outcome) float64) Spread {
	return spreadOf(each(own, func(o outcome) float64 { return seconds(o) / float64(w.records()) * 1e6 }))
}

// speedRatio is how many times as fast as Freshet a system was, by rounds.
func speedRatio(own, freshet []outcome, seconds func(outcome) float64) Spread {
	return costRatio(freshet, own, seconds)
}

// costRatio is how many times as much of something a took as b, by rounds.
func costRatio(a, b []outcome, of func(outcome) float64) Spread {
	if len(a) == 0 || len(b) == 0 {
		return Spread{}
	}
	xs := make([]float64, len(a))
	for i := range a {
		xs[i] = over(of(a[i]), of(b[i]))
	}
	return spreadOf(xs)
}

func each(outcomes []outcome, f func(outcome) float64) []float64 {
	xs := make([]float64, len(outcomes))
	for i, o := range outcomes {
		xs[i] = f(o)
	}
	return xs
}

// over is a quotient; 0 where the divisor was too small to be measured.
func over(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

// writeJSON writes the report as one JSON object.
func (r *Report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
