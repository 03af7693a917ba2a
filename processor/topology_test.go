package processor_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/freshet/freshet/processor"
)

func TestBuildReportsEveryMistakeWithItsLine(t *testing.T) {
	other := processor.NewTopology("other")
	elsewhere := processor.Source(other, "there", lines)
	b := processor.NewTopology("bad name")
	source := processor.Source(b, "lines", lines)
	processor.Source(b, "again", lines)
	processor.Source(b, "lines", counts)
	processor.Process(b, "orphan", processor.Node[string, string]{}, split)
	processor.Process(b, "foreign", elsewhere, split)
	processor.Process(b, "idle", source, (func() processor.Processor[string, string, string, string])(nil))
	processor.Store(b, "unused", processor.StoreConfig[string, int64]{})
	processor.Store(b, "keyed-by-map", processor.StoreConfig[map[string]int, int64]{})
	processor.Process(b, "storeless", source, split, processor.StoreRef[string, int64]{})
	processor.Sink(b, "", source, lines)
	processor.Sink(b, "out", source, processor.NewTopic[string, string]("what?"))
	processor.Source(b, "zero", processor.Topic[string, string]{})
	processor.Sink(b, "mixed", source, processor.NewTopic[string, string]("bad name-unused-changelog"))
	processor.Sink(b, "narrow", source, lines.WithPartitions(7))
	processor.Repartition(b, strings.Repeat("long", 60), source, processor.Serdes[string, string]{})
	_, err := b.Build()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`topology "bad name": a name is made of`,
		`source "again": topic "lines" is read by the source at`,
		`source "lines": the name is taken by the source at topology_test.go:`,
		`processor "orphan": no parent`,
		`processor "foreign": its parent belongs to another topology, "other"`,
		`processor "idle": nil function`,
		`store "unused": no processor uses it`,
		`store "keyed-by-map": key: `,
		`processor "storeless": a zero StoreRef`,
		`sink without a name`,
		`topic "what?": a name is made of`,
		`zero Topic`,
		`topic "bad name-unused-changelog": the name is that of the changelog of store "unused" (take another)`,
		`topic "lines": 7 partitions here and 2 at topology_test.go:`,
		`-repartition": name of 261 bytes, want at most 249`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	place := regexp.MustCompile(`^topology_test\.go:\d+: `)
	for line := range strings.Lines(err.Error()) {
		if !place.MatchString(line) {
			t.Errorf("no place in this test: %s", line)
		}
	}
	var mistake *processor.BuildError
	if !errors.As(err, &mistake) {
		t.Error("no BuildError in it")
	}
}

func TestBuildOfNothing(t *testing.T) {
	if _, err := processor.NewTopology("empty").Build(); err == nil || !strings.Contains(err.Error(), "no source") {
		t.Errorf("got %v, want that there is no source", err)
	}
}

func TestBuildNamesAFaultySourceOnce(t *testing.T) {
	b := processor.NewTopology("app")
	processor.Source(b, "lines", processor.NewTopic[string, string]("a name"))
	if _, err := b.Build(); err == nil || strings.Contains(err.Error(), "no source") {
		t.Errorf("got %v, want the name of the topic as the only mistake", err)
	}
}

func TestMergeOfTwoTopologiesIsAMistake(t *testing.T) {
	a, b := processor.NewTopology("a"), processor.NewTopology("b")
	both := processor.Merge(processor.Source(a, "lines", lines), processor.Source(b, "lines", lines))
	processor.Sink(a, "out", both, processor.NewTopic[string, string]("out"))
	if _, err := a.Build(); err == nil || !strings.Contains(err.Error(), "different topologies merged") {
		t.Errorf("got %v", err)
	}
}

func TestTaskIDsParseBack(t *testing.T) {
	id := processor.TaskID{Subtopology: 3, Partition: 12}
	got, err := processor.ParseTaskID(id.String())
	if err != nil || got != id {
		t.Errorf("ParseTaskID(%q) = %v, %v", id, got, err)
	}
	for _, bad := range []string{"", "3", "3_", "_1", "a_1", "3_-1", "03_1", "3_1_2", "3_4294967296"} {
		if got, err := processor.ParseTaskID(bad); err == nil {
			t.Errorf("ParseTaskID(%q) = %v, want an error", bad, got)
		}
	}
}
