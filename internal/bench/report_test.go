package bench

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

var someMachine = Machine{Go: "go1.26", OS: "linux", Arch: "amd64", Threads: 2}

// someOutcome takes milliseconds.
func someOutcome(wall, acknowledged, cpu time.Duration) outcome {
	const ms = time.Millisecond
	return outcome{cost: cost{wall: wall * ms, cpu: cpu * ms, allocs: 500, allocBytes: 64_000}, acknowledged: acknowledged * ms}
}

func someLogReport() *LogReport {
	rounds := []logRound{
		{byHand: someOutcome(200, 200, 100), freshet: someOutcome(400, 250, 200)},
		{byHand: someOutcome(300, 300, 100), freshet: someOutcome(400, 250, 300)},
		{byHand: someOutcome(100, 100, 100), freshet: someOutcome(400, 200, 400)},
	}
	appends := logWork{durability: log.OS, valueBytes: 100, batchRecords: 10, batches: 50_000, passes: 2}
	reads := logWork{read: true, valueBytes: 1024, batchRecords: 1000, batches: 10, passes: 1, reads: 3}
	return &LogReport{Benchmark: "log", Machine: someMachine, Rounds: len(rounds),
		Rows: []LogRow{appends.row(rounds), reads.row(rounds)}}
}

func TestLogReportAsText(t *testing.T) { golden(t, "log.txt", someLogReport().WriteText) }
func TestLogReportAsJSON(t *testing.T) { golden(t, "log.json", someLogReport().WriteJSON) }

func someWordcountReport() *WordcountReport {
	run := func(counted time.Duration, o outcome) wordcountRun {
		return wordcountRun{counted: counted * time.Millisecond, cost: o.cost}
	}
	rounds := []wordcountRound{
		{byHand: run(100, someOutcome(110, 0, 150)), freshet: run(200, someOutcome(300, 0, 300))},
		{byHand: run(50, someOutcome(60, 0, 90)), freshet: run(200, someOutcome(300, 0, 360))},
	}
	return &WordcountReport{
		Benchmark: "wordcount", Machine: someMachine, Rounds: len(rounds), Seed: 1, Partitions: wordcountPartitions, Workers: 2,
		CommitIntervalMillis: commitInterval.Milliseconds(), Result: tallyOf(map[string]int64{"a": 600_000, "b": 400_000}),
		Rows: []WordcountRow{wordcountRow(log.OS, 1_000_000, rounds), wordcountRow(log.Sync, 1_000_000, rounds[:1])},
	}
}

func TestWordcountReportAsText(t *testing.T) {
	golden(t, "wordcount.txt", someWordcountReport().WriteText)
}

func TestWordcountReportAsJSON(t *testing.T) {
	golden(t, "wordcount.json", someWordcountReport().WriteJSON)
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.of); got != c.want {
			t.Errorf("median of %v: want %v, got %v", c.of, c.want, got)
		}
	}
}

func TestRate(t *testing.T) {
	for _, c := range []struct {
		of   float64
		want string
	}{
		{0, "0"}, {950.4, "950"}, {999.6, "1k"}, {12_345, "12.3k"}, {45_600_000, "45.6M"},
	} {
		if got := rate(c.of); got != c.want {
			t.Errorf("rate of %v: want %v, got %v", c.of, c.want, got)
		}
	}
}

func TestMeterSeesTimeAndAllocations(t *testing.T) {
	m := startMeter()
	keep := make([][]byte, 0, 100)
	for len(keep) < cap(keep) {
		keep = append(keep, make([]byte, 1000))
	}
	c := m.stop()
	if c.wall <= 0 || c.allocs < uint64(len(keep)) || c.allocBytes < uint64(1000*len(keep)) {
		t.Errorf("want at least %d allocations of 1000 bytes, got %+v", len(keep), c)
	}
}
