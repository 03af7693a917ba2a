package main

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/log/files"
	"github.com/freshet/freshet/processor"
	"github.com/google/go-cmp/cmp"
)

// aView is a view of a run with two samples, half a second apart.
func aView(j *job) (*view, sample) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	j.began = began
	first := sample{
		at:       began.Add(time.Second),
		standing: standing{words: 1000, different: 2, top: []wordCount{{"the", 900}, {"of", 100}}},
		lines:    processor.TaskMetrics{Records: 100}, counts: processor.TaskMetrics{Records: 1000},
	}
	last := sample{
		at:       began.Add(1500 * time.Millisecond),
		standing: standing{words: 21_000, different: 12_904, top: []wordCount{{"the", 18_400}, {"and", 1833}, {"\x1b[2J", 101}}},
		input:    files.Progress{FilesDone: 1, FilesTotal: 2, BytesDone: 60, BytesTotal: 100, Commits: 2, Lines: 4000},
		lines:    processor.TaskMetrics{Records: 2100, Lag: 5, Commits: 3},
		counts:   processor.TaskMetrics{Records: 21_000, Lag: 7, Commits: 4, RestoredRecords: 3000, RestoredBytes: 4096, RestoreTime: 30 * time.Millisecond},
		tasks:    4,
	}
	return &view{job: j, samples: []sample{first, last}}, last
}

func TestFrame(t *testing.T) {
	v, s := aView(&job{options: options{partitions: 4, dataDir: "wc"}, resumed: true})
	want := `wordcount   embedded log in wc   4 partitions   exactly once   Ctrl-C stops

  lines    ─▶ [split] ─▶ (by word) ─▶ [count] ─▶ counts
  4 000/s                40.0k/s                 12 904 words

  the            ████████████████████████████      18 400   +35.0k/s
  and            ██▊                                1 833
  �[2J           ▏                                    101








  wc goes on: restored 3 000 records (4.0 KiB) in 30 ms, 100k/s
  words 21 000   40.0k/s   lag 12   commits 9
  input ████████████████████████                  60 %  ETA 1 s   file 1 of 2
`
	if diff := cmp.Diff(want, v.frame(s)); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
}

func TestLine(t *testing.T) {
	v, s := aView(&job{options: options{partitions: 4}})
	want := "  1.5 s  21 000 words  40.0k/s  lag 12  commits 9  input 60 % of 100 B  top: the 18 400, and 1 833, �[2J 101"
	if got := v.line(s); got != want {
		t.Errorf("want %q\ngot  %q", want, got)
	}
	v.job.resumed = true
	opening := s
	opening.tasks = 3 // of 4
	if got := v.line(opening); !strings.Contains(got, "  lag – (opening the state)  ") {
		t.Errorf("a lag before the positions are known: %q", got)
	}
	v.job.stdin = true
	if got := v.line(s); !strings.Contains(got, "  input 60 B  ") {
		t.Errorf("standard input has no total: %q", got)
	}
}

func TestNextQuotesTheDirectory(t *testing.T) {
	for dir, want := range map[string]string{
		"./wc-1":    "--data-dir ./wc-1",
		"a b":       "--data-dir 'a b'",
		"it's $HOM": `--data-dir 'it'\''s $HOM'`,
	} {
		v, _ := aView(&job{options: options{dataDir: dir}})
		if got := v.next(); !strings.HasSuffix(got, want) {
			t.Errorf("want %q at the end of %q", want, got)
		}
	}
}

// The top words are those of the whole table, however the counts came.
func TestTopIsThatOfAllCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 4))
	for range 200 {
		table, counts := newTable(), map[string]int64{}
		var words int64
		for range rng.IntN(400) {
			w, more := strconv.Itoa(rng.IntN(1+rng.IntN(40))), 1+rng.Int64N(3)
			counts[w] += more
			words += more
			table.put(w, counts[w])
		}
		var all []wordCount
		for w, n := range counts {
			all = append(all, wordCount{w, n})
		}
		slices.SortFunc(all, moreFrequent)
		got := table.standing()
		if want := all[:min(topWords, len(all))]; !slices.Equal(want, got.top) {
			t.Fatalf("want %v\ngot  %v", want, got.top)
		}
		if got.words != words || got.different != int64(len(counts)) || !slices.Equal(all, table.sorted()) {
			t.Fatalf("want %d words, %d different, got %+v", words, len(counts), got)
		}
	}
}

func TestLibrarySourcesAreThoseOfTheStandardLibrary(t *testing.T) {
	paths, err := librarySources()
	if err != nil {
		t.Skip(err) // no Go here, only its output
	}
	with := func(part string) int {
		n := 0
		for _, p := range paths {
			if strings.Contains(filepath.ToSlash(p)+"$", part) {
				n++
			}
		}
		return n
	}
	for part, want := range map[string]int{"/src/strings/strings.go$": 1, "/src/cmd/": 0, "/testdata/": 0} {
		if got := with(part); got != want {
			t.Errorf("%s in %d paths, want %d", part, got, want)
		}
	}
}
