package bench

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/log"
)

func TestLogMeasuresEveryRow(t *testing.T) {
	dir := t.TempDir()
	report, err := Log(t.Context(), LogConfig{
		Dir: dir, Sections: []Section{SectionAppend}, Rounds: 2, ValueBytes: []int{100}, BatchRecords: []int{1, 10}, MaxBytes: 4000, MinTime: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if want, got := 3*2+2, len(report.Rows); got != want {
		t.Fatalf("want %d rows, got %d", want, got)
	}
	for _, r := range report.Rows {
		if r.Records == 0 || r.Freshet.RecordsPerSecond <= 0 || r.ByHand.RecordsPerSecond <= 0 || r.Ratio.Median <= 0 {
			t.Errorf("nothing measured: %+v", r)
		}
		if r.Freshet.AcknowledgedRecordsPerSecond < r.Freshet.RecordsPerSecond {
			t.Errorf("acknowledged later than settled: %+v", r)
		}
	}
	expectEmpty(t, dir)
}

func expectEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLogSaysWhereItCannotWork(t *testing.T) {
	for _, s := range Sections() {
		_, err := Log(t.Context(), LogConfig{Dir: t.TempDir() + "/missing", Sections: []Section{s}})
		if err == nil || !strings.Contains(err.Error(), "--dir") {
			t.Errorf("%s: want an error that says --dir, got %v", s, err)
		}
	}
}

func TestBothSidesOfTheLogDoTheSame(t *testing.T) {
	for _, w := range []logWork{
		{durability: log.Sync, valueBytes: 10, batchRecords: 3, batches: 4},
		{read: true, valueBytes: 10, batchRecords: 3, batches: 4, reads: 2},
		{read: true, valueBytes: readBytes, batchRecords: 2, batches: 2, reads: 1}, // larger than what is read at once
	} {
		byHand, err := w.byHand(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		want := int64(w.batches * w.batchRecords * max(w.reads, 1))
		if byHand.sum.records != want || byHand.sum.bytes != want*int64(w.valueBytes) {
			t.Errorf("%s by hand: want %d records, got %v", w, want, byHand.sum)
		}
		if w.valueBytes == readBytes {
			continue // no such record fits the topic
		}
		freshet, err := w.freshet(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if freshet.sum != byHand.sum {
			t.Errorf("%s: want %v, got %v", w, byHand.sum, freshet.sum)
		}
	}
}

func TestCalibrateFillsTheTimeWithPasses(t *testing.T) {
	cfg := LogConfig{Dir: t.TempDir(), MaxBytes: 1000, MinTime: 10 * time.Second}.withDefaults()
	w, err := cfg.calibrate(logWork{durability: log.OS, valueBytes: 100, batchRecords: 1})
	if err != nil {
		t.Fatal(err)
	}
	if w.batches != 10 || w.passes < 2 {
		t.Errorf("want all 10 batches and many passes, got %+v", w)
	}
	w, err = cfg.calibrate(logWork{read: true, valueBytes: 100, batchRecords: 1})
	if err != nil {
		t.Fatal(err)
	}
	if w.batches != 2 || w.passes != 1 || w.reads < 2 {
		t.Errorf("want a quarter of the batches read often, got %+v", w)
	}
}
