package dsl_test

import (
	"strings"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/processor"
)

var (
	Lines  = dsl.NewTopic[string, string]("lines")
	Counts = dsl.NewTopic[string, int64]("counts")
)

// Topology is the one that the documents show.
func Topology() (*processor.Topology, error) {
	b := dsl.NewBuilder("wordcount")
	words := dsl.FlatMapValues(dsl.From(b, Lines), strings.Fields)
	dsl.GroupBy(words, func(_, word string) string { return strings.ToLower(word) }).
		Count(dsl.As("counts")).
		ToStream().
		To(Counts)
	return b.Build()
}
