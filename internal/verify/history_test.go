package verify

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A memFS shows a vfs.FS as an fs.FS.
type memFS struct{ fsys vfs.FS }

func (m memFS) Stat(name string) (fs.FileInfo, error)      { return m.fsys.Stat(name) }
func (m memFS) ReadDir(name string) ([]fs.DirEntry, error) { return m.fsys.ReadDir(name) }

func (m memFS) Open(name string) (fs.File, error) {
	f, err := m.fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return memFile{f}, nil
}

type memFile struct{ vfs.File }

func (memFile) Read([]byte) (int, error) { return 0, errors.New("verify reads at positions") }

// Stat asks the open file, not the name, which may lead to another by now.
func (f memFile) Stat() (fs.FileInfo, error) {
	size, err := f.Size()
	return sizeInfo{size: size}, err
}

type sizeInfo struct {
	fs.FileInfo
	size int64
}

func (i sizeInfo) Size() int64 { return i.size }

// thisBoot is the boot id that the log writes, zero where it knows none.
func thisBoot(t testing.TB) (boot [16]byte) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return boot
	}
	text = bytes.ReplaceAll(bytes.TrimSpace(text), []byte("-"), nil)
	if _, err := hex.Decode(boot[:], text); err != nil {
		t.Fatal(err)
	}
	return boot
}

// A history is a log that random things happen to.
type history struct {
	t   *testing.T
	rng *rand.Rand
	m   *vfs.Mem
	cfg log.Config
	b   *log.Broker
	c   *log.CommitBuilder

	now       time.Time
	made      int // topics so far
	producers []*testProducer
	took      [entryPlaced + 1]int64 // entries that verify met, by type
}

// newHistory opens a log whose files are small, so that there are many.
func newHistory(t *testing.T, seed uint64) *history {
	rng := rand.New(rand.NewPCG(seed, 0))
	h := &history{t: t, rng: rng, m: vfs.NewMem(), now: time.UnixMilli(1_700_000_000_000)}
	h.cfg = log.Config{
		Durability:             log.Durability(rng.IntN(3)),
		JournalBytes:           4<<10 + rng.Int64N(8<<10),
		SegmentBytes:           1<<10 + rng.Int64N(16<<10),
		TailBytes:              4<<10 + rng.Int64N(16<<10),
		CleanerBackoff:         200 * time.Microsecond,
		RetentionCheckInterval: time.Millisecond,
		CleanerBufferBytes:     1 << 10,
		Now:                    h.clock,
	}
	h.producers = []*testProducer{{h: h}, {h: h, name: "txn-a"}, {h: h, name: "txn-b"}}
	h.open()
	return h
}

// clock is read by the log's goroutines too; it only moves while the log is
// closed.
func (h *history) clock() time.Time { return h.now }

func (h *history) open() {
	b, err := log.OpenFS(h.m, h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.b, h.c = b, b.NewCommitBuilder()
}

func (h *history) close() {
	if err := h.b.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// kill kills the process and opens the log anew.
func (h *history) kill() {
	dead := h.b
	h.m = h.m.KillProcess()
	h.open()
	// What still runs on the old file system reaches nobody.
	if err := dead.Close(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) record(keyed bool) *log.Record {
	r := &log.Record{TimestampMillis: 1_700_000_000_000 + h.rng.Int64N(1_000_000)}
	if keyed || h.rng.IntN(3) > 0 {
		r.Key = make([]byte, h.rng.IntN(20))
	}
	switch h.rng.IntN(20) {
	case 0: // a tombstone
	case 1: // large enough to be placed, where that is done
		r.Value = bytes.Repeat([]byte{byte(h.rng.Uint32())}, h.rng.IntN(12<<10))
	default:
		r.Value = bytes.Repeat([]byte{byte(h.rng.Uint32())}, h.rng.IntN(300))
	}
	for range h.rng.IntN(3) {
		r.Headers = append(r.Headers, log.Header{Key: "k", Value: r.Value})
	}
	return r
}

// verify reads what m holds and fails on a problem.
func (h *history) verify(m *vfs.Mem) (*Report, *seen) {
	h.t.Helper()
	all := &seen{records: map[*partition][]seenRecord{}}
	v, err := directory(memFS{m}, Options{Boot: thisBoot(h.t)}, all.take)
	if err != nil {
		h.t.Fatal(err)
	}
	all.v = v
	for i, n := range v.took {
		h.took[i] += n
	}
	for _, p := range v.report.Problems {
		h.t.Errorf("problem: %s", p)
	}
	for _, n := range v.report.Notes {
		if strings.Contains(n.Text, "forgotten") || strings.Contains(n.Text, " in CHECKPOINT; ") {
			h.t.Errorf("note: %s", n)
		}
	}
	if h.t.Failed() {
		h.t.Log(m.Describe())
		h.t.Logf("the log itself opens it with error %v", openAndClose(m, h.cfg))
		h.t.FailNow()
	}
	return &v.report, all
}

// check verifies what m holds, then opens it, and compares what the two say that
// readers see.
func (h *history) check(m *vfs.Mem) {
	h.t.Helper()
	_, all := h.verify(m)
	cfg := h.cfg
	cfg.CleanerBackoff, cfg.RetentionCheckInterval = time.Hour, time.Hour
	cfg.Now = func() time.Time { return time.UnixMilli(1_000_000_000_000) } // nothing is too old
	b, err := log.OpenFS(m, cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			h.t.Fatal(err)
		}
	}()
	for _, d := range b.Topics() {
		for i := range d.Partitions {
			tp := log.TopicPartition{Topic: d.Name, Partition: int32(i)}
			for _, committed := range []bool{false, true} {
				got, want := all.visible(h.t, tp, committed), visible(h.t, b, tp, committed)
				if !slices.Equal(got, want) {
					h.t.Fatalf("%s, committed %t: verify finds %d records, readers %d; first difference at %v", tp, committed, len(got), len(want), difference(got, want))
				}
			}
		}
	}
}

// TestAcceptsWhatTheLogWrites compares the second opinion with the first:
// after whatever happened, kills included, nothing is wrong, and the records are
// those that readers see. Every type of entry comes
// to pass, but for two that have tests of their own.
func TestAcceptsWhatTheLogWrites(t *testing.T) {
	histories := uint64(200)
	if testing.Short() {
		histories = 60
	}
	var took [entryPlaced + 1]int64
	ran := uint64(0)
	for seed := range histories {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for range 60 {
				h.step()
				if h.rng.IntN(12) == 0 {
					// A kill with the flusher where it may be.
					h.check(h.m.KillProcess())
				}
			}
			h.close()
			if r, _ := h.verify(h.m); !r.Closed {
				t.Fatal("verify does not say that it was closed")
			}
			h.check(h.m)
			for i, n := range h.took {
				took[i] += n
			}
			ran++
		})
	}
	if ran < histories {
		return // one was asked for, or one failed
	}
	for kind, n := range took {
		if n == 0 && kind != 0 && kind != entryOffset1 && kind != entryPartition1 && kind != entryTxnGone {
			t.Errorf("no history has an entry of type %d", kind)
		}
	}
}

// TestAcceptsForgottenTransactionalIDs: the log forgets one that was idle for
// longer than it remembers.
func TestAcceptsForgottenTransactionalIDs(t *testing.T) {
	h := newHistory(t, 3)
	h.producers[1].begin()
	h.close()
	h.now = h.now.Add(2 * log.DefaultTransactionalIDExpiration)
	h.open()
	for known := true; known; runtime.Gosched() {
		ds, err := h.b.ListTransactions()
		h.must(err)
		known = len(ds) > 0
	}
	h.check(h.m.KillProcess())
	if h.took[entryTxnGone] == 0 {
		t.Errorf("no entry says so: %v", h.took)
	}
	h.close()
}

// TestAcceptsVersion1 reads what version 1 wrote.
func TestAcceptsVersion1(t *testing.T) {
	for name, records := range map[string]int64{"closed": 300, "killed": 400} {
		v, err := directory(os.DirFS(filepath.Join("../../log/testdata/format1", name)), Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range v.report.Problems {
			t.Errorf("%s: problem: %s", name, p)
		}
		if v.report.Records < records || v.took[entryOffset1] == 0 || v.took[entryPartition1] == 0 || v.took[entryPartition] != 0 {
			t.Errorf("%s: %d records, want at least %d; entries %v", name, v.report.Records, records, v.took)
		}
	}
}

// TestAgreesWithRecoveryAfterPowerCuts: verify and the log draw the line
// between a torn journal and a corrupt one at the same place. The log takes the
// cut for one within this boot of the machine, after which a hole is
// corruption; of a cut before this boot, nothing is.
func TestAgreesWithRecoveryAfterPowerCuts(t *testing.T) {
	refused := 0
	for seed := range uint64(150) {
		h := newHistory(t, seed)
		for range 40 {
			h.step()
			if h.rng.IntN(8) > 0 {
				continue
			}
			m := h.m.Crash(h.rng)
			r, err := Directory(memFS{m}, Options{})
			if errors.Is(err, ErrNotALog) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range r.Problems {
				t.Errorf("seed %d: after a reboot: problem: %s", seed, p)
			}
			if r, err = Directory(memFS{m}, Options{Boot: thisBoot(t)}); err != nil {
				t.Fatal(err)
			}
			openErr := openAndClose(m, h.cfg)
			if (openErr != nil) != (len(r.Problems) > 0) {
				t.Errorf("seed %d: log.Open: %v; problems: %v", seed, openErr, r.Problems)
			}
			if openErr != nil {
				refused++
			}
		}
		h.close()
	}
	if refused == 0 && thisBoot(t) != [16]byte{} {
		t.Error("no history had a hole in its journal")
	}
}

// difference returns the offsets at which two lists part.
func difference(x, y []int64) (at []int64) {
	for i := range max(len(x), len(y)) {
		if i >= len(x) || i >= len(y) || x[i] != y[i] {
			return append(append(at, x[min(i, len(x)):min(i+1, len(x))]...), y[min(i, len(y)):min(i+1, len(y))]...)
		}
	}
	return nil
}

func openAndClose(m *vfs.Mem, cfg log.Config) error {
	b, err := log.OpenFS(m, cfg)
	if err != nil {
		return err
	}
	return b.Close()
}
