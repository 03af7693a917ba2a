package bench

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/log"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWordcountMeasuresBothSides(t *testing.T) {
	dir := t.TempDir()
	// More lines than a batch, and not a whole number of batches.
	report, err := Wordcount(t.Context(), WordcountConfig{Dir: dir, Rounds: 2, Words: 52_345, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	if report.Result.Words != 52_350 || len(report.Rows) != 2 {
		t.Errorf("want 52350 words in 2 rows, got %+v", report)
	}
	for _, r := range report.Rows {
		if r.Freshet.WordsPerSecond <= 0 || r.ByHand.WordsPerSecond <= 0 || r.Ratio.Median <= 0 {
			t.Errorf("nothing measured: %+v", r)
		}
	}
	expectEmpty(t, dir)
}

func TestWordcountRefusesAWrongResult(t *testing.T) {
	text, err := writeCorpus(filepath.Join(t.TempDir(), "corpus.txt"), 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	text.result.SHA256 = "another"
	cfg := WordcountConfig{Dir: t.TempDir()}
	for s, count := range map[side]countFunc{sideByHand: countByHand, sideFreshet: countFreshet} {
		_, err = cfg.one(t.Context(), s, log.OS, text, count)
		if err == nil || !strings.Contains(err.Error(), "want") || !strings.Contains(err.Error(), string(s)) {
			t.Errorf("%s: want an error that says so, got %v", s, err)
		}
	}
}

func TestWordcountRefusesInterval(t *testing.T) {
	_, err := Wordcount(t.Context(), WordcountConfig{Durabilities: []log.Durability{log.Interval}})
	if err == nil || !strings.Contains(err.Error(), "want os or sync") {
		t.Fatalf("want an error that says what is measured, got %v", err)
	}
}

func TestCorpusIsWhatItsTallySays(t *testing.T) {
	text, err := writeCorpus(filepath.Join(t.TempDir(), "corpus.txt"), 5000, 3)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	capitals := 0
	err = text.eachLine(func(i int64, line []byte) error {
		for _, w := range strings.Fields(string(line)) {
			if lower := strings.ToLower(w); lower != w {
				capitals++
			}
			counts[strings.ToLower(w)]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text.result, tallyOf(counts)); diff != "" {
		t.Errorf("tally (-said +is):\n%s", diff)
	}
	if text.words != 5000 || text.lines != 500 || capitals < 400 || capitals > 900 {
		t.Errorf("want 5000 words in 500 lines, one in eight capitalized, got %d, %d, %d", text.words, text.lines, capitals)
	}
}

func TestWordsOfRanksDiffer(t *testing.T) {
	seen := make(map[string]bool, vocabulary)
	for rank := range uint64(vocabulary) {
		w := string(appendWord(nil, rank))
		if seen[w] || len(w) < 4 || len(w) > 6 {
			t.Fatalf("rank %d is %q, seen before or of a wrong length", rank, w)
		}
		seen[w] = true
	}
}

func TestSplitterAgreesWithStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := []rune("aZ \t\n\v\f\r09[`é\u0085\u00a0\u2003İ\ufffd")
		line := rapid.OneOf(
			rapid.StringOf(rapid.SampledFrom(alphabet)),
			rapid.StringOf(rapid.SampledFrom(alphabet[:12])), // ASCII
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		).Draw(t, "line")
		want := strings.Fields(line)
		for i := range want {
			want[i] = strings.ToLower(want[i])
		}
		var got []string
		var s wordSplitter
		for range 2 { // the second time with what the first left
			got = nil
			if err := s.split([]byte(line), func(w []byte) error { got = append(got, string(w)); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(want, got) {
			t.Fatalf("want %q, got %q", want, got)
		}
	})
}

func TestPartitionsAreDealtOut(t *testing.T) {
	if got, want := partitionsOf(1, 3), []int{1}; !slices.Equal(got, want) {
		t.Errorf("want %v, got %v", want, got)
	}
	if got, want := partitionsOf(0, 2), []int{0, 2}; !slices.Equal(got, want) {
		t.Errorf("want %v, got %v", want, got)
	}
}
