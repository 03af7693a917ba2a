package dsl_test

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	pt "github.com/freshet/freshet/processor/processortest"
	"github.com/freshet/freshet/state"
)

var Texts = dsl.NewTopic[string, string]("texts")

type text = processor.Record[string, string]

// run draws a topology and starts it with its stores in memory.
func run(t testing.TB, config pt.Config, draw func(b *dsl.Builder)) *pt.Driver {
	t.Helper()
	b := dsl.NewBuilder("app")
	draw(b)
	if config.Runtime.Engine == nil {
		config.Runtime.Engine = state.Memory()
	}
	return pt.New(t, built(t)(b.Build()), config)
}

func equal[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// odd are records of each kind: whole, without a value, without a key, without
// both.
func odd() []text {
	headers := []log.Header{{Key: "trace", Value: []byte("7")}}
	records := []text{
		{Key: "k", Value: "v w"}, {Key: "k", Tombstone: true},
		{NoKey: true, Value: "v w"}, {NoKey: true, Tombstone: true},
	}
	for i := range records {
		records[i].TimestampMillis, records[i].Headers = int64(1000-i), headers
	}
	return records
}

// TestNulls shows what each operator makes of records without key or value, and
// that timestamps and headers stay.
func TestNulls(t *testing.T) {
	yes := func(string, string) bool { return true }
	for name, c := range map[string]struct {
		apply func(dsl.Stream[string, string]) dsl.Stream[string, string]
		want  []text // but for timestamps and headers
		from  []int  // which of odd each is made of
	}{
		"Filter": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] { return s.Filter(yes) },
			odd(), []int{0, 1, 2, 3},
		},
		"Filter sees zero values": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return s.Filter(func(k, v string) bool { return k == "" && v == "" })
			},
			odd()[3:], []int{3},
		},
		"FilterNot": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] { return s.FilterNot(yes) },
			nil, nil,
		},
		"Peek": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return s.Peek(func(string, string) {})
			},
			odd(), []int{0, 1, 2, 3},
		},
		"MapValues": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] { return s.MapValues(strings.ToUpper) },
			[]text{{Key: "k", Value: "V W"}, {Key: "k", Tombstone: true}, {NoKey: true, Value: "V W"}, {NoKey: true, Tombstone: true}},
			[]int{0, 1, 2, 3},
		},
		"FlatMapValues": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return dsl.FlatMapValues(s, strings.Fields)
			},
			[]text{{Key: "k", Value: "v"}, {Key: "k", Value: "w"}, {NoKey: true, Value: "v"}, {NoKey: true, Value: "w"}},
			[]int{0, 0, 2, 2},
		},
		"FlatMapValuesSeq": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return dsl.FlatMapValuesSeq(s, strings.FieldsSeq)
			},
			[]text{{Key: "k", Value: "v"}, {Key: "k", Value: "w"}, {NoKey: true, Value: "v"}, {NoKey: true, Value: "w"}},
			[]int{0, 0, 2, 2},
		},
		"KeyBy": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return dsl.KeyBy(s, func(k, v string) string { return k + "+" + v })
			},
			[]text{{Key: "k+v w", Value: "v w"}, {Key: "k+", Tombstone: true}, {Key: "+v w", Value: "v w"}, {Key: "+", Tombstone: true}},
			[]int{0, 1, 2, 3},
		},
		"Map": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return dsl.Map(s, func(k, v string) (string, string) { return v, k })
			},
			[]text{{Key: "v w", Value: "k"}, {Value: "k"}, {Key: "v w"}, {}},
			[]int{0, 1, 2, 3},
		},
		"FlatMap": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return dsl.FlatMap(s, func(k, v string) []dsl.Pair[string, string] {
					return []dsl.Pair[string, string]{{Key: "1", Value: k}, {Key: "2", Value: v}}[:1+len(k)]
				})
			},
			[]text{{Key: "1", Value: "k"}, {Key: "2", Value: "v w"}, {Key: "1", Value: "k"}, {Key: "2"}, {Key: "1"}, {Key: "1"}},
			[]int{0, 0, 1, 1, 2, 3},
		},
		"FlatMapSeq": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return dsl.FlatMapSeq(s, func(k, v string) iter.Seq2[string, string] {
					return maps.All(map[string]string{k + "!": v})
				})
			},
			[]text{{Key: "k!", Value: "v w"}, {Key: "k!"}, {Key: "!", Value: "v w"}, {Key: "!"}},
			[]int{0, 1, 2, 3},
		},
		"Merge": {
			func(s dsl.Stream[string, string]) dsl.Stream[string, string] {
				return s.FilterNot(yes).Merge(s.Filter(yes))
			},
			odd(), []int{0, 1, 2, 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := run(t, pt.Config{Partitions: 1}, func(b *dsl.Builder) { c.apply(dsl.From(b, Lines)).To(Texts) })
			pt.Pipe(d, Lines, odd()...)
			d.Run()
			want := slices.Clone(c.want)
			for i, from := range c.from {
				want[i].TimestampMillis, want[i].Headers = odd()[from].TimestampMillis, odd()[from].Headers
			}
			equal(t, "records", want, pt.Read(d, Texts))
		})
	}
}

// TestCountSkipsNulls counts with and without a repartition topic.
func TestCountSkipsNulls(t *testing.T) {
	byKey := func(k, _ string) string { return k }
	for name, c := range map[string]struct {
		group func(dsl.Stream[string, string]) dsl.Grouped[string, string]
		want  map[string]int64
	}{
		"GroupByKey": {dsl.Stream[string, string].GroupByKey, map[string]int64{"k": 1}},
		"GroupBy": {
			func(s dsl.Stream[string, string]) dsl.Grouped[string, string] { return dsl.GroupBy(s, byKey) },
			map[string]int64{"k": 1, "": 1},
		},
		"merged with changed keys": {
			func(s dsl.Stream[string, string]) dsl.Grouped[string, string] {
				return s.Merge(dsl.KeyBy(s, byKey)).GroupByKey()
			},
			map[string]int64{"k": 2, "": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := run(t, pt.Config{}, func(b *dsl.Builder) {
				c.group(dsl.From(b, Lines)).Count(dsl.As("counts")).ToStream().To(Counts)
			})
			pt.Pipe(d, Lines, odd()...)
			d.Run()
			equal(t, "store", c.want, pt.Store[string, int64](d, "counts"))
			equal(t, "counts", c.want, pt.Table(d, Counts))
		})
	}
}

func TestCountTimestampIsTheHighest(t *testing.T) {
	for name, group := range map[string]func(dsl.Stream[string, string]) dsl.Grouped[string, string]{
		"GroupByKey": dsl.Stream[string, string].GroupByKey,
		"GroupBy": func(s dsl.Stream[string, string]) dsl.Grouped[string, string] {
			return dsl.GroupBy(s, func(k, _ string) string { return k })
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := pt.Config{Runtime: processor.Config{ForwardEveryUpdate: true}}
			d := run(t, config, func(b *dsl.Builder) {
				group(dsl.From(b, Lines)).Count(dsl.As("counts")).ToStream().To(Counts)
			})
			headers := []log.Header{{Key: "trace", Value: []byte("7")}}
			for _, millis := range []int64{5, 9, 7, 12} {
				pt.Pipe(d, Lines, text{Key: "a", Value: "x", TimestampMillis: millis, Headers: headers})
				d.Run()
			}
			type count = processor.Record[string, int64]
			equal(t, "counts", []count{
				{Key: "a", Value: 1, TimestampMillis: 5}, {Key: "a", Value: 2, TimestampMillis: 9},
				{Key: "a", Value: 3, TimestampMillis: 9}, {Key: "a", Value: 4, TimestampMillis: 12},
			}, pt.Read(d, Counts))
		})
	}
}

// TestUpdatesAreCoalesced pipes three records of one key into one commit.
func TestUpdatesAreCoalesced(t *testing.T) {
	type counts = dsl.Stream[string, int64]
	isOdd := func(_ string, n int64) bool { return n%2 == 1 }
	for name, c := range map[string]struct {
		every bool
		apply func(*dsl.Builder, counts) counts
		want  []int64
	}{
		"to a topic":               {false, func(_ *dsl.Builder, s counts) counts { return s }, []int64{3}},
		"to a topic, every update": {true, func(_ *dsl.Builder, s counts) counts { return s }, []int64{1, 2, 3}},
		"through MapValues": {false, func(_ *dsl.Builder, s counts) counts {
			return s.MapValues(func(n int64) int64 { return -n })
		}, []int64{-3}},
		"through Filter": {false, func(_ *dsl.Builder, s counts) counts {
			return s.Filter(isOdd)
		}, []int64{1, 3}},
		"through MapValues and Peek": {false, func(_ *dsl.Builder, s counts) counts {
			return s.MapValues(func(n int64) int64 { return -n }).Peek(func(string, int64) {})
		}, []int64{-1, -2, -3}},
		"through Merge": {false, func(_ *dsl.Builder, s counts) counts { return s.Merge() }, []int64{1, 2, 3}},
		"merged into others": {false, func(b *dsl.Builder, s counts) counts {
			return dsl.From(b, dsl.NewTopic[string, int64]("other-counts")).Merge(s)
		}, []int64{1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			config := pt.Config{Runtime: processor.Config{ForwardEveryUpdate: c.every}}
			d := run(t, config, func(b *dsl.Builder) {
				c.apply(b, dsl.From(b, Lines).GroupByKey().Count(dsl.As("counts")).ToStream()).To(Counts)
			})
			pt.Pipe(d, Lines, processor.KV("a", "x"), processor.KV("a", "y"), processor.KV("a", "z"))
			d.Run()
			var got []int64
			for _, r := range pt.Read(d, Counts) {
				got = append(got, r.Value)
			}
			equal(t, "counts", c.want, got)
		})
	}
}

// TestCountOfCounts counts every update of a table, however they are committed.
func TestCountOfCounts(t *testing.T) {
	d := run(t, pt.Config{}, func(b *dsl.Builder) {
		counts := dsl.From(b, Lines).GroupByKey().Count(dsl.As("counts")).ToStream()
		dsl.GroupBy(counts, func(_ string, n int64) int64 { return n }).Count(dsl.As("frequencies"))
	})
	pt.Pipe(d, Lines, processor.KV("a", "x"), processor.KV("a", "y"), processor.KV("b", "z"))
	d.Advance(time.Second)
	pt.Pipe(d, Lines, processor.KV("a", "x"))
	d.Run()
	equal(t, "frequencies", map[int64]int64{1: 2, 2: 1, 3: 1}, pt.Store[int64, int64](d, "frequencies"))
}

// TestSerdesAreCarried reads with a serde of the topic's and counts by it.
func TestSerdesAreCarried(t *testing.T) {
	shouted := Lines.WithKeySerde(upper{})
	d := run(t, pt.Config{Partitions: 1}, func(b *dsl.Builder) {
		lines := dsl.From(b, shouted).MapValues(strings.TrimSpace)
		lines.GroupByKey().Count(dsl.As("kept"))
		dsl.KeyBy(lines, func(k, _ string) string { return k }).GroupByKey().WithKeySerde(upper{}).Count(dsl.As("set"))
		dsl.KeyBy(lines, func(k, _ string) string { return k }).GroupByKey().Count(dsl.As("by-type"))
	})
	pt.Pipe(d, shouted, processor.KV("a", "x"))
	d.Run()
	changelog := func(store string) []string {
		var keys []string
		for _, r := range pt.Read(d, dsl.NewTopic[string, []byte]("app-"+store+"-changelog")) {
			keys = append(keys, r.Key)
		}
		return keys
	}
	equal(t, "kept", []string{"A"}, changelog("kept"))
	equal(t, "set", []string{"A"}, changelog("set"))
	equal(t, "by-type", []string{"a"}, changelog("by-type"))
}
