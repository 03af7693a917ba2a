package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

func TestSecondOwnerIsRefused(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Config{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("%v, want ErrLocked", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b, err = Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyFollowsTheOwner reads beside the owner, through rolls,
// checkpoints and a restart of the owner.
func TestReadOnlyFollowsTheOwner(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReadOnly(dir, Config{}); !errors.Is(err, ErrNotALog) {
		t.Fatalf("empty directory: %v, want ErrNotALog", err)
	}
	cfg := Config{JournalBytes: 16 << 10, SegmentBytes: 8 << 10, TailBytes: 32 << 10}
	owner, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	produce(t, owner, "t", "0")
	reader, err := OpenReadOnly(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	c := reader.NewConsumer()
	defer c.Close()
	if err := c.Assign(TopicPartition{"t", 0}, 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	next := 0
	readTo := func(want int) {
		t.Helper()
		for next < want {
			fetches, err := c.Poll(ctx, 1<<20)
			if err != nil {
				t.Fatalf("at %d of %d: %v", next, want, err)
			}
			var r Record
			for fetches[0].Records.Next(&r) {
				if v, _, _ := strings.Cut(string(r.Value), " "); v != fmt.Sprint(next) {
					t.Fatalf("got %q, want %d", v, next)
				}
				next++
			}
		}
	}
	readTo(1)
	for i := 1; i < 500; i++ {
		produce(t, owner, "t", fmt.Sprintf("%d %s", i, strings.Repeat("x", 300)))
		if i%100 == 0 {
			readTo(i + 1)
		}
		if i%250 == 0 {
			if err := owner.Close(); err != nil {
				t.Fatal(err)
			}
			if owner, err = Open(dir, cfg); err != nil {
				t.Fatal(err)
			}
		}
	}
	readTo(500)
	if _, err := reader.CreateTopic("u", TopicConfig{}); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("%v, want ErrReadOnly", err)
	}
	if err := reader.NewProducer().Produce(ctx, "t", Record{}); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("%v, want ErrReadOnly", err)
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOffsetsAndTopicsSurvive(t *testing.T) {
	fsys := vfs.NewMem()
	b := open(t, fsys, Config{})
	want, err := b.CreateTopic("t", TopicConfig{Partitions: 2, CleanupPolicy: CleanupCompact, MaxMessageBytes: 5000})
	if err != nil {
		t.Fatal(err)
	}
	tp := TopicPartition{"t", 1}
	c := b.NewCommitBuilder()
	if err := c.SetOffset("g", tp, CommittedOffset{Offset: 0, Metadata: "here"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"killed", "closed"} {
		if how == "killed" {
			fsys = fsys.KillProcess()
		} else if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = open(t, fsys, Config{})
		got, err := b.Topic("t")
		if err != nil || got.ID != want.ID || got.Config != want.Config {
			t.Fatalf("%s: %+v, %v; want %+v", how, got, err, want)
		}
		if o, ok := b.Committed("g", tp); !ok || o.Metadata != "here" {
			t.Fatalf("%s: offset %+v, %v", how, o, ok)
		}
	}
}

func TestLargeCommitIsSplitAndWhole(t *testing.T) {
	fsys := vfs.NewMem()
	b := open(t, fsys, Config{Durability: OS})
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: 2, MaxMessageBytes: 64 << 20}); err != nil {
		t.Fatal(err)
	}
	c := b.NewCommitBuilder()
	big := make([]byte, 20<<20) // two of them make two parts
	for p := range int32(2) {
		if err := c.Append("t", p, &Record{Value: big}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
	b = open(t, fsys.KillProcess(), Config{})
	for p := range int32(2) {
		if got := readAll(t, b, TopicPartition{"t", p}); len(got) != 1 || len(got[0]) != len(big) {
			t.Fatalf("partition %d holds %d records", p, len(got))
		}
	}
	if err := c.Append("t", 0, &Record{Value: make([]byte, 64<<20)}); !errors.Is(err, ErrRecordTooLarge) {
		t.Fatalf("%v, want ErrRecordTooLarge", err)
	}
}

func TestFailedWriteOfASegmentPoisons(t *testing.T) {
	var broken bool
	fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
		if broken && op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".log") {
			return syscall.EIO
		}
		return nil
	})
	b := open(t, fsys, Config{stepped: true, TailBytes: 4 << 10})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	produce(t, b, "t", "before")
	broken = true
	p := b.NewProducer()
	var err error
	for i := 0; err == nil && i < 100; i++ {
		err = p.Produce(t.Context(), "t", Record{Value: make([]byte, 1000)})
	}
	if !errors.Is(err, ErrPoisoned) || b.Err() == nil {
		t.Fatalf("%v, want ErrPoisoned", err)
	}
	if got := readAll(t, b, TopicPartition{"t", 0}); got[0] != "before" {
		t.Fatalf("reads stopped: %q", got)
	}
}

// TestFullDiskAtEveryWrite fills the disk at each write of a script. What was
// acknowledged stays, and the log goes on by itself when there is room again.
func TestFullDiskAtEveryWrite(t *testing.T) {
	for fullAt := 0; ; fullAt++ {
		writes, full := 0, false
		mem := vfs.NewMem()
		fsys := vfs.Fail(mem, func(op vfs.Op) error {
			switch op.Kind {
			case vfs.OpWrite, vfs.OpPreallocate, vfs.OpCreate:
				writes++
				full = full || writes == fullAt+1
				if full && op.Kind == vfs.OpWrite && op.Bytes > 10 {
					return &vfs.ShortWrite{Bytes: 10, Err: syscall.ENOSPC}
				}
				if full {
					return syscall.ENOSPC
				}
			}
			return nil
		})
		cfg := Config{stepped: true, JournalBytes: 4 << 10, SegmentBytes: 1 << 10, TailBytes: 4 << 10}
		b, err := OpenFS(fsys, cfg)
		if err != nil {
			if !vfs.IsNoSpace(err) {
				t.Fatalf("full at write %d: open: %v", fullAt, err)
			}
			continue
		}
		var acked []string
		tried := 0
		commit := func() error {
			if _, err := b.CreateTopic("t", TopicConfig{}); err != nil && !errors.Is(err, ErrTopicExists) {
				return err
			}
			v := fmt.Sprintf("%d %s", tried, strings.Repeat("x", 300))
			tried++
			err := b.NewProducer().Produce(t.Context(), "t", Record{Value: []byte(v)})
			if err == nil {
				acked = append(acked, v)
			}
			return err
		}
		for range 30 {
			if err := commit(); err != nil && !errors.Is(err, ErrNoSpace) {
				t.Fatalf("full at write %d: %v", fullAt, err)
			}
		}
		wasFull := full
		full, writes = false, -1<<30
		b.wakeFlusher()
		b.runPending()
		for range 10 {
			if err := commit(); err != nil {
				t.Fatalf("full at write %d, room again: %v", fullAt, err)
			}
		}
		if got := readAll(t, b, TopicPartition{"t", 0}); !slices.Equal(got, acked) {
			t.Fatalf("full at write %d: %d records, want %d", fullAt, len(got), len(acked))
		}
		again, err := OpenFS(mem.KillProcess(), cfg)
		if err != nil {
			t.Fatalf("full at write %d: open again: %v", fullAt, err)
		}
		if got := readAll(t, again, TopicPartition{"t", 0}); !slices.Equal(got, acked) {
			t.Fatalf("full at write %d: %d records after a kill, want %d", fullAt, len(got), len(acked))
		}
		if err := errors.Join(b.Close(), again.Close()); err != nil {
			t.Fatal(err)
		}
		if !wasFull {
			return // the script has no such write
		}
	}
}

func TestOtherVersionIsRefused(t *testing.T) {
	fsys := vfs.NewMem()
	b := open(t, fsys, Config{})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := vfs.ReadFile(fsys, checkpointName)
	if err != nil {
		t.Fatal(err)
	}
	data[11]++
	if err := vfs.WriteFileAtomic(fsys, checkpointName, data); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFS(fsys, Config{}); !errors.Is(err, ErrVersion) {
		t.Fatalf("%v, want ErrVersion", err)
	}
}

func TestMissingFilesAreRefused(t *testing.T) {
	newLog := func() *vfs.Mem {
		fsys := vfs.NewMem()
		b := open(t, fsys, Config{})
		if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		produce(t, b, "t", "x")
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
		return fsys.KillProcess()
	}
	for _, name := range []string{checkpointName, journalDir} {
		fsys := newLog()
		if err := vfs.RemoveAll(fsys, name); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFS(fsys, Config{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("without %s: %v, want ErrCorrupt", name, err)
		}
		if _, err := openReadOnlyFS(fsys, ".", Config{}); name == checkpointName && !errors.Is(err, ErrCorrupt) {
			t.Errorf("reading without %s: %v, want ErrCorrupt", name, err)
		}
	}
}

func TestNames(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	for _, name := range []string{"", ".", "..", "a/b", "../x", "a b", "é", "a\x00", strings.Repeat("x", 250)} {
		if _, err := b.CreateTopic(name, TopicConfig{}); err == nil {
			t.Errorf("topic %q was made", name)
		}
	}
	for _, name := range []string{"a", "...", "A.b_c-9", strings.Repeat("x", 249)} {
		if _, err := b.CreateTopic(name, TopicConfig{}); err != nil {
			t.Errorf("topic %q: %v", name, err)
		}
	}
	if _, err := b.CreateTopic("a", TopicConfig{}); !errors.Is(err, ErrTopicExists) {
		t.Errorf("%v, want ErrTopicExists", err)
	}
}

func TestFence(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	commit := func(f Fence) error {
		c := b.NewCommitBuilder()
		c.SetFence(f)
		if err := c.Append("t", 0, &Record{}); err != nil {
			t.Fatal(err)
		}
		_, err := b.Commit(c.Build())
		return err
	}
	old, err := b.ClaimGroup("g")
	if err != nil {
		t.Fatal(err)
	}
	if err := commit(old); err != nil {
		t.Fatal(err)
	}
	newer, err := b.ClaimGroup("g")
	if err != nil {
		t.Fatal(err)
	}
	if err := commit(old); !errors.Is(err, ErrFenced) {
		t.Fatalf("%v, want ErrFenced", err)
	}
	if err := commit(newer); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, b, TopicPartition{"t", 0}); len(got) != 2 {
		t.Fatalf("%d records, want 2", len(got))
	}
}

// Murmur2 of Kafka's UtilsTest and the partitions that follow.
func TestPartitionIsKafkas(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
		if got, want := Partition([]byte(key), 7), (want&0x7fffffff)%7; got != want {
			t.Errorf("Partition(%q, 7) = %d, want %d", key, got, want)
		}
	}
}

// TestKilledOpeningsLeaveNoFilesBehind kills the process again and again while
// it opens the log.
func TestKilledOpeningsLeaveNoFilesBehind(t *testing.T) {
	mem := vfs.NewMem()
	b := open(t, mem, Config{})
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	killed := errors.New("killed")
	for range 20 {
		mem = mem.KillProcess()
		fsys := vfs.Fail(mem, func(op vfs.Op) error {
			if op.Kind == vfs.OpRename {
				return killed // before the new checkpoint is in place
			}
			return nil
		})
		if _, err := OpenFS(fsys, Config{}); !errors.Is(err, killed) {
			t.Fatalf("%v, want the kill", err)
		}
	}
	entries, err := mem.ReadDir(journalDir)
	if err != nil || len(entries) > 2 {
		t.Fatalf("%d journal files, %v; want at most 2", len(entries), err)
	}
}

// followed returns the owner of a new log with a topic t, and a consumer of it
// that reads beside the owner, as another process would.
func followed(t testing.TB, fsys vfs.FS) (owner *Broker, beside *Consumer) {
	t.Helper()
	owner = open(t, fsys, Config{})
	if _, err := owner.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	reader, err := openReadOnlyFS(fsys, ".", Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := reader.NewConsumer()
	t.Cleanup(func() {
		c.Close()
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Assign(TopicPartition{"t", 0}, 0); err != nil {
		t.Fatal(err)
	}
	return owner, c
}

// TestReadersLearnThatTheLogCannotBeFollowed damages the checkpoint beside a
// reader, and mends it again.
func TestReadersLearnThatTheLogCannotBeFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewMem()
		owner, c := followed(t, fsys)
		good, err := vfs.ReadFile(fsys, checkpointName)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte("damage"), good[6:]...)
		if err := vfs.WriteFileAtomic(fsys, checkpointName, bad); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Poll(t.Context(), 1); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%v, want ErrCorrupt", err)
		}
		if err := vfs.WriteFileAtomic(fsys, checkpointName, good); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * followInterval) // of the test's own clock
		produce(t, owner, "t", "after")
		fetches, err := c.Poll(t.Context(), 1)
		if err != nil || len(fetches) != 1 {
			t.Fatalf("%d fetches, %v; want what came after the damage was mended", len(fetches), err)
		}
	})
}
