package dsl_test

import (
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/processor"
	pt "github.com/freshet/freshet/processor/processortest"
	"github.com/freshet/freshet/state"
)

// hotPaths are topologies whose own functions allocate nothing.
var hotPaths = []struct {
	name string
	draw func(b *dsl.Builder)
}{
	{"From", func(b *dsl.Builder) { dsl.From(b, Lines) }},
	{"Filter", func(b *dsl.Builder) { dsl.From(b, Lines).Filter(whole) }},
	{"Filter×8", func(b *dsl.Builder) {
		s := dsl.From(b, Lines)
		for range 8 {
			s = s.Filter(whole)
		}
	}},
	{"MapValues×8", func(b *dsl.Builder) {
		s := dsl.From(b, Lines)
		for range 8 {
			s = s.MapValues(same)
		}
	}},
	{"FlatMapValues", func(b *dsl.Builder) { dsl.FlatMapValues(dsl.From(b, Lines), ready) }},
	{"FlatMapValuesSeq", func(b *dsl.Builder) {
		words := slices.Values(eight)
		dsl.FlatMapValuesSeq(dsl.From(b, Lines), func(string) iter.Seq[string] { return words })
	}},
	{"FlatMapValues×Filter", func(b *dsl.Builder) { dsl.FlatMapValues(dsl.From(b, Lines), ready).Filter(whole) }},
	{"Map", func(b *dsl.Builder) {
		dsl.Map(dsl.From(b, Lines), func(k, v string) (string, string) { return v, k })
	}},
	{"Count", func(b *dsl.Builder) { dsl.From(b, Lines).GroupByKey().Count(dsl.As("counts")) }},
	{"Count of words", func(b *dsl.Builder) {
		words := dsl.FlatMapValues(dsl.From(b, Lines), ready)
		dsl.GroupBy(words, func(_, word string) string { return word }).Count(dsl.As("counts")).ToStream().To(Counts)
	}},
	{"Count of words, every update", func(b *dsl.Builder) {
		words := dsl.FlatMapValues(dsl.From(b, Lines), ready)
		dsl.GroupBy(words, func(_, word string) string { return word }).Count(dsl.As("counts")).ToStream().Filter(positive).To(Counts)
	}},
}

var eight = strings.Fields("alpha beta gamma delta epsilon zeta eta theta")

func ready(string) []string           { return eight }
func whole(k, v string) bool          { return len(k)+len(v) > 0 }
func same(v string) string            { return v }
func positive(_ string, n int64) bool { return n > 0 }

// pipeMany appends n records of few keys, in commits of some size.
func pipeMany(d *pt.Driver, n int) {
	records := make([]text, 1000)
	for i := range records {
		records[i] = text{Key: eight[i%len(eight)], Value: "a line of text", TimestampMillis: int64(i + 1)}
	}
	for range n / len(records) {
		pt.Pipe(d, Lines, records...)
	}
}

// TestNothingIsAllocatedForARecord allows for what is allocated for a batch or
// a commit; an operator that allocates for a record does it once a record at
// least.
func TestNothingIsAllocatedForARecord(t *testing.T) {
	const records, perRecord = 20_000, 0.5
	for _, path := range hotPaths {
		t.Run(path.name, func(t *testing.T) {
			d := run(t, pt.Config{Partitions: 1}, path.draw)
			pipeMany(d, records) // grows buffers, makes the entries
			d.Run()
			pipeMany(d, records)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d.Run()
			runtime.ReadMemStats(&after)
			if got := float64(after.Mallocs-before.Mallocs) / records; got > perRecord {
				t.Errorf("%.3f allocations a record, want at most %v", got, perRecord)
			}
		})
	}
}

// BenchmarkOperators runs topologies on the whole runtime: a source record is
// read from the log and decoded, and what was done is committed.
func BenchmarkOperators(b *testing.B) {
	const records = 100_000
	for _, path := range hotPaths {
		b.Run(path.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				config := pt.Config{Partitions: 1, Runtime: processor.Config{Engine: state.Memory()}}
				d := run(b, config, path.draw)
				pipeMany(d, records)
				b.StartTimer()
				d.Run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
			b.ReportMetric(0, "ns/op")
		})
	}
}
