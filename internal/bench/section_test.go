package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// tiny measures one section as little as possible, in both modes.
func tiny(t *testing.T, s Section) *LogReport {
	t.Helper()
	dir := t.TempDir()
	report, err := Log(t.Context(), LogConfig{
		Dir: dir, Sections: []Section{s}, Rounds: 2, MinTime: 2 * time.Millisecond,
		Durabilities: []log.Durability{log.OS, log.Interval, log.Sync}, ValueBytes: []int{100},
		Goroutines: []int{1, 3}, KeyPartitions: []int{3}, Partitions: []int{1, 7}, JournalBytes: []int64{100_000},
		LogBytes: []int64{200_000}, OpenPartitions: []int{20}, Rates: []int{2000}, LatencyTime: 20 * time.Millisecond,
		HeldBytes: 100_000, Overload: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	expectEmpty(t, dir)
	return report
}

// compared checks that both sides of a row have done something.
func compared(t *testing.T, c Comparison) {
	t.Helper()
	if c.Freshet.RecordsPerSecond <= 0 || c.ByHand == nil || c.ByHand.RecordsPerSecond <= 0 ||
		c.Ratio.Median <= 0 || c.AcknowledgedRatio.Median <= 0 {
		t.Errorf("nothing measured: %+v", c)
	}
}

func rowsAre(t *testing.T, want, got int) {
	t.Helper()
	if want != got {
		t.Fatalf("want %d rows, got %d", want, got)
	}
}

func TestProducersAreMeasured(t *testing.T) {
	rows := tiny(t, SectionProducers).Producers
	rowsAre(t, 2*3*3, len(rows)) // modes; 1, 3 apart, 3 sharing; calls
	for _, r := range rows {
		switch {
		case r.Call == "produce":
			compared(t, r.Comparison)
		case r.ByHand != nil || r.Freshet.RecordsPerSecond <= 0:
			t.Errorf("want the log alone, got %+v", r)
		}
		if r.RecordsPerGroup < float64(r.Records) && r.Call == "produce" || (r.RecordsPerSync > 0) != (r.Durability == "sync") {
			t.Errorf("groups are not what calls make: %+v", r)
		}
		if r.Goroutines == 1 && r.Call == "produce" && r.RecordsPerGroup > float64(r.Records) {
			t.Errorf("one goroutine that waits makes groups of more than its call: %+v", r)
		}
	}
}

func TestKeysAreMeasured(t *testing.T) {
	rows := tiny(t, SectionKeys).Keys
	rowsAre(t, 2, len(rows))
	for _, r := range rows {
		compared(t, r.Comparison)
	}
}

func TestCompressionIsMeasured(t *testing.T) {
	rows := tiny(t, SectionCompression).Compression
	rowsAre(t, 5, len(rows))
	for _, r := range rows {
		compared(t, r.Comparison)
		if smaller := r.ByHandDiskPerValueByte < 0.9; smaller != (r.Codec != "none") || r.DiskPerValueByte <= 0 {
			t.Errorf("%s takes %v, by hand %v", r.Codec, r.DiskPerValueByte, r.ByHandDiskPerValueByte)
		}
	}
}

func TestPartitionsAreMeasured(t *testing.T) {
	rows := tiny(t, SectionPartitions).Partitions
	rowsAre(t, 2*2, len(rows))
	for _, r := range rows {
		compared(t, r.Comparison)
	}
}

func TestRecoveryReplaysTheJournal(t *testing.T) {
	rows := tiny(t, SectionRecovery).Recovery
	rowsAre(t, 1, len(rows))
	r := rows[0]
	if want := (r.JournalBytes + recoveryRecords*recoveryValueBytes - 1) / (recoveryRecords * recoveryValueBytes); r.Commits != want {
		t.Errorf("want %d commits replayed, got %+v", want, r)
	}
	if r.OpenSeconds <= 0 || r.CleanOpenSeconds <= 0 {
		t.Errorf("nothing measured: %+v", r)
	}
}

func TestOpeningIsMeasured(t *testing.T) {
	rows := tiny(t, SectionOpen).Open
	rowsAre(t, 1, len(rows))
	if r := rows[0]; r.OpenSeconds <= 0 || r.CloseSeconds <= 0 || r.FilesOnDisk < r.Partitions {
		t.Errorf("want %d partitions with files, got %+v", r.Partitions, r)
	}
}

func TestLatencyCountsFromWhenItWasMeant(t *testing.T) {
	rows := tiny(t, SectionLatency).Latency
	rowsAre(t, 2, len(rows))
	for _, r := range rows {
		for _, s := range []LatencySide{r.Freshet, r.ByHand} {
			const meant = 2 * 40 // rounds; 20 ms at 2000/s
			if s.Commits+s.Missed != meant || s.P50 <= 0 || s.Max < s.P999 || s.P999 < s.P99 || s.P99 < s.P50 {
				t.Errorf("want %d commits, and latencies in order, got %+v", meant, s)
			}
		}
	}
}

func TestLateCommitsCountFromWhenTheyWereMeant(t *testing.T) {
	commit := func([]byte) error { return nil }
	s := schedule{perSecond: 1, span: 10 * time.Second}
	// Of the seconds 0, 4 and 8 of a schedule that began 15 seconds ago.
	l, err := s.follow(t.Context(), time.Now().Add(-15*time.Second), 0, commit)
	if err != nil {
		t.Fatal(err)
	}
	if l.done != 3 || l.missed != 0 || l.histogram.Min() < 6.9e9 || l.histogram.Max() < 14.9e9 {
		t.Errorf("want 3 commits that took 7 to 15 seconds, got %d, %d missed, %v to %v",
			l.done, l.missed, time.Duration(l.histogram.Min()), time.Duration(l.histogram.Max()))
	}
	// After twice the span there is no sense in going on.
	l, err = s.follow(t.Context(), time.Now().Add(-30*time.Second), 1, commit)
	if err != nil {
		t.Fatal(err)
	}
	if l.done != 0 || l.missed != 3 || l.histogram.Min() < 20.9e9 {
		t.Errorf("want 3 missed after 21 seconds and more, got %d, %d done, %v", l.missed, l.done, time.Duration(l.histogram.Min()))
	}
}

func TestLatencyStopsAtAFailure(t *testing.T) {
	failure := errors.New("no")
	s := schedule{perSecond: 1000, span: time.Hour}
	err := s.run(t.Context(), &latencies{histogram: newHistogram()}, func() func([]byte) error {
		return func([]byte) error { return failure }
	})
	if !errors.Is(err, failure) {
		t.Errorf("want %v, got %v", failure, err)
	}
}

func TestHeldAndOverloadAreMeasured(t *testing.T) {
	report := tiny(t, SectionHeld)
	rowsAre(t, 2, len(report.Held))
	for _, r := range report.Held {
		if r.Bytes < 100_000 || r.DiskPerValueByteAfter < 1 || r.DiskPerValueByteMost < r.DiskPerValueByteAfter {
			t.Errorf("want more on disk than the values, and more while appending, got %+v", r)
		}
	}
	o := report.Overload
	if o == nil || o.Acknowledged <= 0 || o.Offered != o.Refused+o.Acknowledged || o.Lost != 0 || o.BufferBytes < 100<<20 {
		t.Errorf("want all that was taken acknowledged, got %+v", o)
	}
}

func TestReadBackMissesWhatIsLost(t *testing.T) {
	fsys := vfs.NewMem()
	var r OverloadResult
	offerings, err := r.drive(t.Context(), fsys, 1e9, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if lost, err := readBack(t.Context(), fsys, offerings); err != nil || lost != 0 {
		t.Fatalf("want nothing lost, got %d, %v", lost, err)
	}
	offerings[5].acknowledged.Add(3)
	if lost, err := readBack(t.Context(), fsys, offerings); err != nil || lost != 3 {
		t.Errorf("want 3 lost, got %d, %v", lost, err)
	}
	if _, err := readBack(t.Context(), fsys, offerings[:5]); err == nil || !strings.Contains(err.Error(), "there are 5") {
		t.Errorf("want a record refused that nobody offered, got %v", err)
	}
}

func TestFindRefusesWhatNobodyOffered(t *testing.T) {
	value := make([]byte, overloadValueBytes)
	found := make([]uint32, 2)
	for _, number := range []uint32{0, 1} {
		putNumbers(value, 1, number)
		if err := find(value, found); err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(){
		"twice":     func() { putNumbers(value, 1, 1) },
		"skipped":   func() { putNumbers(value, 1, 3) },
		"damaged":   func() { putNumbers(value, 1, 2); value[4096]++ },
		"cut short": func() { putNumbers(value, 1, 2); value = value[:len(value)-1] },
	} {
		value = value[:cap(value)]
		spoil()
		if err := find(value, found); err == nil {
			t.Errorf("a record that is %s was taken", name)
		}
	}
}

func TestLogRefusesAnUnknownSection(t *testing.T) {
	if _, err := Log(t.Context(), LogConfig{Sections: []Section{"more"}}); err == nil || !strings.Contains(err.Error(), `"more"`) {
		t.Errorf("want an error that names it, got %v", err)
	}
}

func TestSectionsStopWhenInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for _, s := range Sections() {
		_, err := Log(ctx, LogConfig{Dir: t.TempDir(), Sections: []Section{s}, MaxBytes: 4000, MinTime: 1, Overload: 1,
			LogBytes: []int64{1}, OpenPartitions: []int{1}, BatchRecords: []int{1}, ValueBytes: []int{1}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: want %v, got %v", s, context.Canceled, err)
		}
	}
}

func TestPassFailsWhereRecordsAreMissing(t *testing.T) {
	cfg := LogConfig{}.withDefaults()
	_, err := cfg.freshetPass(log.OS, 1, func(*log.Broker, until) (checksum, error) {
		return checksum{records: 3}, nil // that it did not append
	})(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "want 4") {
		t.Errorf("want an error that says what is missing, got %v", err)
	}
}

func TestPacerWaits(t *testing.T) {
	p, err := newPacer()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{-1, 0, time.Microsecond, 3 * time.Millisecond} {
		began := time.Now()
		if err := p.wait(d); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < d {
			t.Errorf("want %v, got %v", d, took)
		}
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
}
