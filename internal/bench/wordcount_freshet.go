package bench

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

var (
	linesTopic  = dsl.NewTopic[string, string]("lines")
	countsTopic = dsl.NewTopic[string, int64]("counts")
)

// wordcountTopology is the one that the documents show.
func wordcountTopology() (*processor.Topology, error) {
	b := dsl.NewBuilder("wordcount")
	words := dsl.FlatMapValues(dsl.From(b, linesTopic), strings.Fields)
	dsl.GroupBy(words, func(_, word string) string { return strings.ToLower(word) }).
		Count(dsl.As("counts")).
		ToStream().
		To(countsTopic)
	return b.Build()
}

// countFreshet counts with the topology on the embedded log. The source was
// written before, and the log closed and opened again, so that nothing of it
// is in memory.
func countFreshet(ctx context.Context, _ string, fsys vfs.FS, d log.Durability, text corpus) (run wordcountRun, err error) {
	if err := produceSource(fsys, text); err != nil {
		return run, err
	}
	err = sideFreshet.label(func() error {
		broker, err := log.OpenFS(fsys, log.Config{Durability: d})
		if err != nil {
			return err
		}
		m := startMeter()
		err = runTopology(ctx, broker, func() { run.counted = time.Since(m.at) })
		err = errors.Join(err, broker.Close())
		run.cost = m.stop()
		return err
	})
	if err != nil {
		return run, err
	}
	run.result, err = tallyOfTopic(ctx, fsys)
	return run, err
}

// produceSource writes the text as a topic, its lines dealt out to the
// partitions a batch at a time.
func produceSource(fsys vfs.FS, text corpus) error {
	b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
	if err != nil {
		return err
	}
	return errors.Join(produceLines(b, text), b.Close())
}

func produceLines(b *log.Broker, text corpus) error {
	if _, err := b.CreateTopic(linesTopic.Name(), log.TopicConfig{Partitions: wordcountPartitions}); err != nil {
		return err
	}
	c := b.NewCommitBuilder()
	topic, err := c.Topic(linesTopic.Name())
	if err != nil {
		return err
	}
	err = text.eachLine(func(i int64, line []byte) error {
		rec := log.Record{Value: line, TimestampMillis: startMillis + i}
		if err := topic.Append(sourcePartition(i), &rec); err != nil {
			return err
		}
		if (i+1)%linesPerBatch != 0 {
			return nil
		}
		_, err := b.Commit(c.Build())
		return err
	})
	if err != nil || c.Empty() {
		return err
	}
	_, err = b.Commit(c.Build())
	return err
}

// sourcePartition is where both sides put a line.
func sourcePartition(line int64) int32 { return int32(line / linesPerBatch % wordcountPartitions) }

// runTopology runs the topology until everything is counted and committed,
// calls counted, and stops it.
func runTopology(ctx context.Context, broker *log.Broker, counted func()) error {
	topology, err := wordcountTopology()
	if err != nil {
		return err
	}
	app, err := processor.New(topology, processor.OnLog(broker), processor.Config{
		CommitInterval: commitInterval, DrainInterval: storeInterval,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	err = app.Drained(ctx)
	counted()
	stop()
	if runErr := <-ended; runErr != nil {
		return runErr // which Drained knows less about
	}
	return err
}

func tallyOfTopic(ctx context.Context, fsys vfs.FS) (t tally, err error) {
	b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	counts := map[string]int64{}
	for r, err := range countsTopic.Consume(ctx, processor.OnLog(b), processor.StopAtEnd()) {
		if err != nil {
			return t, err
		}
		counts[strings.Clone(r.Key)] = r.Value
	}
	return tallyOf(counts), nil
}
