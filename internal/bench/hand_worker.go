package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A handWorker owns some partitions of the source and some of the counts, and
// has a repartition file of its own to every partition, so that nobody waits
// for anybody: what it has written is seen by the others at its commit.
//
//	worker 0: source 0, 2 ─▶ 0-to-0 … 0-to-3      counts 0, 2 ◀─ 0-to-0, 1-to-0, 0-to-2, 1-to-2
//	worker 1: source 1, 3 ─▶ 1-to-0 … 1-to-3      counts 1, 3 ◀─ 0-to-1, 1-to-1, 0-to-3, 1-to-3
type handWorker struct {
	sources   []*handReader
	out       []*handLog // by partition
	counts    []*handCount
	positions vfs.File
	durable   bool // before a commit is seen

	splitter    wordSplitter
	changed     bool // since the last commit
	ended       bool // its sources, and that is committed
	records     int64
	committedAt time.Time
	savedAt     time.Time

	all *handPipeline
}

// A handPipeline is what the workers share.
type handPipeline struct {
	workers []*handWorker
	ended   atomic.Int32    // workers whose sources have ended
	wake    []chan struct{} // by worker; a token when another has committed
}

// run works until everything is counted and committed, or ctx ends.
func (w *handWorker) run(ctx context.Context, wake <-chan struct{}) error {
	w.committedAt = time.Now()
	w.savedAt = w.committedAt
	for ctx.Err() == nil {
		// Asked before looking for input: what comes from the others is there
		// when they have ended.
		last := int(w.all.ended.Load()) == len(w.all.workers)
		split, err := w.splitSome()
		if err != nil {
			return err
		}
		counted, err := w.countSome()
		if err != nil {
			return err
		}
		idle := !split && !counted
		if now := time.Now(); w.changed && (idle || now.Sub(w.committedAt) >= commitInterval) {
			if err := w.commit(now); err != nil {
				return err
			}
		}
		switch {
		case !split && !w.ended && !w.changed:
			w.ended = true
			w.all.ended.Add(1)
			w.wakeAll()
		case idle && last:
			return nil
		case idle:
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err()
}

// splitSome reads some lines of each source and writes their words.
func (w *handWorker) splitSome() (progress bool, err error) {
	for _, source := range w.sources {
		more, err := source.read(w.splitLine)
		if err != nil {
			return false, fmt.Errorf("read source: %w", err)
		}
		progress = progress || more
	}
	w.changed = w.changed || progress
	return progress, nil
}

func (w *handWorker) splitLine(rec *batch.Record) error {
	n := int32(len(w.out))
	return w.splitter.split(rec.Value, func(word []byte) error {
		return w.out[log.Partition(word, n)].append(rec.TimestampMillis, word, []byte{})
	})
}

// countSome counts some of what others have committed.
func (w *handWorker) countSome() (progress bool, err error) {
	for _, c := range w.counts {
		for _, in := range c.inputs {
			more, err := in.read(c.add)
			if err != nil {
				return false, fmt.Errorf("read repartition: %w", err)
			}
			progress = progress || more
		}
	}
	w.changed = w.changed || progress
	return progress, nil
}

// commit writes everything, makes it durable if that is wanted, then the
// position, and lets the others see it.
func (w *handWorker) commit(now time.Time) error {
	if err := w.write(); err != nil {
		return err
	}
	if err := w.writePosition(); err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	for _, l := range w.out {
		l.committed.Store(l.pos)
	}
	w.wakeAll()
	w.changed, w.committedAt = false, now
	if now.Sub(w.savedAt) < storeInterval {
		return nil
	}
	w.savedAt = now
	return w.save()
}

func (w *handWorker) write() error {
	for _, l := range w.out {
		if err := l.flush(); err != nil {
			return err
		}
	}
	for _, c := range w.counts {
		if err := c.publish(); err != nil {
			return err
		}
	}
	if !w.durable {
		return nil
	}
	for l := range w.logs {
		if err := l.f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// logs yields every file that the worker appends to.
func (w *handWorker) logs(yield func(*handLog) bool) {
	for _, l := range w.out {
		if !yield(l) {
			return
		}
	}
	for _, c := range w.counts {
		if !yield(c.changelog) || !yield(c.output) {
			return
		}
	}
}

// writePosition notes how far everything is read and written: what a restart
// would cut its files back to and go on from.
func (w *handWorker) writePosition() error {
	record := make([]byte, 8)
	for _, r := range w.sources {
		record = binary.BigEndian.AppendUint64(record, uint64(r.pos))
	}
	for _, c := range w.counts {
		for _, r := range c.inputs {
			record = binary.BigEndian.AppendUint64(record, uint64(r.pos))
		}
	}
	for l := range w.logs {
		record = binary.BigEndian.AppendUint64(record, uint64(l.pos))
	}
	binary.BigEndian.PutUint32(record, crc32.ChecksumIEEE(record[4:]))
	if _, err := w.positions.WriteAt(record, w.records*int64(len(record))); err != nil {
		return err
	}
	w.records++
	if !w.durable {
		return nil
	}
	return w.positions.Sync()
}

func (w *handWorker) save() error {
	for _, c := range w.counts {
		if err := c.save(); err != nil {
			return fmt.Errorf("write store: %w", err)
		}
	}
	return nil
}

func (w *handWorker) wakeAll() {
	for _, wake := range w.all.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// partitionsOf deals partitions out to workers.
func partitionsOf(worker, workers int) []int {
	var mine []int
	for p := range wordcountPartitions {
		if p%workers == worker {
			mine = append(mine, p)
		}
	}
	return slices.Clip(mine)
}
