package verify

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

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
}

// newHistory opens a log whose files are small, so that there are many.
func newHistory(t *testing.T, seed uint64) *history {
	rng := rand.New(rand.NewPCG(seed, 0))
	h := &history{t: t, rng: rng, m: vfs.NewMem(), cfg: log.Config{
		Durability:   log.Durability(rng.IntN(3)),
		JournalBytes: 4<<10 + rng.Int64N(8<<10),
		SegmentBytes: 1<<10 + rng.Int64N(16<<10),
		TailBytes:    4<<10 + rng.Int64N(16<<10),
	}}
	h.open()
	return h
}

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

// step does one random thing.
func (h *history) step() {
	topics := h.b.Topics()
	switch n := h.rng.IntN(40); {
	case n == 0 && len(topics) < 4 || len(topics) == 0:
		cfg := log.TopicConfig{Partitions: 1 + h.rng.Int32N(3)}
		if h.rng.IntN(2) == 0 {
			cfg.CleanupPolicy = log.CleanupCompact
		}
		if _, err := h.b.CreateTopic(fmt.Sprintf("topic-%d", len(topics)), cfg); err != nil {
			h.t.Fatal(err)
		}
	case n == 1:
		h.close()
		h.open()
	case n == 2:
		h.kill()
	default:
		h.commit(topics)
	}
}

func (h *history) commit(topics []log.TopicDescription) {
	for range h.rng.IntN(30) {
		topic := topics[h.rng.IntN(len(topics))]
		partition := h.rng.Int32N(int32(len(topic.Partitions)))
		if err := h.c.Append(topic.Name, partition, h.record(topic.Config.CleanupPolicy != log.CleanupDelete)); err != nil {
			h.t.Fatal(err)
		}
		if h.rng.IntN(8) == 0 {
			tp := log.TopicPartition{Topic: topic.Name, Partition: partition}
			o := log.CommittedOffset{Offset: log.Offset(h.rng.Int64N(100)), Metadata: strings.Repeat("m", h.rng.IntN(9))}
			if err := h.c.SetOffset("group", tp, o); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	if _, err := h.b.Commit(h.c.Build()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) record(keyed bool) *log.Record {
	r := &log.Record{TimestampMillis: 1_700_000_000_000 + h.rng.Int64N(1_000_000)}
	if keyed || h.rng.IntN(3) > 0 {
		r.Key = make([]byte, h.rng.IntN(20))
	}
	if h.rng.IntN(9) > 0 {
		r.Value = bytes.Repeat([]byte{byte(h.rng.Uint32())}, h.rng.IntN(300))
	}
	for range h.rng.IntN(3) {
		r.Headers = append(r.Headers, log.Header{Key: "k", Value: r.Value})
	}
	return r
}

// records counts what readers of the log see.
func (h *history) records() (n int64) {
	for _, d := range h.b.Topics() {
		for _, p := range d.Partitions {
			n += int64(p.End - p.Start)
		}
	}
	return n
}

// verify reads what m holds and fails on a problem.
func (h *history) verify(m *vfs.Mem) *Report {
	h.t.Helper()
	r, err := Directory(memFS{m}, Options{Boot: thisBoot(h.t)})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, p := range r.Problems {
		h.t.Errorf("problem: %s", p)
	}
	if h.t.Failed() {
		h.t.Log(m.Describe())
		h.t.FailNow()
	}
	return r
}

// TestAcceptsWhatTheLogWrites compares the second opinion with the first:
// after whatever happened, kills included, nothing is wrong and every record is
// found.
func TestAcceptsWhatTheLogWrites(t *testing.T) {
	histories := uint64(500)
	if testing.Short() {
		histories = 50
	}
	for seed := range histories {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for range 40 {
				h.step()
				if h.rng.IntN(8) == 0 {
					// A kill with the flusher where it may be.
					if got, want := h.verify(h.m.KillProcess()).Records, h.records(); got != want {
						t.Fatalf("verify counts %d records, readers %d", got, want)
					}
				}
			}
			want := h.records()
			h.close()
			r := h.verify(h.m)
			if r.Records != want || !r.Closed {
				t.Fatalf("verify counts %d records, closed %t; want %d, true", r.Records, r.Closed, want)
			}
		})
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
		for range 30 {
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
			for _, p := range exceptIndexes(r) {
				t.Errorf("seed %d: after a reboot: problem: %s", seed, p)
			}
			if r, err = Directory(memFS{m}, Options{Boot: thisBoot(t)}); err != nil {
				t.Fatal(err)
			}
			problems := exceptIndexes(r)
			openErr := openAndClose(m, h.cfg)
			if (openErr != nil) != (len(problems) > 0) {
				t.Errorf("seed %d: log.Open: %v; problems: %v", seed, openErr, problems)
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

// exceptIndexes leaves out what a power cut may do to an index: it is not
// synced.
func exceptIndexes(r *Report) (problems []Finding) {
	for _, p := range r.Problems {
		if !strings.HasSuffix(p.Path, ".index") && !strings.HasSuffix(p.Path, ".timeindex") {
			problems = append(problems, p)
		}
	}
	return problems
}

func openAndClose(m *vfs.Mem, cfg log.Config) error {
	b, err := log.OpenFS(m, cfg)
	if err != nil {
		return err
	}
	return b.Close()
}
