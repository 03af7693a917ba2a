package processor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

const (
	benchLines        = 200_000
	benchWordsPerLine = 10
	benchVocabulary   = 200_000
	benchZipf         = 1.07
	benchBatch        = 1000
)

// BenchmarkWordcount runs the whole topology on the embedded log in a
// directory: source log, split, repartition topic, count, changelog, output
// topic, LevelDB.
func BenchmarkWordcount(b *testing.B) {
	for _, durability := range []log.Durability{log.OS, log.Sync} {
		b.Run(durability.String(), func(b *testing.B) {
			topology := wordcount(b)
			words := 0
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				config := log.Config{Durability: durability}
				fill(b, dir, config)
				b.StartTimer()
				runDrained(b, topology, processor.OnDir(dir).WithConfig(config))
				words += benchLines * benchWordsPerLine
			}
			b.ReportMetric(float64(words)/b.Elapsed().Seconds(), "words/s")
		})
	}
}

func fill(b *testing.B, dir string, config log.Config) {
	b.Helper()
	broker, err := log.Open(dir, config)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, benchZipf, 1, benchVocabulary-1)
	var line strings.Builder
	var texts []string
	for i := range benchLines {
		line.Reset()
		for range benchWordsPerLine {
			fmt.Fprintf(&line, "word%d ", zipf.Uint64())
		}
		texts = append(texts, line.String())
		if i%benchBatch == benchBatch-1 {
			produceLines(b, broker, texts...)
			texts = texts[:0]
		}
	}
	if err := broker.Close(); err != nil {
		b.Fatal(err)
	}
}

func runDrained(t testing.TB, topology *processor.Topology, where processor.Where) {
	t.Helper()
	app, err := processor.New(topology, where, processor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	if err := app.Drained(ctx); err != nil {
		stop()
		t.Fatalf("drained: %v; run: %v", err, <-ended)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
