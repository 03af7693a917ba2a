package log

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// small is a log whose segments and journal are small enough to have many.
func small() Config {
	return Config{JournalBytes: 16 << 10, SegmentBytes: 1 << 10, TailBytes: 4 << 10, stepped: true}
}

// fill appends n records to a topic, each a commit of about 120 bytes.
func fill(t testing.TB, b *Broker, topic string, n int) {
	t.Helper()
	for i := range n {
		produce(t, b, topic, fmt.Sprintf("%05d %s", i, strings.Repeat("x", 40)))
	}
}

func TestDeleteRecords(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, small())
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateTopic("kept", TopicConfig{CleanupPolicy: CleanupCompact}); err != nil {
		t.Fatal(err)
	}
	tp := TopicPartition{"t", 0}
	fill(t, b, "t", 100)
	for _, step := range []struct {
		before, want Offset
		err          error
	}{
		{0, 0, nil},
		{37, 37, nil},
		{36, 37, nil},
		{101, 0, ErrOffsetOutOfRange},
		{-2, 0, ErrOffsetOutOfRange},
		{HighWatermark, 100, nil},
		{HighWatermark, 100, nil},
	} {
		start, err := b.DeleteRecords(tp, step.before)
		if start != step.want || !errors.Is(err, step.err) {
			t.Fatalf("below %d: start %d, %v; want %d, %v", step.before, start, err, step.want, step.err)
		}
		if err == nil {
			if got := readAll(t, b, tp); len(got) != 100-int(start) {
				t.Fatalf("below %d: %d records left, want %d", step.before, len(got), 100-start)
			}
		}
	}
	for tp, want := range map[TopicPartition]error{
		{"kept", 0}: ErrPolicyViolation, {"t", 1}: ErrUnknownTopic, {"nothing", 0}: ErrUnknownTopic,
	} {
		if _, err := b.DeleteRecords(tp, 0); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", tp, err, want)
		}
	}
	fill(t, b, "t", 10)
	for range 2 {
		mem = mem.KillProcess()
		again := open(t, mem, small())
		if start, end, err := again.Offsets(tp); start != 100 || end != 110 || err != nil {
			t.Fatalf("opened again: offsets %d to %d, %v; want 100 to 110", start, end, err)
		}
		readAll(t, again, tp)
	}
}

// TestDeleteRecordsOfTheTail moves the log start past all segments, to where
// only memory and the journal have the records, while a checkpoint is written.
func TestDeleteRecordsOfTheTail(t *testing.T) {
	for _, flushed := range []int{0, 20} {
		t.Run(fmt.Sprintf("%d flushed", flushed), func(t *testing.T) {
			mem := vfs.NewMem()
			b := open(t, mem, Config{stepped: true})
			if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
				t.Fatal(err)
			}
			tp := TopicPartition{"t", 0}
			fill(t, b, "t", flushed)
			if err := b.flush(); err != nil {
				t.Fatal(err)
			}
			if err := b.journal.Exclusive(b.journal.Roll); err != nil {
				t.Fatal(err)
			}
			b.pub.RLock()
			s := b.snapshotLocked(b.journal.Next())
			b.pub.RUnlock()
			fill(t, b, "t", 10)
			want := Offset(flushed + 5)
			if _, err := b.DeleteRecords(tp, want); err != nil {
				t.Fatal(err)
			}
			// As the flusher would write it that had flushed before that.
			if err := b.unsynced.sync(); err != nil {
				t.Fatal(err)
			}
			if err := vfs.WriteFileAtomic(mem, checkpointName, b.encodeCheckpoint(s, false)); err != nil {
				t.Fatal(err)
			}
			again := open(t, mem.KillProcess(), Config{stepped: true})
			if start, end, err := again.Offsets(tp); start != want || end != want+5 || err != nil {
				t.Fatalf("offsets %d to %d, %v; want %d to %d", start, end, err, want, want+5)
			}
			if got := readAll(t, again, tp); len(got) != 5 {
				t.Fatalf("%d records, want 5", len(got))
			}
		})
	}
}

// TestReclaimGivesSpaceBack: after a large deletion the files go at the next
// checkpoint, which is not left to chance.
func TestReclaimGivesSpaceBack(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, small())
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	fill(t, b, "t", 200)
	if err := b.flush(); err != nil {
		t.Fatal(err)
	}
	before := segmentFiles(t, mem)
	if _, err := b.DeleteRecords(TopicPartition{"t", 0}, HighWatermark); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time the journal file is empty
		if err := b.reclaim(); err != nil {
			t.Fatal(err)
		}
	}
	if after := segmentFiles(t, mem); after > 3 || before < 20 {
		t.Fatalf("%d files of segments before, %d after; want at least 20 and at most 3", before, after)
	}
	fill(t, b, "t", 10)
	if got := readAll(t, open(t, mem.KillProcess(), small()), TopicPartition{"t", 0}); len(got) != 10 {
		t.Fatalf("%d records, want 10", len(got))
	}
}

// segmentFiles counts the files of all segments.
func segmentFiles(t testing.TB, fsys vfs.FS) (n int) {
	t.Helper()
	for _, name := range segmentNames(t, fsys) {
		if strings.HasSuffix(name, ".log") || strings.HasSuffix(name, "index") {
			n++
		}
	}
	return n
}

// segmentNames lists the files in all directories of partitions.
func segmentNames(t testing.TB, fsys vfs.FS) (names []string) {
	t.Helper()
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fsys.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := dir + "/" + e.Name(); e.IsDir() {
				walk(name)
			} else {
				names = append(names, name)
			}
		}
	}
	walk(topicsDir)
	return names
}
