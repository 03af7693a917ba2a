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

// someSectionsReport has a row or two of every section but the first.
func someSectionsReport() *LogReport {
	some := func(records int64, o outcome) pass {
		o.sum = checksum{records: records, bytes: 100 * records}
		return pass{outcome: o, groups: records / 10, syncs: records / 20, files: 7, resident: 50e6, disk: 120 * records}
	}
	rounds := []passRound{
		{byHand: some(1_000_000, someOutcome(200, 200, 100)), freshet: some(600_000, someOutcome(200, 150, 150))},
		{byHand: some(900_000, someOutcome(200, 200, 100)), freshet: some(700_000, someOutcome(200, 150, 150))},
	}
	alone := []passRound{{freshet: rounds[0].freshet}}
	waits := producersWork{durability: log.Sync, goroutines: 4, shared: true, records: 100}
	async := producersWork{durability: log.OS, goroutines: 1, records: 1, async: true}
	l := latencies{histogram: newHistogram(), done: 4, missed: 1, wall: 2 * time.Second}
	for _, us := range []int64{100, 200, 300, 400, 5000} {
		if err := l.histogram.RecordValue(us * 1000); err != nil {
			panic(err) // it is in range
		}
	}
	return &LogReport{
		Benchmark: "log", Machine: someMachine, Rounds: 2, Short: true,
		Producers:   []ProducersRow{waits.row(rounds), async.row(alone)},
		Keys:        []KeysRow{{"os", 8, comparison(rounds)}},
		Compression: []CompressionRow{{"zstd", comparison(rounds), 0.25, 0.24}},
		Partitions:  []PartitionsRow{{"sync", 100, comparison(rounds), 300, 80e6}},
		Recovery:    []RecoveryRow{{16e6, 1e9, 4096, 0.125, 0.004}},
		Open:        []OpenRow{{1000, 0.5, 0.25, 2, 512, 3003, 12_345_678}},
		Latency:     []LatencyRow{{"sync", 1000, l.side(), l.side()}},
		Held:        []HeldRow{{"os", 1024, 500e6, 1.75, 1.0625, 6, 20e6, 150e6, 30e6}},
		Overload: &OverloadResult{Seconds: 10.5, Producers: 64, ValueBytes: 16384, DiskMegabytesPerSecond: 500,
			OfferedMegabytesPerSecond: 5000, AcknowledgedMegabytesPerSecond: 300, Offered: 3_000_000, Refused: 2_800_000,
			Acknowledged: 200_000, BufferBytes: 234_881_024, ResidentBefore: 20e6, ResidentMost: 250e6},
	}
}

func TestSectionsReportAsText(t *testing.T) {
	golden(t, "sections.txt", someSectionsReport().WriteText)
}
func TestSectionsReportAsJSON(t *testing.T) {
	golden(t, "sections.json", someSectionsReport().WriteJSON)
}

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
