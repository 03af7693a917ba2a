package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A WordcountConfig sets up [Wordcount]. The zero value is the standard
// measurement.
type WordcountConfig struct {
	// Dir is where temporary directories are made. Default: the system's.
	Dir string

	// Rounds is how often each mode is measured. Default 5.
	Rounds int

	// Durabilities to run with, of OS and Sync. Default: both.
	Durabilities []log.Durability

	// Words of the text, rounded to lines of ten. Default 12 million.
	Words int64

	// Seed of the text.
	Seed uint64

	// Progress is told what is measured. Default: nobody.
	Progress func(line string)
}

// DefaultWords lets the faster side run for more than a second, so that both
// write LevelDB on the way.
const DefaultWords = 12_000_000

// What both sides have in common.
const (
	wordcountPartitions = 4 // of each topic
	commitInterval      = 100 * time.Millisecond
	storeInterval       = time.Second // between two writes to LevelDB
	linesPerBatch       = 1000        // of the source
)

func (c WordcountConfig) withDefaults() (WordcountConfig, error) {
	if c.Rounds <= 0 {
		c.Rounds = DefaultRounds
	}
	if len(c.Durabilities) == 0 {
		c.Durabilities = []log.Durability{log.OS, log.Sync}
	}
	for _, d := range c.Durabilities {
		if d != log.OS && d != log.Sync {
			return c, fmt.Errorf("durability %s is not measured (want os or sync)", d)
		}
	}
	if c.Words <= 0 {
		c.Words = DefaultWords
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c, nil
}

// Wordcount measures the whole of Freshet: a topology that counts words, from
// a source topic through a repartition topic to a table and its topic.
//
//	source ─▶ split, lower-case ─▶ repartition ─▶ count ─▶ output
//	                                               │
//	                                       changelog, LevelDB
func Wordcount(ctx context.Context, cfg WordcountConfig) (report *WordcountReport, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	err = inScratch(cfg.Dir, func(path string, _ vfs.FS) error {
		cfg.Progress(fmt.Sprintf("wordcount: writing a text of %d words", cfg.Words))
		text, err := writeCorpus(filepath.Join(path, "corpus.txt"), cfg.Words, cfg.Seed)
		if err != nil {
			return fmt.Errorf("write the text: %w", err)
		}
		report = &WordcountReport{
			Benchmark: "wordcount", Machine: thisMachine(), Rounds: cfg.Rounds, Seed: cfg.Seed,
			Partitions: wordcountPartitions, Workers: runtime.GOMAXPROCS(0),
			CommitIntervalMillis: commitInterval.Milliseconds(), Result: text.result,
		}
		for _, d := range cfg.Durabilities {
			rounds, err := cfg.measure(ctx, d, text)
			if err != nil {
				return fmt.Errorf("measure wordcount %s: %w", d, err)
			}
			report.Rows = append(report.Rows, wordcountRow(d, text.words, rounds))
		}
		return nil
	})
	return report, err
}

// A wordcountRun is one run of one side: how long until everything was counted
// and committed, and what it took until everything was closed.
type wordcountRun struct {
	counted time.Duration
	cost
	result tally
}

type wordcountRound struct{ byHand, freshet wordcountRun }

func (c WordcountConfig) measure(ctx context.Context, d log.Durability, text corpus) ([]wordcountRound, error) {
	rounds := make([]wordcountRound, c.Rounds)
	for i := range rounds {
		r := &rounds[i]
		sides := []func() error{
			func() (err error) { r.byHand, err = c.one(ctx, sideByHand, d, text, countByHand); return },
			func() (err error) { r.freshet, err = c.one(ctx, sideFreshet, d, text, countFreshet); return },
		}
		if i%2 == 1 {
			sides[0], sides[1] = sides[1], sides[0]
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return nil, err
			}
		}
		c.Progress(fmt.Sprintf("wordcount %s: round %d of %d: by hand %s words/s, freshet %s words/s", d, i+1, c.Rounds,
			rate(float64(text.words)/r.byHand.counted.Seconds()), rate(float64(text.words)/r.freshet.counted.Seconds())))
	}
	return rounds, nil
}

// A countFunc counts the words of a text in the directory at path, which is
// also the root of fsys.
type countFunc func(ctx context.Context, path string, fsys vfs.FS, d log.Durability, text corpus) (wordcountRun, error)

// one runs one side once, on new files, and checks its result.
func (c WordcountConfig) one(ctx context.Context, s side, d log.Durability, text corpus, count countFunc) (run wordcountRun, err error) {
	err = inScratch(c.Dir, func(path string, fsys vfs.FS) (err error) {
		run, err = count(ctx, path, fsys, d, text)
		return err
	})
	if err == nil && run.result != text.result {
		err = fmt.Errorf("counted %+v, want %+v", run.result, text.result)
	}
	if err != nil {
		return run, fmt.Errorf("%s: %w", s, err)
	}
	return run, nil
}
