package processor_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
	"github.com/google/go-cmp/cmp"
)

func TestTopicGivesBackWhatItTook(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	topic := processor.NewTopic[string, int64]("t")
	if _, err := broker.CreateTopic("t", log.TopicConfig{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	want := []processor.Record[string, int64]{
		{Key: "k", Value: 1, TimestampMillis: 10, Headers: []log.Header{{Key: "h", Value: []byte("v")}}},
		{NoKey: true, Value: 2, TimestampMillis: 11},
		{Key: "k", Tombstone: true, TimestampMillis: 12},
		{Key: "", Value: 0, TimestampMillis: 13},
	}
	if err := topic.Produce(t.Context(), broker.NewProducer(), want...); err != nil {
		t.Fatal(err)
	}
	var got []processor.Record[string, int64]
	for r, err := range topic.Consume(t.Context(), processor.OnLog(broker), processor.StopAtEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestConsumeFollowsUntilItIsStopped(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	produceLines(t, broker, "one")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var got []string
	for r, err := range lines.Consume(ctx, processor.OnLog(broker)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Value)
		if len(got) == 2 {
			stop()
			continue // the reading ends by itself
		}
		produceLines(t, broker, "two")
	}
	if diff := cmp.Diff([]string{"one", "two"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	for r := range lines.Consume(t.Context(), processor.OnLog(broker)) {
		if r.Value == "" {
			t.Error("empty record")
		}
		break // the reader may leave
	}
}

func TestConsumeReportsWhatItCanNotRead(t *testing.T) {
	broker := openLog(t, vfs.NewMem())
	defer broker.Close()
	for _, err := range lines.Consume(t.Context(), processor.OnLog(broker)) {
		if !errors.Is(err, log.ErrUnknownTopic) {
			t.Errorf("got %v, want ErrUnknownTopic", err)
		}
		if !strings.Contains(err.Error(), "Topic.Create makes it") {
			t.Errorf("no way out in %v", err)
		}
	}
	produceLines(t, broker, "not a number")
	numbers := processor.NewTopic[string, int64]("lines")
	reported := false
	for _, err := range numbers.Consume(t.Context(), processor.OnLog(broker), processor.StopAtEnd()) {
		reported = err != nil && strings.Contains(err.Error(), "offset 0: decode value")
	}
	if !reported {
		t.Error("no error for a value that is no int64")
	}
}

func TestTopicKeepsItsFaults(t *testing.T) {
	for name, topic := range map[string]interface{ Err() error }{
		"map as key":     processor.NewTopic[map[string]int, string]("t"),
		"bad name":       processor.NewTopic[string, string]("no/slash"),
		"no partitions":  processor.NewTopic[string, string]("t").WithPartitions(0),
		"nil serde":      processor.NewTopic[string, string]("t").WithValueSerde(nil),
		"zero":           processor.Topic[string, string]{},
		"channel inside": processor.NewTopic[string, chan int]("t"),
	} {
		if topic.Err() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := processor.NewTopic[string, string]("t").Err(); err != nil {
		t.Error(err)
	}
}

// TestConsumeOfADirectoryMakesNothing: a mistyped path is an error, and a
// directory that an App runs on can be read beside it.
func TestConsumeOfADirectoryMakesNothing(t *testing.T) {
	dir := t.TempDir()
	typo := filepath.Join(dir, "typo")
	for _, err := range counts.Consume(t.Context(), processor.OnDir(typo), processor.StopAtEnd()) {
		if !errors.Is(err, log.ErrNotALog) {
			t.Errorf("%v, want ErrNotALog", err)
		}
	}
	if _, err := os.Stat(typo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
	broker, err := log.Open(filepath.Join(dir, "log"), log.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	if err := counts.Create(processor.OnLog(broker)); err != nil {
		t.Fatal(err)
	}
	if err := counts.Produce(t.Context(), broker.NewProducer(), processor.KV("a", int64(7))); err != nil {
		t.Fatal(err)
	}
	read := 0
	for r, err := range counts.Consume(t.Context(), processor.OnDir(filepath.Join(dir, "log")), processor.StopAtEnd()) {
		if err != nil || r.Key != "a" || r.Value != 7 {
			t.Fatalf("%v, %v", r, err)
		}
		read++
	}
	if read != 1 {
		t.Errorf("read %d records, want 1", read)
	}
}
