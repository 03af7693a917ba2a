package files

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

func seed(t *testing.T) uint64 {
	s, err := strconv.ParseUint(os.Getenv("FRESHET_SEED"), 10, 64)
	if err != nil {
		s = rand.Uint64()
	}
	t.Logf("FRESHET_SEED=%d", s)
	return s
}

// randomFiles writes files of random lines and returns their paths.
func randomFiles(t *testing.T, rng *rand.Rand) []string {
	dir := t.TempDir()
	var paths []string
	for i := range 1 + rng.IntN(5) {
		var text []byte
		for range rng.IntN(200) {
			text = append(text, strings.Repeat("é\r\xff ab"[rng.IntN(7):], rng.IntN(60))...)
			text = append(text, '\n')
		}
		if rng.IntN(2) == 0 {
			text = fmt.Appendf(text, "end of %d", i)
		}
		paths = append(paths, filepath.Join(dir, strconv.Itoa(i)))
		write(t, paths[i], string(text))
	}
	return paths
}

// Whatever a crash takes, a Source that starts again brings every line once, in
// the order of a run that was not disturbed.
func TestCrashesLoseAndRepeatNoLine(t *testing.T) {
	const histories = 40 // about a second
	seed, crashes := seed(t), 0
	for h := range uint64(histories) {
		rng := rand.New(rand.NewPCG(seed, h))
		paths := randomFiles(t, rng)
		cfg := Config{Partitions: 3, ReadBytes: 1 + rng.IntN(3000), CommitBytes: int64(1 + rng.IntN(4000))}
		b := openLog(t, vfs.NewMem())
		if err := newSource(t, b, cfg).ReadFiles(t.Context(), paths); err != nil {
			t.Fatal(err)
		}
		want := topicLines(t, b, "lines")

		disk := vfs.NewMem()
		for ops, done := 60, false; !done; ops += 10 { // more each time, so that there is an end
			if disk, done = readUntilCrash(t, rng, disk, cfg, paths, rng.IntN(ops)); !done {
				crashes++
			}
		}
		after := openLog(t, disk)
		if got := topicLines(t, after, "lines"); !slices.EqualFunc(want, got, slices.Equal) {
			t.Fatalf("history %d: lines differ: want %d, got %d", h, count(want), count(got))
		}
	}
	if crashes < histories {
		t.Errorf("%d crashes in %d histories, want more", crashes, histories)
	}
}

func count(lines [][]string) (n int) {
	for _, p := range lines {
		n += len(p)
	}
	return n
}

// readUntilCrash runs a Source for so many operations on the disk, and returns
// what the crash left. It is done when the Source has read all.
func readUntilCrash(t *testing.T, rng *rand.Rand, disk *vfs.Mem, cfg Config, paths []string, ops int) (*vfs.Mem, bool) {
	t.Helper()
	crash := errors.New("crash")
	inject := func(op vfs.Op) error {
		if ops--; ops < 0 && op.Kind.Mutates() {
			return crash
		}
		return nil
	}
	b, err := log.OpenFS(vfs.Fail(disk, serially(inject)), log.Config{JournalBytes: 16 << 10, SegmentBytes: 8 << 10, TailBytes: 32 << 10})
	if err == nil {
		var s *Source
		if s, err = New(b, "lines", cfg); err == nil {
			err = s.ReadFiles(context.Background(), paths)
		}
	}
	var after *vfs.Mem
	if rng.IntN(2) == 0 {
		after = disk.KillProcess()
	} else {
		after = disk.Crash(rng)
	}
	if b != nil {
		// The process is dead: what its log says at the end is of no interest.
		_ = b.Close()
	}
	if err != nil && !errors.Is(err, crash) && !errors.Is(err, log.ErrPoisoned) {
		t.Fatal(err)
	}
	return after, err == nil
}

// serially lets one goroutine at a time ask.
func serially(inject func(vfs.Op) error) func(vfs.Op) error {
	turn := make(chan struct{}, 1)
	return func(op vfs.Op) error {
		turn <- struct{}{}
		defer func() { <-turn }()
		return inject(op)
	}
}
