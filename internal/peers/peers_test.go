package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// tiny is a config that measures every system once.
func tiny(t *testing.T) config {
	c, _, err := parse([]string{"--dir", t.TempDir(), "--rounds", "1", "--scale", "0.0001", "--quiet"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEverySystemGivesBackWhatItTook(t *testing.T) {
	c := tiny(t)
	r, err := c.log(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, row := range r.Rows {
		got[row.Operation+" "+row.Group+" "+row.System]++
		if row.RecordsPerSecond.Min <= 0 || row.Ratio.Min <= 0 {
			t.Errorf("nothing measured: %+v", row)
		}
		if onDisk := row.Durability != "memory only"; onDisk != (row.DiskBytesPerRecord > 0) {
			t.Errorf("%s: %v B a record on disk", row.System, row.DiskBytesPerRecord)
		}
	}
	for _, s := range systems() {
		want := 3 // batches of 1, 100, 1000
		if s.minBatch > 1 {
			want = 2
		}
		for _, what := range []string{"append sync ", "append os ", "read os "} {
			if got[what+s.name] != want {
				t.Errorf("%s%s: want %d rows, got %d", what, s.name, want, got[what+s.name])
			}
		}
	}
	if left, err := os.ReadDir(c.dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
	for _, m := range r.Modules {
		if m.Path == "" {
			t.Errorf("a module without a path: %v", r.Modules)
		}
	}
}

// A faultyStore keeps values in memory and damages them as a test likes.
type faultyStore struct {
	values [][]byte
	damage func([][]byte) [][]byte
	closed int
}

func (s *faultyStore) appendBatch(_ context.Context, values [][]byte) error {
	s.values = append(s.values, values...)
	return nil
}

func (s *faultyStore) readAll(_ context.Context, _ int64, sum *tally) error {
	for _, v := range s.damage(s.values) {
		sum.add(v)
	}
	return nil
}

func (s *faultyStore) close() error {
	s.closed++
	return nil
}

func TestWhatIsReadIsCompared(t *testing.T) {
	flip := func(at, bit int) func([][]byte) [][]byte {
		return func(vs [][]byte) [][]byte {
			v := bytes.Clone(vs[2])
			v[at] ^= 1 << bit
			return append(append(append([][]byte{}, vs[:2]...), v), vs[3:]...)
		}
	}
	for _, test := range []struct {
		name   string
		damage func([][]byte) [][]byte
		fine   bool
	}{
		{"all is well", func(vs [][]byte) [][]byte { return vs }, true},
		{"one less", func(vs [][]byte) [][]byte { return vs[1:] }, false},
		{"one more", func(vs [][]byte) [][]byte { return append(vs, vs[0]) }, false},
		{"another order", func(vs [][]byte) [][]byte { return append(append([][]byte{}, vs[1], vs[0]), vs[2:]...) }, false},
		{"the first bit", flip(0, 0), false},
		{"the last bit", flip(99, 7), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &faultyStore{damage: test.damage}
			e := entrant{system{
				name: "faulty", durability: map[mode]durability{modeOS: {"none", true}},
				open: func(context.Context, string, mode) (store, error) { return s, nil },
			}, modeOS}
			w := workload{mode: modeOS, valueBytes: 100, batch: 5, batches: 4}
			records := newCorpus(w.valueBytes, w.batch)
			_, err := config{dir: t.TempDir()}.pass(t.Context(), w, e, records, records.tally(w.batches))
			if test.fine != (err == nil) {
				t.Errorf("got %v", err)
			}
			if !test.fine && (err == nil || !strings.Contains(err.Error(), "as appended")) {
				t.Errorf("want an error that compares, got %v", err)
			}
			if s.closed != 2 {
				t.Errorf("opened twice, closed %d times", s.closed)
			}
		})
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func TestRatiosAreOfTheSameRound(t *testing.T) {
	w := workload{mode: modeSync, batch: 1, batches: 1}
	sec := func(wall ...float64) (os []outcome) {
		for _, s := range wall {
			os = append(os, outcome{appending: cost{wall: seconds(s), cpu: seconds(s)}, acknowledged: seconds(s)})
		}
		return os
	}
	in := []entrant{{freshetSystem(), modeSync}, {walSystem(), modeSync}}
	rows := w.rows(in, [][]outcome{sec(1, 2, 4), sec(2, 8, 4)})
	if want := (Spread{Median: 0.5, Min: 0.25, Max: 1}); rows[1].Ratio != want {
		t.Errorf("ratio %+v, want %+v", rows[1].Ratio, want)
	}
	if want := (Spread{Median: 2, Min: 1, Max: 4}); rows[1].CPURatio != want {
		t.Errorf("CPU ratio %+v, want %+v", rows[1].CPURatio, want)
	}
	if want := (Spread{Median: 0.25, Min: 0.125, Max: 0.5}); rows[1].RecordsPerSecond != want {
		t.Errorf("rate %+v, want %+v", rows[1].RecordsPerSecond, want)
	}
}

func TestRunWritesWhatIsAskedFor(t *testing.T) {
	small := []string{"--dir", t.TempDir(), "--rounds", "1", "--scale", "0.0001", "--batch", "10", "--quiet", "--systems", "tidwall/wal"}
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"log", "--output", "json"}, small...), &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	var r Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || len(r.Rows) != 6 {
		t.Errorf("want 6 rows, got %d (%v)", len(r.Rows), err)
	}
	out.Reset()
	if code := run(t.Context(), append([]string{"log"}, small...), &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	for _, want := range []string{"GOMAXPROCS", "github.com/tidwall/wal v", "append, sync", "append, os", "read, written", "nothing"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{}, {"join"}, {"log", "more"}, {"log", "--output", "xml"}, {"log", "--rounds", "0"}, {"log", "--scale", "NaN"},
		{"log", "--batch", "1001"}, {"log", "--batch", "x"}, {"log", "--durability", "none"}, {"log", "--systems", "kafka"},
		{"log", "--value-bytes", "1001"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code != 2 || errs.Len() == 0 || out.Len() > 0 {
			t.Errorf("%q: exit code %d, said %q", args, code, &errs)
		}
	}
}

func TestInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tiny(t).log(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("want %v, got %v", context.Canceled, err)
	}
}
