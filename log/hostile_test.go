package log

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// TestLeftoverFileIsNotTakenForTheNext: an opening that was cut short, and
// whose checkpoint a power cut took back, leaves a file with a higher number
// than the log goes on with.
func TestLeftoverFileIsNotTakenForTheNext(t *testing.T) {
	fsys := vfs.NewMem()
	if err := open(t, fsys, Config{JournalBytes: 64 << 10}).Close(); err != nil {
		t.Fatal(err)
	}
	for n := uint64(2); n < 8; n++ {
		left := fsys.KillProcess()
		leftover, err := journal.New(journal.Config{FS: vfs.Sub(left, journalDir), FileBytes: 100, Now: time.Now}, n)
		if err != nil {
			t.Fatal(err)
		}
		if err := leftover.Close(); err != nil {
			t.Fatal(err)
		}
		b := open(t, left, Config{JournalBytes: 64 << 10})
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 8 {
			want = append(want, fmt.Sprint(i))
			produce(t, b, "t", fmt.Sprint(i))
			again, err := OpenFS(left.KillProcess(), Config{JournalBytes: 64 << 10})
			if err != nil {
				t.Fatalf("leftover %d, %d commits: %v", n, i+1, err)
			}
			if got := readAll(t, again, TopicPartition{"t", 0}); !slices.Equal(got, want) {
				t.Fatalf("leftover %d: %q, want %q", n, got, want)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCommitsThatRaceWithCloseAreWhole: what is acknowledged while the log is
// closed is there when it is opened again, offsets and topics as well as
// records.
func TestCommitsThatRaceWithCloseAreWhole(t *testing.T) {
	for range 200 {
		fsys := vfs.NewMem()
		b := open(t, fsys, Config{Durability: OS})
		tp := TopicPartition{"t", 0}
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var acked Offset
		topics := 0
		first := make(chan struct{})
		wg.Go(func() {
			c := b.NewCommitBuilder()
			for i := Offset(1); ; i++ {
				err := errors.Join(c.Append("t", 0, &Record{}), c.SetOffset("g", tp, CommittedOffset{Offset: i}))
				if err != nil {
					t.Error(err)
				}
				if _, err := b.Commit(c.Build()); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				if acked = i; i == 1 {
					close(first)
				}
			}
		})
		wg.Go(func() {
			for {
				if _, err := b.CreateTopic(fmt.Sprint("t", topics), TopicConfig{}); err != nil {
					return
				}
				topics++
			}
		})
		<-first
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		b = open(t, fsys, Config{})
		_, end, err := b.Offsets(tp)
		o, _ := b.Committed("g", tp)
		if err != nil || end != acked || o.Offset != acked || len(b.Topics()) != topics+1 {
			t.Fatalf("%d commits, offset %d, %d topics, %v; want %d commits and %d topics", end, o.Offset, len(b.Topics()), err, acked, topics+1)
		}
	}
}

// TestFullDiskInTheSyncOfASegmentPoisons: unlike one that refuses a write, it
// has lost what was written, and the journal must not be given up for it.
func TestFullDiskInTheSyncOfASegmentPoisons(t *testing.T) {
	var full bool
	mem := vfs.NewMem()
	fsys := vfs.Fail(mem, func(op vfs.Op) error {
		if full && op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, ".log") {
			full = false
			return &vfs.LostSync{Err: syscall.ENOSPC}
		}
		return nil
	})
	b := open(t, fsys, Config{stepped: true, TailBytes: 4 << 10, JournalBytes: 4 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	full = true
	acked := 0
	var err error
	for p := b.NewProducer(); err == nil && acked < 100; {
		if err = p.Produce(t.Context(), "t", Record{Value: make([]byte, 1000)}); err == nil {
			acked++
		}
	}
	if !errors.Is(err, ErrPoisoned) {
		t.Errorf("%v, want ErrPoisoned", err)
	}
	again := open(t, mem.Crash(nil), Config{})
	if got := readAll(t, again, TopicPartition{"t", 0}); len(got) < acked {
		t.Errorf("%d records after a power cut, %d were acknowledged", len(got), acked)
	}
}

// TestSegmentsFollowEachOtherAfterAFullDisk fills the disk where the second
// segment of a flush begins: what went to the first is not written again.
func TestSegmentsFollowEachOtherAfterAFullDisk(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpCreate, vfs.OpWrite} {
		var full bool
		segments := 0
		fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
			if strings.HasSuffix(op.Name, ".log") && op.Kind == kind && full {
				if segments++; segments > 1 {
					return syscall.ENOSPC
				}
			}
			return nil
		})
		b := open(t, fsys, Config{stepped: true, SegmentBytes: 1 << 10})
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprintf("%d %s", i, strings.Repeat("x", 300)))
			produce(t, b, "t", want[i])
		}
		full = true
		if err := b.flush(); !vfs.IsNoSpace(err) {
			t.Fatalf("%v fails: flush: %v, want a full disk", kind, err)
		}
		full = false
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
		if err := b.unsynced.sync(); err != nil {
			t.Fatal(err)
		}
		b.pub.RLock()
		p := b.pub.topics["t"].partitions()[0]
		e := p.entryLocked()
		b.pub.RUnlock()
		if err := e.check(); err != nil || e.end != p.end {
			t.Errorf("%v fails: segments to %d of %d, %v", kind, e.end, p.end, err)
		}
		if got := readAll(t, b, TopicPartition{"t", 0}); !slices.Equal(got, want) {
			t.Errorf("%v fails: %d records, want %d", kind, len(got), len(want))
		}
	}
}

// TestLongGroupNameIsRefused: the format has 16 bits for its length.
func TestLongGroupNameIsRefused(t *testing.T) {
	fsys := vfs.NewMem()
	b := open(t, fsys, Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	tp := TopicPartition{"t", 0}
	c := b.NewCommitBuilder()
	if err := c.SetOffset(strings.Repeat("g", 1<<16), tp, CommittedOffset{}); err == nil {
		t.Error("a group name of 64 KiB was taken")
	}
	if err := c.SetOffset(strings.Repeat("g", maxGroupBytes), tp, CommittedOffset{Offset: 7}); err != nil {
		t.Error(err)
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
	again, err := OpenFS(fsys.KillProcess(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := again.Committed(strings.Repeat("g", maxGroupBytes), tp); o.Offset != 7 {
		t.Errorf("offset %d, want 7", o.Offset)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCommitHappensOnce: its batches are what readers see, so it must not be
// numbered again.
func TestCommitHappensOnce(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	builder := b.NewCommitBuilder()
	if err := builder.Append("t", 0, &Record{Value: []byte("once")}); err != nil {
		t.Fatal(err)
	}
	c := builder.Build()
	if _, err := b.Commit(c); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(c); err == nil {
		t.Error("committed twice")
	}
	if got := readAll(t, b, TopicPartition{"t", 0}); !slices.Equal(got, []string{"once"}) {
		t.Errorf("%q, want it once", got)
	}
}

// TestReaderIsWokenByACheckpointAlone: the owner wrote and closed between two
// looks of the reader, which finds everything in segments.
func TestReaderIsWokenByACheckpointAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewMem()
		owner, c := followed(t, fsys)
		got := make(chan []Fetch, 1)
		go func() {
			fetches, err := c.Poll(t.Context(), 1)
			if err != nil {
				t.Error(err)
			}
			got <- fetches
		}()
		synctest.Wait()
		produce(t, owner, "t", "last words")
		if err := owner.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
		case <-time.After(time.Minute): // of the clock in the bubble
			t.Error("the reader was not woken")
		}
	})
}

// TestConsumerIsClosedWhileItAssigns is for the race detector.
func TestConsumerIsClosedWhileItAssigns(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: 8}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		c := b.NewConsumer()
		closed := make(chan struct{})
		go func() {
			c.Close()
			close(closed)
		}()
		var err error
		for i := int32(0); err == nil; i++ {
			tp := TopicPartition{"t", i % 8}
			c.Unassign(tp)
			err = c.Assign(tp, 0)
		}
		if !errors.Is(err, ErrClosed) {
			t.Fatalf("%v, want ErrClosed", err)
		}
		if _, err := c.Fetch(1); !errors.Is(err, ErrClosed) {
			t.Fatalf("fetch: %v, want ErrClosed", err)
		}
		<-closed
	}
	for _, p := range b.pub.topics["t"].partitions() {
		if len(p.consumers) != 0 {
			t.Fatalf("%s has %d consumers", p.tp, len(p.consumers))
		}
	}
}

// TestFullDiskInRecoveryIsNotCorruption: the journal is sound, and opening
// works once there is room.
func TestFullDiskInRecoveryIsNotCorruption(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		produce(t, b, "t", strings.Repeat("x", 1000))
	}
	fsys := vfs.Fail(mem.KillProcess(), func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".log") {
			return syscall.ENOSPC
		}
		return nil
	})
	_, err := OpenFS(fsys, Config{TailBytes: 4 << 10})
	if !vfs.IsNoSpace(err) || errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want a full disk", err)
	}
}

// metas describes segments by base, end and size.
func metas(of ...[3]int64) (ms []segment.Meta) {
	for _, m := range of {
		ms = append(ms, segment.Meta{Base: m[0], First: m[0], End: m[1], SizeBytes: m[2]})
	}
	return ms
}

// TestCheckpointThatMakesNoSenseIsRefused writes checkpoints whose checksum is
// right: nothing in them may make the log, or those who look at it, panic or
// take memory without bounds.
func TestCheckpointThatMakesNoSenseIsRefused(t *testing.T) {
	id := uuid.UUID{1}
	for name, e := range map[string]partitionEntry{
		"end without segments": {at: partitionID{topic: id}, end: 5},
		"negative start":       {at: partitionID{topic: id}, start: -1, end: -1},
		"negative size":        {at: partitionID{topic: id}, end: 5, segments: metas([3]int64{0, 5, -1})},
		"hole":                 {at: partitionID{topic: id}, end: 9, segments: metas([3]int64{0, 5, 0}, [3]int64{6, 9, 0})},
		"overlap":              {at: partitionID{topic: id}, end: 9, segments: metas([3]int64{0, 5, 0}, [3]int64{4, 9, 0})},
		"size of nothing":      {at: partitionID{topic: id}, end: 5, segments: metas([3]int64{0, 5, math.MaxInt64})},
		"epochs backwards":     {at: partitionID{topic: id}, epochs: []epochStart{{2, 0}, {1, 1}}},
		"negative partition":   {at: partitionID{id, -1}},
		"partition too high":   {at: partitionID{id, math.MaxInt32}, end: 5, segments: metas([3]int64{0, 5, 7})},
	} {
		fsys := vfs.NewMem()
		b := open(t, fsys, Config{})
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		dir := path.Join(topicsDir, id.String(), "0")
		if err := fsys.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, base := range []string{"0", "4", "6"} {
			f, err := fsys.OpenFile(path.Join(dir, strings.Repeat("0", 19)+base+".log"), os.O_RDWR|os.O_CREATE, 0o600)
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		s := &snapshot{first: 1, entries: topicEntry{id, "t", defaultTopicConfig()}.appendTo(nil)}
		s.entries = e.appendTo(s.entries)
		if err := vfs.WriteFileAtomic(fsys, checkpointName, b.encodeCheckpoint(s, true)); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFS(fsys, Config{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		if err := dumpFS(io.Discard, fsys, DumpConfig{Records: true}); err != nil && errors.Is(err, ErrNotALog) {
			t.Errorf("%s: dump: %v", name, err)
		}
	}
}
