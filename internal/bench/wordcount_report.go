package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/freshet/freshet/log"
)

// A WordcountReport is what [Wordcount] measured.
type WordcountReport struct {
	Benchmark            string         `json:"benchmark"` // "wordcount"
	Machine              Machine        `json:"machine"`
	Rounds               int            `json:"rounds"`
	Seed                 uint64         `json:"seed"`
	Partitions           int            `json:"partitions"`
	Workers              int            `json:"workers"`
	CommitIntervalMillis int64          `json:"commit_interval_ms"`
	Result               tally          `json:"result"` // of both sides, in every round
	Rows                 []WordcountRow `json:"rows"`
}

// A WordcountRow is one durability, measured on both sides.
type WordcountRow struct {
	Durability string        `json:"durability"`
	Freshet    WordcountSide `json:"freshet"`
	ByHand     WordcountSide `json:"by_hand"`

	// Ratio is Freshet's words a second over those by hand, of the rounds each.
	Ratio Spread `json:"ratio"`

	// CPURatio is the CPU time by hand over Freshet's.
	CPURatio Spread `json:"cpu_ratio"`
}

// A WordcountSide has the medians of one side. Words a second count until all
// was counted and committed; the rest until all was closed, the last writes to
// LevelDB and segments included.
type WordcountSide struct {
	WordsPerSecond       float64 `json:"words_per_second"`
	CPUSecondsPerMillion float64 `json:"cpu_seconds_per_million_words"`
	AllocsPerWord        float64 `json:"allocs_per_word"`
	AllocBytesPerWord    float64 `json:"alloc_bytes_per_word"`
}

func wordcountRow(d log.Durability, words int64, rounds []wordcountRound) WordcountRow {
	byHand := func(r wordcountRound) wordcountRun { return r.byHand }
	freshet := func(r wordcountRound) wordcountRun { return r.freshet }
	return WordcountRow{
		Durability: d.String(),
		Freshet:    wordcountSide(words, rounds, freshet),
		ByHand:     wordcountSide(words, rounds, byHand),
		Ratio:      spreadOf(rounds, func(r wordcountRound) float64 { return over(r.byHand.counted, r.freshet.counted) }),
		CPURatio:   spreadOf(rounds, func(r wordcountRound) float64 { return over(r.byHand.cpu, r.freshet.cpu) }),
	}
}

func wordcountSide(words int64, rounds []wordcountRound, of func(wordcountRound) wordcountRun) WordcountSide {
	n := float64(words)
	return WordcountSide{
		WordsPerSecond:       medianOf(rounds, func(r wordcountRound) float64 { return n / of(r).counted.Seconds() }),
		CPUSecondsPerMillion: medianOf(rounds, func(r wordcountRound) float64 { return of(r).cpu.Seconds() / n * 1e6 }),
		AllocsPerWord:        medianOf(rounds, func(r wordcountRound) float64 { return float64(of(r).allocs) / n }),
		AllocBytesPerWord:    medianOf(rounds, func(r wordcountRound) float64 { return float64(of(r).allocBytes) / n }),
	}
}

// WriteJSON writes the report as one JSON object.
func (r *WordcountReport) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

// WriteText writes the report as a table.
func (r *WordcountReport) WriteText(w io.Writer) error {
	if err := r.Machine.writeText(w, r.Rounds); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\n\tfreshet\tby hand\tratio\tmin–max\tCPU s/M\tby hand\tratio\tallocs\tB\t\n")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "wordcount %s\t%s\t%s\t%.2f\t%.2f–%.2f\t%.3f\t%.3f\t%.2f\t%.2f\t%.0f\t\n",
			row.Durability, rate(row.Freshet.WordsPerSecond), rate(row.ByHand.WordsPerSecond),
			row.Ratio.Median, row.Ratio.Min, row.Ratio.Max,
			row.Freshet.CPUSecondsPerMillion, row.ByHand.CPUSecondsPerMillion, row.CPURatio.Median,
			row.Freshet.AllocsPerWord, row.Freshet.AllocBytesPerWord)
	}
	if err := t.Flush(); err != nil { // and with it whatever failed before
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d words, %d distinct, on %d partitions by %d workers; both sides counted the same\n",
		r.Result.Words, r.Result.Distinct, r.Partitions, r.Workers)
	return err
}
