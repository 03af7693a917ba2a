// Wordcount counts the words of files, of standard input, or of the sources of
// Go's standard library, and shows the counts as they grow.
//
//	files ─▶ lines ─▶ [split] ─▶ (by word) ─▶ [count] ─▶ counts ─▶ terminal
//
// Round brackets are a topic that the topology makes for itself, so that all
// occurrences of a word meet in one partition. Everything is in an embedded
// log: lines with how far each file was read, counts with how far the lines
// were counted. So the program may be killed at any moment; with --data-dir the
// next run goes on where it was and counts every line once.
//
// This file is all there is to the application. The others are its command line
// (flags.go, run.go), its input (input.go, sources.go) and its output (table.go,
// view.go, report.go).
package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/log/files"
	"github.com/freshet/freshet/processor"
)

// The topics, with the types of their keys and values. Lines have no keys.
var (
	Lines  = dsl.NewTopic[string, string]("lines")
	Counts = dsl.NewTopic[string, int64]("counts")
)

// Topology counts the words of Lines and writes each count that changed to
// Counts. A word is what strings.Fields yields of a line, in lower case.
func Topology() (*processor.Topology, error) {
	b := dsl.NewBuilder("wordcount")
	words := dsl.FlatMapValues(dsl.From(b, Lines), strings.Fields)
	dsl.GroupBy(words, func(_, word string) string { return strings.ToLower(word) }).
		Count(dsl.As("counts")).
		ToStream().
		To(Counts)
	return b.Build()
}

// A wordcount is the application on an open log.
type wordcount struct {
	broker *log.Broker
	source *files.Source
	app    *processor.App
}

func newWordcount(broker *log.Broker, partitions int32, lines files.Config) (*wordcount, error) {
	topology, err := Topology()
	if err != nil {
		return nil, err
	}
	lines.Partitions = partitions
	source, err := files.New(broker, Lines.Name(), lines)
	if err != nil {
		return nil, err
	}
	if err := makeCounts(broker, partitions); err != nil {
		return nil, err
	}
	app, err := processor.New(topology, processor.OnLog(broker), processor.Config{})
	if err != nil {
		return nil, err
	}
	return &wordcount{broker: broker, source: source, app: app}, nil
}

// run counts what read brings into Lines. It returns when all of that is
// counted, or, with everything committed that was counted, when ctx ends.
func (w *wordcount) run(ctx context.Context, read func(context.Context, *files.Source) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- w.app.Run(ctx)
		stop() // without the App nobody needs more lines
	}()
	err := read(ctx, w.source)
	if err == nil {
		err = w.app.Drained(ctx)
	}
	stop()
	if appErr := <-ended; appErr != nil && (err == nil || errors.Is(err, context.Canceled) || errors.Is(err, processor.ErrEnded)) {
		return appErr
	}
	return err
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
