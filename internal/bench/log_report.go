package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// A LogReport is what [Log] measured.
type LogReport struct {
	Benchmark string   `json:"benchmark"` // "log"
	Machine   Machine  `json:"machine"`
	Rounds    int      `json:"rounds"`
	Short     bool     `json:"short,omitempty"` // all but Rows: fewer sizes, one round
	Rows      []LogRow `json:"rows,omitempty"`

	Producers   []ProducersRow   `json:"producers,omitempty"`
	Keys        []KeysRow        `json:"keys,omitempty"`
	Compression []CompressionRow `json:"compression,omitempty"`
	Partitions  []PartitionsRow  `json:"partitions,omitempty"`
	Recovery    []RecoveryRow    `json:"recovery,omitempty"`
	Open        []OpenRow        `json:"open,omitempty"`
	Latency     []LatencyRow     `json:"latency,omitempty"`
	Held        []HeldRow        `json:"held,omitempty"`
	Overload    *OverloadResult  `json:"overload,omitempty"`
}

// A LogRow is one kind of work, done by both sides.
type LogRow struct {
	Operation    string `json:"operation"`            // "append" or "read"
	Durability   string `json:"durability,omitempty"` // of an append
	ValueBytes   int    `json:"value_bytes"`
	BatchRecords int    `json:"batch_records"`
	Records      int64  `json:"records"` // each side, each round

	Freshet LogSide `json:"freshet"`
	ByHand  LogSide `json:"by_hand"`

	// Ratio is Freshet's speed over that by hand, of the rounds each.
	Ratio Spread `json:"ratio"`

	// AcknowledgedRatio leaves out what Freshet still does after the last
	// acknowledgement.
	AcknowledgedRatio Spread `json:"acknowledged_ratio"`

	// CPURatio is the CPU time by hand over Freshet's, which other programs on
	// the machine disturb less.
	CPURatio Spread `json:"cpu_ratio"`
}

// A LogSide has the medians of one side.
type LogSide struct {
	RecordsPerSecond             float64 `json:"records_per_second"`
	MegabytesPerSecond           float64 `json:"megabytes_per_second"` // of values, 10^6 bytes
	AcknowledgedRecordsPerSecond float64 `json:"acknowledged_records_per_second"`
	CPUSecondsPerMillion         float64 `json:"cpu_seconds_per_million_records"`
	AllocsPerRecord              float64 `json:"allocs_per_record"`
	AllocBytesPerRecord          float64 `json:"alloc_bytes_per_record"`
}

func (w logWork) row(rounds []logRound) LogRow {
	r := LogRow{
		Operation: "append", Durability: w.durability.String(),
		ValueBytes: w.valueBytes, BatchRecords: w.batchRecords, Records: w.records(),
	}
	if w.read {
		r.Operation, r.Durability = "read", ""
	}
	r.Freshet = w.side(rounds, func(r logRound) outcome { return r.freshet })
	r.ByHand = w.side(rounds, func(r logRound) outcome { return r.byHand })
	r.Ratio = spreadOf(rounds, func(r logRound) float64 { return over(r.byHand.wall, r.freshet.wall) })
	r.AcknowledgedRatio = spreadOf(rounds, func(r logRound) float64 { return over(r.byHand.acknowledged, r.freshet.acknowledged) })
	r.CPURatio = spreadOf(rounds, func(r logRound) float64 { return over(r.byHand.cpu, r.freshet.cpu) })
	return r
}

func (w logWork) side(rounds []logRound, of func(logRound) outcome) LogSide {
	records := float64(w.records())
	rate := medianOf(rounds, func(r logRound) float64 { return records / of(r).wall.Seconds() })
	return LogSide{
		RecordsPerSecond:   rate,
		MegabytesPerSecond: rate * float64(w.valueBytes) / 1e6,
		AcknowledgedRecordsPerSecond: medianOf(rounds, func(r logRound) float64 {
			return records / of(r).acknowledged.Seconds()
		}),
		CPUSecondsPerMillion: medianOf(rounds, func(r logRound) float64 { return of(r).cpu.Seconds() / records * 1e6 }),
		AllocsPerRecord:      medianOf(rounds, func(r logRound) float64 { return float64(of(r).allocs) / records }),
		AllocBytesPerRecord:  medianOf(rounds, func(r logRound) float64 { return float64(of(r).allocBytes) / records }),
	}
}

// over is a ratio of times; 0 where they are not known.
func over(a, b time.Duration) float64 {
	if b <= 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// WriteJSON writes the report as one JSON object.
func (r *LogReport) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

func writeJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

// WriteText writes the report as tables.
func (r *LogReport) WriteText(w io.Writer) error {
	if err := r.Machine.writeText(w, r.Rounds); err != nil {
		return err
	}
	if len(r.Rows) > 0 {
		if err := r.writeRows(w); err != nil {
			return err
		}
	}
	if r.Short && len(r.Rows) > 0 {
		if _, err := fmt.Fprint(w, "\nWhat follows was measured in one round.\n"); err != nil {
			return err
		}
	}
	return r.writeSections(w)
}

func (r *LogReport) writeRows(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\n\tvalue\tbatch\tfreshet\tby hand\tratio\tmin–max\tacknowledged\tMB/s\tCPU s/M\tby hand\tratio\tallocs\tB\t\n")
	for _, row := range r.Rows {
		what := row.Operation
		if row.Durability != "" {
			what += " " + row.Durability
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%.2f\t%.2f–%.2f\t%.2f\t%.0f\t%.3f\t%.3f\t%.2f\t%.2f\t%.0f\t\n",
			what, row.ValueBytes, row.BatchRecords, rate(row.Freshet.RecordsPerSecond), rate(row.ByHand.RecordsPerSecond),
			row.Ratio.Median, row.Ratio.Min, row.Ratio.Max, row.AcknowledgedRatio.Median, row.Freshet.MegabytesPerSecond,
			row.Freshet.CPUSecondsPerMillion, row.ByHand.CPUSecondsPerMillion, row.CPURatio.Median,
			row.Freshet.AllocsPerRecord, row.Freshet.AllocBytesPerRecord)
	}
	return t.Flush() // and with it whatever failed before
}

func (m Machine) writeText(w io.Writer, rounds int) error {
	_, err := fmt.Fprintf(w, "%s %s/%s, %d threads, medians of %d interleaved rounds; per second, ratio = freshet/by hand\n",
		m.Go, m.OS, m.Arch, m.Threads, rounds)
	return err
}

// rate writes a number a second with three digits that matter: 950, 1.23k,
// 45.6M.
func rate(perSecond float64) string {
	units := []string{"", "k", "M", "G"}
	i := 0
	for i < len(units)-1 && perSecond >= 999.5 {
		perSecond /= 1000
		i++
	}
	return fmt.Sprintf("%.3g%s", perSecond, units[i])
}
