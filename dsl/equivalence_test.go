package dsl_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/dsl"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	pt "github.com/freshet/freshet/processor/processortest"
	"github.com/freshet/freshet/state"
)

// Words and frequencies in one: three stores, two repartition topics, a topic
// of each update and one of each commit.
var (
	wordCounts  = dsl.NewTopic[string, int64]("word-counts")
	keyCounts   = dsl.NewTopic[string, int64]("key-counts")
	frequencies = dsl.NewTopic[int64, int64]("frequencies")
)

func drawFrequencies(b *dsl.Builder) {
	lines := dsl.From(b, Lines)
	words := dsl.FlatMapValues(lines, strings.Fields)
	counts := dsl.GroupBy(words, func(_, word string) string { return word }).Count(dsl.As("words"))
	counts.ToStream().To(wordCounts)
	dsl.GroupBy(counts.ToStream(), func(_ string, n int64) int64 { return n }).
		Count(dsl.As("frequencies")).ToStream().To(frequencies)
	lines.FilterNot(func(k, _ string) bool { return k == "" }).GroupByKey().
		Count(dsl.As("keys")).ToStream().To(keyCounts)
}

// A model is what drawFrequencies should come to, counted by hand.
type model struct {
	words, keys map[string]int64
	frequencies map[int64]int64
}

func (m *model) add(r text) {
	if r.Tombstone {
		return
	}
	for word := range strings.FieldsSeq(r.Value) {
		m.words[word]++
		m.frequencies[m.words[word]]++
	}
	if !r.NoKey && r.Key != "" {
		m.keys[r.Key]++
	}
}

// TestCrashesAndPartitionsChangeNothing pipes records into any number of
// partitions, and kills, stops and slows the runtime between any two steps.
// What comes out in the end is what a program without partitions and crashes
// counts.
func TestCrashesAndPartitionsChangeNothing(t *testing.T) {
	rapid.Check(t, testHistory)
}

func testHistory(t *rapid.T) {
	engine := state.Memory()
	if rapid.IntRange(0, 9).Draw(t, "one in ten on LevelDB") == 9 { // 15 times as slow
		engine = nil
	}
	b := dsl.NewBuilder("app")
	drawFrequencies(b)
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	every := rapid.Bool().Draw(t, "every update")
	d := pt.New(t, topology, pt.Config{
		Partitions: rapid.Int32Range(1, 4).Draw(t, "partitions"),
		Seed:       rapid.Uint64().Draw(t, "seed"),
		Log:        log.Config{JournalBytes: 64 << 10},
		Runtime: processor.Config{
			Engine: engine, ForwardEveryUpdate: every,
			CommitInterval: 100 * time.Millisecond, DrainInterval: time.Second,
			FetchBytes: 1 << 10, BufferBytes: 1 << 10, CacheBytes: 4 << 10,
		},
	})
	m := model{words: map[string]int64{}, keys: map[string]int64{}, frequencies: map[int64]int64{}}
	records := rapid.SliceOfN(rapid.Custom(drawRecord), 1, 20)
	for range rapid.IntRange(1, 40).Draw(t, "events") {
		switch rapid.SampledFrom([]string{"pipe", "pipe", "step", "step", "step", "wait", "run", "restart", "crash"}).Draw(t, "event") {
		case "pipe":
			piped := records.Draw(t, "records")
			pt.Pipe(d, Lines, piped...)
			for _, r := range piped {
				m.add(r)
			}
		case "step":
			d.Step()
		case "wait":
			d.Advance(time.Duration(rapid.IntRange(1, 2000).Draw(t, "milliseconds")) * time.Millisecond)
		case "run":
			d.Run()
		case "restart":
			d.Restart()
		case "crash":
			d.Crash()
		}
	}
	d.Run()
	compare(t, "words", m.words, d, wordCounts)
	compare(t, "keys", m.keys, d, keyCounts)
	compare(t, "frequencies", m.frequencies, d, frequencies)
	ascending(t, d, wordCounts, every)
	ascending(t, d, keyCounts, every)
	ascending(t, d, frequencies, every)
}

// drawRecord draws a record of few words and keys, so that they repeat; some
// lack the key, the value or both.
func drawRecord(t *rapid.T) text {
	r := text{TimestampMillis: rapid.Int64Range(1, 1000).Draw(t, "timestamp")}
	if r.NoKey = rapid.IntRange(0, 9).Draw(t, "no key") == 0; !r.NoKey {
		r.Key = rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f"}).Draw(t, "key")
	}
	if r.Tombstone = rapid.IntRange(0, 9).Draw(t, "no value") == 0; !r.Tombstone {
		words := rapid.SliceOfN(rapid.IntRange(0, 12), 0, 8).Draw(t, "words")
		r.Value = strings.Trim(fmt.Sprint(words), "[]")
	}
	return r
}

// compare looks at a count where it is kept and where it is written.
func compare[K comparable](t *rapid.T, store string, want map[K]int64, d *pt.Driver, topic dsl.Topic[K, int64]) {
	t.Helper()
	if got := pt.Store[K, int64](d, store); !maps.Equal(got, want) {
		t.Fatalf("store %s: %v, want %v", store, got, want)
	}
	if got := pt.Table(d, topic); !maps.Equal(got, want) {
		t.Fatalf("topic %s: %v, want %v", topic.Name(), got, want)
	}
}

// ascending checks that no update was written twice, and, if every one is to be
// written, that none is missing.
func ascending[K comparable](t *rapid.T, d *pt.Driver, topic dsl.Topic[K, int64], every bool) {
	t.Helper()
	last := make(map[K]int64)
	for _, r := range pt.Read(d, topic) {
		if r.Value <= last[r.Key] || every && r.Value != last[r.Key]+1 {
			t.Fatalf("topic %s: %v is %d after %d", topic.Name(), r.Key, r.Value, last[r.Key])
		}
		last[r.Key] = r.Value
	}
}
