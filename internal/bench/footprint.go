package bench

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// diskBytes adds up the sizes of all files in a directory. Files may vanish
// meanwhile.
func diskBytes(path string) (total int64, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				total += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return total, err
}

// openFiles is how many files this process has open, or 0 where that is not
// known.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux
	}
	return len(entries)
}

// residentBytes is the memory of this process that is not swapped out or given
// back, or 0 where that is not known.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0 // not Linux
	}
	fields := bytes.Fields(b) // of pages: size, resident, …
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// watchEvery is how often the memory is looked at: seldom enough to cost
// nothing that is seen.
const watchEvery = 10 * time.Millisecond

// A watch looks at something again and again and keeps the largest.
type watch struct {
	look    func() int64
	most    atomic.Int64
	done    chan struct{}
	running sync.WaitGroup
}

func watchMemory() *watch { return startWatch(residentBytes) }

func startWatch(look func() int64) *watch {
	w := &watch{look: look, done: make(chan struct{})}
	w.most.Store(look())
	w.running.Go(func() {
		t := time.NewTicker(watchEvery)
		defer t.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-t.C:
				w.most.Store(max(w.most.Load(), look()))
			}
		}
	})
	return w
}

// stop looks a last time and returns the largest.
func (w *watch) stop() int64 {
	close(w.done)
	w.running.Wait()
	return max(w.most.Load(), w.look())
}
