package dsl_test

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/processor/processortest"
)

// Counting words takes a flat map, a grouping and a count. The grouping changes
// the key, so it goes through a repartition topic.
func Example() {
	lines := dsl.NewTopic[string, string]("lines")
	counts := dsl.NewTopic[string, int64]("counts")

	b := dsl.NewBuilder("wordcount")
	words := dsl.FlatMapValues(dsl.From(b, lines), strings.Fields)
	dsl.GroupBy(words, func(_, word string) string { return strings.ToLower(word) }).
		Count(dsl.As("counts")).
		ToStream().
		To(counts)
	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}

	d := processortest.New(nil, topology, processortest.Config{})
	defer d.Close()
	processortest.PipeValues(d, lines, "To be or", "not to be")
	d.Run()
	d.Crash()
	processortest.PipeValues(d, lines, "be")
	d.Run()
	fmt.Println(processortest.Table(d, counts))
	// Output:
	// map[be:3 not:1 or:1 to:2]
}

// Build reports every mistake, each with the line that made it.
func ExampleBuilder_Build() {
	b := dsl.NewBuilder("app")
	lines := dsl.From(b, Lines)
	lines.GroupByKey().Count()
	lines.Filter(nil)
	_, err := b.Build()
	for _, line := range strings.Split(err.Error(), "\n") {
		_, mistake, _ := strings.Cut(line, ": ")
		fmt.Println(mistake)
	}
	// Output:
	// count: no name for its store (give it one: dsl.As("some-name"))
	// filter: nil function
}

func ExampleStream_Filter() {
	b := dsl.NewBuilder("app")
	dsl.From(b, Lines).Filter(func(_, line string) bool { return strings.Contains(line, "o") }).To(Texts)
	pipe(b, Texts, "one", "two", "three", "four")
	// Output:
	// "": one
	// "": two
	// "": four
}

func ExampleStream_FilterNot() {
	b := dsl.NewBuilder("app")
	dsl.From(b, Lines).FilterNot(func(_, line string) bool { return strings.Contains(line, "o") }).To(Texts)
	pipe(b, Texts, "one", "two", "three", "four")
	// Output:
	// "": three
}

func ExampleStream_Peek() {
	b := dsl.NewBuilder("app")
	dsl.From(b, Lines).Peek(func(_, line string) { fmt.Println("seen:", line) }).To(Texts)
	pipe(b, Texts, "one", "two")
	// Output:
	// seen: one
	// seen: two
	// "": one
	// "": two
}

func ExampleStream_MapValues() {
	b := dsl.NewBuilder("app")
	dsl.From(b, Lines).MapValues(strings.ToUpper).To(Texts)
	pipe(b, Texts, "one", "two")
	// Output:
	// "": ONE
	// "": TWO
}

func ExampleMapValues() {
	lengths := dsl.NewTopic[string, int]("lengths")
	b := dsl.NewBuilder("app")
	dsl.MapValues(dsl.From(b, Lines), func(line string) int { return len(line) }).To(lengths)
	pipe(b, lengths, "one", "three")
	// Output:
	// "": 3
	// "": 5
}

func ExampleFlatMapValues() {
	b := dsl.NewBuilder("app")
	dsl.FlatMapValues(dsl.From(b, Lines), strings.Fields).To(Texts)
	pipe(b, Texts, "one two", "", "three")
	// Output:
	// "": one
	// "": two
	// "": three
}

func ExampleFlatMapValuesSeq() {
	b := dsl.NewBuilder("app")
	dsl.FlatMapValuesSeq(dsl.From(b, Lines), strings.FieldsSeq).To(Texts)
	pipe(b, Texts, "one two", "", "three")
	// Output:
	// "": one
	// "": two
	// "": three
}

func ExampleMap() {
	lengths := dsl.NewTopic[string, int]("lengths")
	b := dsl.NewBuilder("app")
	dsl.Map(dsl.From(b, Lines), func(_, line string) (string, int) { return line, len(line) }).To(lengths)
	pipe(b, lengths, "one", "three")
	// Output:
	// "one": 3
	// "three": 5
}

func ExampleFlatMap() {
	b := dsl.NewBuilder("app")
	dsl.FlatMap(dsl.From(b, Lines), func(_, line string) []dsl.Pair[string, string] {
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil
		}
		return []dsl.Pair[string, string]{{Key: key, Value: value}}
	}).To(Texts)
	pipe(b, Texts, "color=red", "# a comment", "size=3")
	// Output:
	// "color": red
	// "size": 3
}

func ExampleFlatMapSeq() {
	numbered := dsl.NewTopic[int, string]("numbered")
	b := dsl.NewBuilder("app")
	dsl.FlatMapSeq(dsl.From(b, Lines), func(_, line string) iter.Seq2[int, string] {
		return func(yield func(int, string) bool) {
			n := 0
			for word := range strings.FieldsSeq(line) {
				if n++; !yield(n, word) {
					return
				}
			}
		}
	}).To(numbered)
	pipe(b, numbered, "one two", "three")
	// Output:
	// 1: one
	// 2: two
	// 1: three
}

func ExampleKeyBy() {
	b := dsl.NewBuilder("app")
	dsl.KeyBy(dsl.From(b, Lines), func(_, line string) string { return line[:1] }).To(Texts)
	pipe(b, Texts, "one", "two", "three")
	// Output:
	// "o": one
	// "t": two
	// "t": three
}

func ExampleStream_Merge() {
	b := dsl.NewBuilder("app")
	lines := dsl.From(b, Lines)
	short := lines.Filter(func(_, line string) bool { return len(line) < 4 })
	loud := lines.MapValues(strings.ToUpper)
	short.Merge(loud).To(Texts)
	pipe(b, Texts, "one", "three")
	// Output:
	// "": one
	// "": ONE
	// "": THREE
}

func ExampleGroupBy() {
	byLength := dsl.NewTopic[int, int64]("by-length")
	b := dsl.NewBuilder("app")
	dsl.GroupBy(dsl.From(b, Lines), func(_, line string) int { return len(line) }).
		Count(dsl.As("by-length")).
		ToStream().
		To(byLength)
	pipe(b, byLength, "one", "two", "three")
	// Output:
	// 3: 2
	// 5: 1
}

// A table has every update looked at where somebody could miss one.
func ExampleTable_ToStream() {
	b := dsl.NewBuilder("app")
	counts := dsl.KeyBy(dsl.From(b, Lines), func(_, line string) string { return line }).
		GroupByKey().
		Count(dsl.As("counts"))
	counts.ToStream().To(Counts)
	dsl.MapValues(counts.ToStream(), func(n int64) string { return strconv.FormatInt(n, 10) + " times" }).
		Filter(func(_, times string) bool { return times == "2 times" }).
		To(Texts)
	pipe(b, Texts, "one", "two", "one", "one")
	// Output:
	// "one": 2 times
}

// pipe runs a topology on lines without keys and prints a topic.
func pipe[K, V any](b *dsl.Builder, out dsl.Topic[K, V], lines ...string) {
	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	d := processortest.New(nil, topology, processortest.Config{Partitions: 1})
	defer d.Close()
	processortest.PipeValues(d, Lines, lines...)
	d.Run()
	for _, r := range processortest.Read(d, out) {
		fmt.Printf("%#v: %v\n", r.Key, r.Value)
	}
}
