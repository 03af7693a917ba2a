package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/google/go-cmp/cmp"
)

func openLog(t testing.TB, fsys vfs.FS) *log.Broker {
	t.Helper()
	b, err := log.OpenFS(fsys, log.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func newSource(t testing.TB, b *log.Broker, cfg Config) *Source {
	t.Helper()
	s, err := New(b, "lines", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// topicLines returns the values of a topic, by partition.
func topicLines(t testing.TB, b *log.Broker, topic string) [][]string {
	t.Helper()
	d, err := b.Topic(topic)
	if err != nil {
		t.Fatal(err)
	}
	c := b.NewConsumer()
	defer c.Close()
	lines := make([][]string, len(d.Partitions))
	for _, p := range d.Partitions {
		if err := c.Assign(log.TopicPartition{Topic: topic, Partition: p.Partition}, p.Start); err != nil {
			t.Fatal(err)
		}
	}
	for {
		fetches, err := c.Fetch(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			return lines
		}
		for i := range fetches {
			f := &fetches[i]
			var r log.Record
			for f.Records.Next(&r) {
				if topic == "lines" && (r.Key != nil || r.Value == nil) {
					t.Errorf("offset %d of %s: key %q, value %q, want a line and no key", r.Offset, f.TopicPartition, r.Key, r.Value)
				}
				lines[f.Partition] = append(lines[f.Partition], string(r.Value))
			}
			if err := f.Records.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A step changes a file, or not, and says what a new Source makes of it.
type step struct {
	text  string
	lines []string // in the topic afterwards
	err   error
}

func TestFileAddsWhatIsNew(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"read to its end adds nothing", []step{{"a\nb\n", []string{"a", "b"}, nil}, {"a\nb\n", []string{"a", "b"}, nil}}},
		{"grown by lines", []step{{"a\n", []string{"a"}, nil}, {"a\n\nb\n", []string{"a", "", "b"}, nil}}},
		{"empty, then not", []step{{"", nil, nil}, {"a\n", []string{"a"}, nil}}},
		{"bytes stay", []step{{"a\r\n\xff\xfe\x00\xc3\n\xef\xbb\xbfé\r", []string{"a\r", "\xff\xfe\x00\xc3", "\xef\xbb\xbfé\r"}, nil}}},
		{"last line without a newline", []step{
			{"a\nb", []string{"a", "b"}, nil},
			{"a\nb", []string{"a", "b"}, nil},
			{"a\nb\n", []string{"a", "b"}, nil},
			{"a\nb\nc", []string{"a", "b", "c"}, nil},
			{"a\nb\nc\n\n", []string{"a", "b", "c", ""}, nil}}},
		{"last line that grew", []step{{"a\nb", []string{"a", "b"}, nil}, {"a\nbc\n", []string{"a", "b"}, ErrLineGrew}}},
		{"last line that grew by a carriage return", []step{{"b", []string{"b"}, nil}, {"b\r\n", []string{"b"}, ErrLineGrew}}},
		{"truncated", []step{{"a\nb\n", []string{"a", "b"}, nil}, {"a\n", []string{"a", "b"}, ErrTruncated}}},
		{"truncated to nothing", []step{{"a\n", []string{"a"}, nil}, {"", []string{"a"}, ErrTruncated}}},
		{"replaced", []step{{"a\nb\n", []string{"a", "b"}, nil}, {"a\nc\nd\n", []string{"a", "b"}, ErrReplaced}}},
		{"replaced, and back again", []step{
			{"a\n", []string{"a"}, nil}, {"b\n", []string{"a"}, ErrReplaced}, {"a\nb\n", []string{"a", "b"}, nil}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := openLog(t, vfs.NewMem())
			path := filepath.Join(t.TempDir(), "file")
			for i, step := range c.steps {
				write(t, path, step.text)
				s := newSource(t, b, Config{})
				err := s.ReadFiles(t.Context(), []string{path})
				if !errors.Is(err, step.err) || err != nil && !strings.Contains(err.Error(), path) {
					t.Fatalf("step %d: want error %v, got %v", i, step.err, err)
				}
				if diff := cmp.Diff([][]string{step.lines}, topicLines(t, b, "lines")); diff != "" {
					t.Fatalf("step %d, lines (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestProgressCountsWhatIsCommitted(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write(t, one, "a\nb\n")
	if err := newSource(t, b, Config{}).ReadFiles(t.Context(), []string{one}); err != nil {
		t.Fatal(err)
	}
	write(t, one, "a\nb\nc")
	write(t, two, "d\n")
	s := newSource(t, b, Config{})
	if err := s.ReadFiles(t.Context(), []string{one, two, one}); err != nil {
		t.Fatal(err)
	}
	want := Progress{FilesDone: 2, FilesTotal: 2, BytesDone: 7, BytesTotal: 7, BytesBefore: 4, Lines: 2, Commits: 1}
	if got := s.Progress(); got != want {
		t.Errorf("want %+v\ngot  %+v", want, got)
	}
	s = newSource(t, b, Config{})
	if err := s.ReadFiles(t.Context(), []string{one, two}); err != nil {
		t.Fatal(err)
	}
	want = Progress{FilesDone: 2, FilesTotal: 2, BytesDone: 7, BytesTotal: 7, BytesBefore: 7}
	if got := s.Progress(); got != want {
		t.Errorf("nothing new: want %+v\ngot  %+v", want, got)
	}
}

func TestNothingIsReadWhereAFileCannotBe(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	write(t, good, "a\n")
	locked := filepath.Join(dir, "locked")
	write(t, locked, "b\n")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		skip       bool
		want       error
	}{
		{"missing", filepath.Join(dir, "gone"), false, os.ErrNotExist},
		{"directory", dir, false, ErrNotAFile},
		{"device", os.DevNull, runtime.GOOS == "windows", ErrNotAFile},
		{"unreadable", locked, runtime.GOOS == "windows" || os.Getuid() == 0, os.ErrPermission},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.skip {
				t.Skip("this user or system has none")
			}
			b := openLog(t, vfs.NewMem())
			err := newSource(t, b, Config{}).ReadFiles(t.Context(), []string{good, c.path})
			if !errors.Is(err, c.want) || strings.Count(err.Error(), c.path) != 1 {
				t.Errorf("want %v that names %s once, got %v", c.want, c.path, err)
			}
			if got := topicLines(t, b, "lines"); len(got[0]) > 0 {
				t.Errorf("want nothing read, got %q", got)
			}
		})
	}
}

func TestLongLineIsRefusedUntilTheLimitIsRaised(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	path := filepath.Join(t.TempDir(), "file")
	const limit = 100
	for _, tail := range []string{"\nafter\n", "\n", ""} {
		long := strings.Repeat("x", limit+1)
		write(t, path, "before\n"+strings.Repeat("y", limit)+"\n"+long+tail)
		small := Config{MaxLineBytes: limit, ReadBytes: 16, CommitBytes: 1}
		err := newSource(t, b, small).ReadFiles(t.Context(), []string{path})
		var fileErr *FileError
		if !errors.Is(err, ErrLineTooLong) || !errors.As(err, &fileErr) || fileErr.Line != 3 || fileErr.Path != path ||
			!strings.Contains(err.Error(), "100 bytes") || !strings.Contains(err.Error(), "MaxLineBytes") {
			t.Errorf("want line 3 refused with limit and option, got %v", err)
		}
		if got := topicLines(t, b, "lines")[0]; len(got) != 2 || got[0] != "before" {
			t.Errorf("want the lines before, got %q", got)
		}
	}
	if err := newSource(t, b, Config{MaxLineBytes: limit + 1}).ReadFiles(t.Context(), []string{path}); err != nil {
		t.Error(err)
	}
	if got := topicLines(t, b, "lines")[0]; len(got) != 3 || len(got[2]) != limit+1 {
		t.Errorf("want the long line too, got %q", got)
	}
}

func TestLineAsLongAsTheDefaultFits(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, strings.Repeat("x", DefaultMaxLineBytes)+"\n")
	if err := newSource(t, b, Config{}).ReadFiles(t.Context(), []string{path}); err != nil {
		t.Error(err)
	}
}

func TestTopicWithALowerLimitIsNamed(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	if _, err := b.CreateTopic("lines", log.TopicConfig{MaxMessageBytes: 200}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, strings.Repeat("x", 200)+"\n")
	err := newSource(t, b, Config{}).ReadFiles(t.Context(), []string{path})
	if !errors.Is(err, ErrLineTooLong) || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("want a line that is too long for its topic, got %v", err)
	}
}

func TestLinesSpreadByPathAndPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	const block = 1 << blockShift
	line := strings.Repeat("x", block/4-1) // four lines a block
	write(t, path, strings.Repeat(line+"\n", 4*8))
	var first [][]string
	for _, cfg := range []Config{{Partitions: 4}, {Partitions: 4, ReadBytes: 100, CommitBytes: 1}} {
		b := openLog(t, vfs.NewMem())
		if err := newSource(t, b, cfg).ReadFiles(t.Context(), []string{path}); err != nil {
			t.Fatal(err)
		}
		got := topicLines(t, b, "lines")
		for p := range got {
			if len(got[p]) != 8 {
				t.Errorf("partition %d: %d lines, want 8", p, len(got[p]))
			}
		}
		if first != nil && !slices.EqualFunc(first, got, slices.Equal) {
			t.Error("another way of reading gives another order")
		}
		first = got
	}
}

func TestTopicWithOtherPartitionsIsRefused(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	newSource(t, b, Config{Partitions: 4})
	if _, err := New(b, "lines", Config{Partitions: 5}); err == nil || !strings.Contains(err.Error(), "has 4 partitions, want 5") {
		t.Errorf("want both numbers, got %v", err)
	}
	if _, err := New(b, "lines", Config{}); err != nil {
		t.Error(err)
	}
}

func TestEarlierSourceIsFenced(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "a\n")
	older, newer := newSource(t, b, Config{}), newSource(t, b, Config{})
	if err := newer.ReadFiles(t.Context(), []string{path}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := older.ReadFiles(t.Context(), []string{path}); !errors.Is(err, log.ErrFenced) {
			t.Errorf("want ErrFenced, got %v", err)
		}
	}
	if diff := cmp.Diff([][]string{{"a"}}, topicLines(t, b, "lines")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestEndedContextKeepsWhatWasRead(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	path := filepath.Join(t.TempDir(), "file")
	var text bytes.Buffer
	for i := range 10_000 {
		fmt.Fprintln(&text, i)
	}
	write(t, path, text.String())
	ctx, cancel := context.WithCancel(t.Context())
	reads := 0
	stopping := Config{ReadBytes: 512, CommitBytes: 1 << 10}
	s := newSource(t, b, stopping)
	s.cfg.Now = func() time.Time {
		if reads++; reads == 20 {
			cancel()
		}
		return time.Time{}
	}
	if err := s.ReadFiles(ctx, []string{path}); !errors.Is(err, context.Canceled) {
		t.Fatalf("want context.Canceled, got %v", err)
	}
	part := topicLines(t, b, "lines")[0]
	if len(part) == 0 || len(part) == 10_000 || int64(len(part)) != s.Progress().Lines {
		t.Errorf("%d lines in the topic, %d in the progress", len(part), s.Progress().Lines)
	}
	if err := newSource(t, b, stopping).ReadFiles(t.Context(), []string{path}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(topicLines(t, b, "lines")[0], "\n") + "\n"; got != text.String() {
		t.Error("the rest did not follow")
	}
}

// Lines are copied into the commit without a heap object of their own.
func TestLinesAllocateNothing(t *testing.T) {
	b := openLog(t, vfs.NewMem())
	path := filepath.Join(t.TempDir(), "file")
	const lines = 100_000
	write(t, path, strings.Repeat("some words on a line\n", lines))
	var before, after runtime.MemStats
	s := newSource(t, b, Config{})
	runtime.ReadMemStats(&before)
	if err := s.ReadFiles(t.Context(), []string{path}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > lines/20 { // the log and its file system have some a page
		t.Errorf("%d allocations for %d lines", n, lines)
	}
}
