package log

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// history fills a model with what there is to compact: replaced values,
// tombstones, transactions that ended either way and one that is open.
func (m *compactModel) history(rng *rand.Rand, keys int) error {
	kv := func() (kv []string) {
		for range 1 + rng.IntN(4) {
			v := ""
			if rng.IntN(5) > 0 {
				v = fmt.Sprint(len(m.records), strings.Repeat("v", rng.IntN(150)))
			}
			kv = append(kv, fmt.Sprintf("key-%d", rng.IntN(keys)), v)
		}
		return kv
	}
	var err error
	for i := 0; i < 60 && err == nil; i++ {
		producer := []string{"p", "q"}[rng.IntN(2)]
		switch rng.IntN(5) {
		case 0:
			err = m.txnAppend(producer, kv()...)
		case 1:
			err = m.endTxn(producer, rng.IntN(2) == 0)
		default:
			err = m.append(kv()...)
		}
	}
	if err == nil && rng.IntN(2) == 0 {
		for _, producer := range m.producers() {
			err = errors.Join(err, m.endTxn(producer, true))
		}
	}
	return err
}

// compacted returns the model of a seed as it stands before a pass, and half of
// the time after an earlier one.
func compactedModel(t *testing.T, seed uint64) *compactModel {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	m := newCompactModel(CleanupCompact, []string{CompressionProducer, "zstd"}[rng.IntN(2)], seed%4 == 0)
	m.cfg.SegmentBytes = 1<<10 + rng.Int64N(2<<10)
	keys := []int{25, 90}[rng.IntN(2)] // more than fit in the map take several passes
	for range 1 + rng.IntN(2) {
		m.step()
		m.clock.pass(2 * modelDeleteRetention)
		m.step()
		if err := errors.Join(m.history(rng, keys), m.b.reclaim()); err != nil {
			t.Fatalf("FRESHET_SEED=%d: %v", seed, err)
		}
	}
	return m
}

// again returns the model with a log of its own, on a copy of the files.
func (m *compactModel) again(t *testing.T, fs func(*vfs.Mem) vfs.FS) *compactModel {
	t.Helper()
	c := *m
	c.mem = m.mem.KillProcess()
	c.records, c.txns = slices.Clone(m.records), maps.Clone(m.txns)
	c.fs = func() vfs.FS { return fs(c.mem) }
	clock := *m.clock
	c.clock = &clock
	c.cfg.Now = clock.now
	if err := c.open(); err != nil {
		t.Fatal(err)
	}
	return &c
}

// A stopAt stops the machine, or the process, before the n-th change of a file.
type stopAt struct {
	n     int // from 1
	power bool
	rng   *rand.Rand
	fault func(vfs.Op) error // a bug, or nil

	armed bool
	ops   int
	left  *vfs.Mem
}

func (s *stopAt) fs(mem *vfs.Mem) vfs.FS {
	return vfs.Fail(mem, func(op vfs.Op) error {
		if s.left != nil {
			return errCrashed
		}
		if !s.armed || !op.Kind.Mutates() {
			return nil
		}
		if s.ops++; s.ops < s.n {
			if s.fault != nil {
				return s.fault(op)
			}
			return nil
		}
		if s.left = mem.KillProcess(); s.power {
			s.left = mem.Crash(s.rng)
		}
		return errCrashed
	})
}

// TestCompactionCrashesAnywhere stops a pass, and the checkpoint after it, at
// each of its changes of files. What is found is what was there, and the next
// pass comes to its end.
func TestCompactionCrashesAnywhere(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	stops := 0
	for i := range testCount(t, "FRESHET_SEEDS", 10) {
		n, err := stopAnywhere(t, seed+uint64(i), nil)
		if err == nil && n < 20 {
			err = errors.New("not a pass")
		}
		if err != nil {
			t.Fatalf("FRESHET_SEED=%d FRESHET_SEEDS=1: %d changes of files: %v", seed+uint64(i), n, err)
		}
		stops += n
	}
	t.Logf("stopped %d times", stops)
}

// stopAnywhere returns at how many changes of files it stopped the pass of a
// seed, and what was wrong after the last of them.
func stopAnywhere(t *testing.T, seed uint64, fault func(vfs.Op) error) (stops int, err error) {
	m := compactedModel(t, seed)
	for {
		s := &stopAt{n: stops + 1, power: stops%3 > 0 && m.cfg.Durability == Sync, rng: rand.New(rand.NewPCG(seed, uint64(stops))), fault: fault}
		c := m.again(t, s.fs)
		s.armed = true
		c.step()
		s.armed = false
		if s.left == nil && c.b.CleanerStats().Passes == 0 {
			return stops, errors.New("no pass was made")
		}
		if s.left == nil {
			return stops, c.close()
		}
		stops++
		if err := recovered(c, s.left); err != nil {
			return stops, fmt.Errorf("power %v: %w", s.power, err)
		}
	}
}

// TestSeededCompactionBugsAreCaught breaks the swap on purpose.
func TestSeededCompactionBugsAreCaught(t *testing.T) {
	swapped := func(op vfs.Op) bool {
		return strings.HasSuffix(op.Name, ".1.log") || strings.HasSuffix(op.Name, ".2.log")
	}
	created := false
	for name, fault := range map[string]func(vfs.Op) error{
		"forget to sync the new segment": func(op vfs.Op) error { return skipIf(op.Kind == vfs.OpSync && swapped(op)) },
		"forget to sync its name": func(op vfs.Op) error {
			created = created && op.Kind != vfs.OpCreate || op.Kind == vfs.OpCreate && swapped(op)
			return skipIf(op.Kind == vfs.OpSyncDir && strings.HasPrefix(op.Name, topicsDir) && created)
		},
	} {
		t.Run(name, func(t *testing.T) {
			seed := testSeed(t)
			for i := range 200 {
				if _, err := stopAnywhere(t, seed+uint64(i), fault); err != nil {
					t.Logf("caught by history %d: %v", i, err)
					return
				}
			}
			t.Fatal("200 histories did not see it")
		})
	}
}

// recovered opens what is left, reads it, and compacts it.
func recovered(c *compactModel, left *vfs.Mem) error {
	c.mem = left
	c.fs = func() vfs.FS { return left }
	if err := c.open(); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	c.step()
	if stats := c.b.CleanerStats(); stats.Failed > 0 {
		return fmt.Errorf("the next pass failed: %+v", stats)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("after the next pass: %w", err)
	}
	return c.close()
}

// TestCompactionOnAFullDisk refuses each write of a pass, and all after it until
// it is given up. Nothing is lost, the log is not poisoned, and with room again
// the pass is made.
func TestCompactionOnAFullDisk(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	for i := range testCount(t, "FRESHET_SEEDS", 10) {
		seed := seed + uint64(i)
		m := compactedModel(t, seed)
		for n, refused := 1, true; refused; n++ {
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			full, writes := false, 0
			refused = false
			c := m.again(t, func(mem *vfs.Mem) vfs.FS {
				return vfs.Fail(mem, func(op vfs.Op) error {
					if !full || op.Kind != vfs.OpWrite && op.Kind != vfs.OpCreate && op.Kind != vfs.OpPreallocate {
						return nil
					}
					if writes++; writes < n {
						return nil
					}
					refused = true
					if op.Kind == vfs.OpWrite {
						return &vfs.ShortWrite{Bytes: rng.IntN(int(op.Bytes) + 1), Err: syscall.ENOSPC}
					}
					return syscall.ENOSPC
				})
			})
			full = true
			c.step()
			full = false
			err := c.b.Err()
			if err == nil {
				err = c.check()
			}
			if err == nil {
				c.step()
				err = c.check()
			}
			if passes := c.b.CleanerStats().Passes; err == nil && passes == 0 {
				err = errors.New("no pass was made")
			}
			if err = errors.Join(err, c.close()); err != nil {
				t.Fatalf("FRESHET_SEED=%d FRESHET_SEEDS=1: refused from write %d on: %v", seed, n, err)
			}
		}
	}
}

// TestCheckpointBehindSwaps writes a checkpoint of a moment before passes, with
// the segments as they are after them, as happens when the flusher takes its
// time. Replaying meets swaps whose segments were swapped again since, and
// forgets no file.
func TestCheckpointBehindSwaps(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	for i := range testCount(t, "FRESHET_SEEDS", 20) {
		seed := seed + uint64(i)
		m := compactedModel(t, seed)
		if err := m.b.journal.Exclusive(m.b.journal.Roll); err != nil {
			t.Fatal(err)
		}
		m.b.cfg.JournalBytes = 1 << 30 // passes ask for no checkpoint
		m.b.pub.RLock()
		s := m.b.snapshotLocked(m.b.journal.Next())
		m.b.pub.RUnlock()
		m.b.cleaner.compactAll()
		p, err := m.b.partition(modelPartition)
		if err != nil {
			t.Fatal(err)
		}
		// Again, as if the map had been too small.
		m.b.pub.Lock()
		p.cleaned /= 2
		m.b.pub.Unlock()
		m.b.cleaner.compactAll()
		if err := vfs.WriteFileAtomic(m.mem, checkpointName, m.b.encodeCheckpoint(s, false)); err != nil {
			t.Fatal(err)
		}
		m.mem = m.mem.KillProcess()
		err = m.open()
		if err == nil {
			err = errors.Join(m.check(), m.b.reclaim())
		}
		if err != nil {
			t.Fatalf("FRESHET_SEED=%d FRESHET_SEEDS=1: %v", seed, err)
		}
		if p, err = m.b.partition(modelPartition); err != nil {
			t.Fatal(err)
		}
		files := 0
		for _, name := range segmentNames(t, m.mem) {
			if strings.HasSuffix(name, ".log") {
				files++
			}
		}
		if want := len(m.b.view(p).segments); files != want {
			t.Errorf("FRESHET_SEED=%d FRESHET_SEEDS=1: %d files, want %d: %v", seed, files, want, segmentNames(t, m.mem))
		}
	}
}

// TestCompactionFindsDamage: a partition whose bytes make no sense is left as it
// is, and others are compacted.
func TestCompactionFindsDamage(t *testing.T) {
	m := compactedModel(t, 1)
	if _, err := m.b.CreateTopic("other", TopicConfig{CleanupPolicy: CleanupCompact}); err != nil {
		t.Fatal(err)
	}
	fill(t, m.b, "other", 100)
	if err := m.b.reclaim(); err != nil {
		t.Fatal(err)
	}
	p, err := m.b.partition(modelPartition)
	if err != nil {
		t.Fatal(err)
	}
	v := m.b.view(p)
	var name string
	for _, s := range v.segments {
		if s.SizeBytes() > 0 {
			name = partitionDir(p.at()) + "/" + segment.LogName(s.Base(), s.Generation())
			break
		}
	}
	flip(t, m.mem, name, 70)
	before := segmentNames(t, m.mem)
	for range 3 {
		m.clock.pass(time.Minute)
		m.b.cleaner.step(m.clock.mono)
	}
	stats := m.b.CleanerStats()
	if stats.Failed != 1 || stats.Passes == 0 || stats.Last.Partition.Topic != "other" {
		t.Errorf("%+v: want one failure, and passes over the other topic", stats)
	}
	for _, name := range before {
		if strings.HasPrefix(name, partitionDir(p.at())) && !slices.Contains(segmentNames(t, m.mem), name) {
			t.Errorf("%s is gone", name)
		}
	}
}

// flip changes a byte of a file.
func flip(t testing.TB, fsys vfs.FS, name string, pos int64) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, pos); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x55
	if _, err := f.WriteAt(b, pos); err != nil {
		t.Fatal(err)
	}
}
