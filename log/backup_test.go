package log

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// crowd commits to all partitions of topic t, the number of the commit to each.
const crowdPartitions = 3

func crowd(t *testing.T, b *Broker, n int) {
	t.Helper()
	c := b.NewCommitBuilder()
	for p := range int32(crowdPartitions) {
		value := fmt.Sprintf("%d/%s", n, strings.Repeat("x", n%700))
		if err := c.Append("t", p, &Record{Key: fmt.Append(nil, n%5), Value: []byte(value)}); err != nil {
			t.Error(err)
		}
	}
	if err := c.Append("compacted", 0, &Record{Key: fmt.Append(nil, n%5), Value: fmt.Append(nil, n)}); err != nil {
		t.Error(err)
	}
	if err := c.SetOffset("g", TopicPartition{"t", 0}, CommittedOffset{Offset: Offset(n)}); err != nil {
		t.Error(err)
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Error(err)
	}
}

func crowdTopics(t *testing.T, b *Broker) {
	t.Helper()
	if _, err := b.CreateTopic("t", TopicConfig{Partitions: crowdPartitions}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateTopic("compacted", TopicConfig{CleanupPolicy: CleanupCompact, MinCleanableRatio: 1e-9}); err != nil {
		t.Fatal(err)
	}
}

// checkCrowd checks that a copy holds the commits 0 to n-1, each whole, at least
// so many, and returns n.
func checkCrowd(t *testing.T, fsys vfs.FS, least int) int {
	t.Helper()
	b := open(t, fsys, Config{stepped: true})
	if b.recovery.Commits != 0 {
		t.Errorf("opening the copy replayed %d commits", b.recovery.Commits)
	}
	n := -1
	for p := range int32(crowdPartitions) {
		start, end, err := b.Offsets(TopicPartition{"t", p})
		if err != nil {
			t.Fatal(err)
		}
		if n < 0 {
			n = int(end)
		}
		if int(end) != n {
			t.Errorf("partition %d ends at %d, want %d", p, end, n)
		}
		for i, r := range recordsOf(t, b, TopicPartition{"t", p}) {
			if want := fmt.Sprintf("%d/", int(start)+i); !strings.HasPrefix(string(r.Value), want) || int(r.Offset) != int(start)+i {
				t.Fatalf("partition %d, offset %d has %.20q, want %s", p, r.Offset, r.Value, want)
			}
		}
	}
	newest := map[string]string{}
	for _, r := range recordsOf(t, b, TopicPartition{"compacted", 0}) {
		newest[string(r.Key)] = string(r.Value)
	}
	for i := max(0, n-5); i < n; i++ {
		if got := newest[fmt.Sprint(i%5)]; got != fmt.Sprint(i) {
			t.Errorf("key %d is %q, want %d", i%5, got, i)
		}
	}
	if o, _ := b.Committed("g", TopicPartition{"t", 0}); n > 0 && int(o.Offset) != n-1 {
		t.Errorf("offset %d is committed with %d commits", o.Offset, n)
	}
	if n < least {
		t.Errorf("%d commits in the copy, want at least %d", n, least)
	}
	return n
}

// TestBackupWhileInUse backs up a log, by its owner and beside it, while one
// goroutine commits, and others delete and compact.
func TestBackupWhileInUse(t *testing.T) {
	for _, d := range []Durability{Sync, OS} {
		t.Run(d.String(), func(t *testing.T) {
			mem := vfs.NewMem()
			b := open(t, mem, Config{Durability: d, JournalBytes: 16 << 10, SegmentBytes: 4 << 10, TailBytes: 16 << 10, placeBytes: 300})
			crowdTopics(t, b)
			var acked atomic.Int64
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					crowd(t, b, n)
					acked.Store(int64(n) + 1)
					if n%50 == 0 {
						if _, err := b.DeleteRecords(TopicPartition{"t", int32(n/50) % crowdPartitions}, Offset(n/2)); err != nil {
							t.Error(err)
						}
						b.cleaner.step(0)
					}
				}
			})
			defer wg.Wait()
			defer close(stop)
			for i := range 6 {
				from := b
				if i%2 == 1 {
					beside, err := openReadOnlyFS(mem, ".", Config{})
					if err != nil {
						t.Fatal(err)
					}
					defer beside.Close() //nolint:errcheck // it is read only
					from = beside
				}
				least := int(acked.Load())
				target := vfs.NewMem()
				r, err := from.backupTo(context.Background(), target, BackupOptions{})
				if err != nil {
					t.Fatal(err)
				}
				n := checkCrowd(t, target, least)
				if r.Topics != 2 || r.Partitions != 4 || r.CopiedBytes == 0 && n > 0 {
					t.Errorf("report %+v", r)
				}
			}
		})
	}
}

// backupSource is a log that is in use, with something in all places.
func backupSource(t *testing.T) *Broker {
	t.Helper()
	b := open(t, vfs.NewMem(), Config{stepped: true, Durability: OS, JournalBytes: 16 << 10, SegmentBytes: 4 << 10, TailBytes: 16 << 10, placeBytes: 300})
	crowdTopics(t, b)
	for n := range 60 {
		crowd(t, b, n)
		if n == 40 {
			b.cleaner.step(0)
		}
	}
	return b
}

// TestBackupCutShortIsNoLog stops a backup at each change that it makes.
func TestBackupCutShortIsNoLog(t *testing.T) {
	b := backupSource(t)
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	for after := 0; ; after++ {
		mem := vfs.NewMem()
		ops, stopped := 0, errors.New("stopped")
		target := vfs.Fail(mem, func(op vfs.Op) error {
			if op.Kind.Mutates() {
				if ops++; ops > after {
					return stopped
				}
			}
			return nil
		})
		_, err := b.backupTo(context.Background(), target, BackupOptions{})
		if err != nil && !errors.Is(err, stopped) && !errors.Is(err, ErrPoisoned) {
			t.Fatalf("after %d changes: %v", after, err)
		}
		for _, left := range []*vfs.Mem{mem.KillProcess(), mem.Crash(rng)} {
			c, openErr := OpenFS(left, Config{stepped: true})
			switch {
			case errors.Is(openErr, ErrNotALog), errors.Is(openErr, ErrCorrupt):
			case openErr != nil:
				t.Fatalf("after %d changes (seed %d): %v", after, seed, openErr)
			case len(c.Topics()) == 0 && after < 3: // nothing was made durable
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
			default:
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				checkCrowd(t, left, 60)
			}
			if err == nil && openErr != nil {
				t.Fatalf("the backup is done, and does not open: %v", openErr)
			}
		}
		if err == nil {
			return
		}
	}
}

func TestBackupGoesOnWhereFilesWent(t *testing.T) {
	b := backupSource(t)
	n, tries := 60, 0
	_, err := b.backupTo(context.Background(), vfs.NewMem(), BackupOptions{Progress: func(p BackupProgress) {
		if p.CopiedBytes > p.TotalBytes {
			t.Errorf("copied %d of %d", p.CopiedBytes, p.TotalBytes)
		}
		if tries < 3 { // a checkpoint takes the journal away that is being copied
			tries++
			for range 30 {
				crowd(t, b, n)
				n++
			}
			if err := b.reclaim(); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackupRefuses(t *testing.T) {
	b := backupSource(t)
	full := vfs.NewMem()
	if err := vfs.WriteFileAtomic(full, "mine", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.backupTo(context.Background(), full, BackupOptions{}); err == nil || !strings.Contains(err.Error(), "not empty, it has mine") {
		t.Errorf("to a directory with files: %v", err)
	}
	if _, err := b.backupTo(context.Background(), vfs.NewMem(), BackupOptions{BytesPerSecond: -1}); err == nil {
		t.Error("a negative rate is taken")
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err := b.backupTo(ctx, vfs.NewMem(), BackupOptions{BytesPerSecond: 1, Progress: func(BackupProgress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestBackupFindsDamage(t *testing.T) {
	b := backupSource(t)
	if err := b.reclaim(); err != nil { // a checkpoint
		t.Fatal(err)
	}
	p := b.pub.topics["t"].partitions()[1]
	name := path.Join(partitionDir(p.at()), fmt.Sprintf("%020d.log", p.segments[0].Base()))
	flipByte(t, b.fsys, name, 40)
	if _, err := b.backupTo(context.Background(), vfs.NewMem(), BackupOptions{}); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "crc") {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
	flipByte(t, b.fsys, name, 40)
	if _, err := b.backupTo(context.Background(), vfs.NewMem(), BackupOptions{}); err != nil {
		t.Error(err)
	}
	// A hole in the journal: the copy would end there.
	crowd(t, b, 60)
	crowd(t, b, 61)
	entries, err := b.fsys.ReadDir(journalDir)
	if err != nil {
		t.Fatal(err)
	}
	flipByte(t, b.fsys, path.Join(journalDir, entries[len(entries)-1].Name()), 64+60)
	if _, err := b.backupTo(context.Background(), vfs.NewMem(), BackupOptions{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with a hole in the journal: %v", err)
	}
	flipByte(t, b.fsys, path.Join(journalDir, entries[len(entries)-1].Name()), 64+60)
}

// flipByte turns a bit of a file.
func flipByte(t testing.TB, fsys vfs.FS, name string, pos int64) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], pos); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], pos); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBackupOfAClosedLog(t *testing.T) {
	dir, target := t.TempDir(), path.Join(t.TempDir(), "a", "copy")
	b, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	crowdTopics(t, b)
	crowd(t, b, 0)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReadOnly(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Backup(context.Background(), target, BackupOptions{BytesPerSecond: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if report.Records != 4 || report.Commits != 0 {
		t.Errorf("report %+v", report)
	}
	fsys, err := vfs.Existing(target)
	if err != nil {
		t.Fatal(err)
	}
	checkCrowd(t, fsys, 1)
}
