package files

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/google/go-cmp/cmp"
)

func TestReaderIsCommittedWhenItPauses(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	s := newSource(t, b, Config{})
	in, out := io.Pipe()
	done := make(chan error)
	go func() { done <- s.ReadFrom(t.Context(), "-", in) }()

	c := b.NewConsumer()
	defer c.Close()
	if err := c.Assign(log.TopicPartition{Topic: "lines"}, 0); err != nil {
		t.Fatal(err)
	}
	for _, said := range []struct{ text, line string }{{"one\n", "one"}, {"t", ""}, {"wo\nthr", "two"}, {"ee\n", "three"}} {
		if _, err := io.WriteString(out, said.text); err != nil {
			t.Fatal(err)
		}
		if said.line == "" {
			continue
		}
		fetches, err := c.Poll(t.Context(), 1<<20) // the pipe stays open, so only a commit ends this
		if err != nil {
			t.Fatal(err)
		}
		var r log.Record
		if !fetches[0].Records.Next(&r) || string(r.Value) != said.line {
			t.Errorf("want %q, got %q", said.line, r.Value)
		}
	}
	if _, err := io.WriteString(out, "last"); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"one", "two", "three", "last"}}, topicLines(t, b, "lines")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if got := s.Progress(); got.Lines != 4 || got.BytesDone != int64(len("one\ntwo\nthree\nlast")) {
		t.Errorf("progress %+v", got)
	}
}

func TestReaderKeepsItsBytesHoweverTheyCome(t *testing.T) {
	text := "a\r\n\n\xff\xfe\n" + strings.Repeat("x", 5000) + "\n" + strings.Repeat("line\n", 3000) + "end"
	want := strings.Split(text, "\n")
	for name, r := range map[string]io.Reader{
		"all":           strings.NewReader(text),
		"halves":        iotest.HalfReader(strings.NewReader(text)),
		"end with data": iotest.DataErrReader(strings.NewReader(text)),
	} {
		t.Run(name, func(t *testing.T) {
			b := openLog(t, vfs.NewMem())
			if err := newSource(t, b, Config{ReadBytes: 64, CommitBytes: 256}).ReadFrom(t.Context(), "-", r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]string{want}, topicLines(t, b, "lines")); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("cable broken")
	for _, c := range []struct {
		name   string
		reader io.Reader
		want   error
		text   string
	}{
		{"of the reader", io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), broken, "-: cable broken"},
		{"of a line", strings.NewReader("a\n" + strings.Repeat("x", 200)), ErrLineTooLong, "-, line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := openLog(t, vfs.NewMem())
			err := newSource(t, b, Config{MaxLineBytes: 100}).ReadFrom(t.Context(), "-", c.reader)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("want %v, %q, got %v", c.want, c.text, err)
			}
			if diff := cmp.Diff([][]string{{"a"}}, topicLines(t, b, "lines")); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEndedContextLeavesTheReader(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- newSource(t, b, Config{}).ReadFrom(ctx, "-", in) }()
	if _, err := io.WriteString(out, "a\nb"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(out, "c"); err != nil { // "a\nb" is taken, or at hand
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("want context.Canceled, got %v", err)
	}
}
