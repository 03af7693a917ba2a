// Quickstart counts the words that come into a topic of an embedded log in
// ./data, exactly once, and prints each count that changes.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/processor"
)

var (
	Lines  = dsl.NewTopic[string, string]("lines")
	Counts = dsl.NewTopic[string, int64]("counts")
)

func run(ctx context.Context, dir string, out io.Writer) error {
	b := dsl.NewBuilder("quickstart")
	words := dsl.FlatMapValues(dsl.From(b, Lines), strings.Fields)
	dsl.GroupBy(words, func(_, word string) string { return strings.ToLower(word) }).
		Count(dsl.As("words")).
		ToStream().
		Peek(func(word string, n int64) { fmt.Fprintln(out, word, n) }).
		To(Counts)
	topology, err := b.Build() // reports every mistake at once, each with its line
	if err != nil {
		return err
	}
	app, err := processor.New(topology, processor.OnDir(dir), processor.Config{})
	if err != nil {
		return err
	}
	return app.Run(ctx) // until ctx ends
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, "data", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
