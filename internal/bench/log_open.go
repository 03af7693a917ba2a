package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// An OpenRow is opening a log of many partitions that was closed, each with a
// few records in a segment of its own.
type OpenRow struct {
	Partitions    int     `json:"partitions"`
	OpenSeconds   float64 `json:"open_seconds"`
	CloseSeconds  float64 `json:"close_seconds"`
	CreateSeconds float64 `json:"create_seconds"` // the topic, its records, and the first Close
	OpenFiles     int     `json:"open_files"`     // once open; 0 where it is not known
	FilesOnDisk   int     `json:"files_on_disk"`
	HeapBytes     int64   `json:"heap_bytes"` // what the open log keeps
}

func (c LogConfig) opening(ctx context.Context) (rows []OpenRow, err error) {
	for _, n := range sizes(c.OpenPartitions, c.Short, []int{1000}, []int{1000, 10_000}) {
		err := inScratch(c.Dir, func(path string, fsys vfs.FS) error {
			row, err := c.openMany(ctx, path, fsys, n)
			rows = append(rows, row)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("measure opening %d partitions: %w", n, err)
		}
	}
	return rows, nil
}

func (c LogConfig) openMany(ctx context.Context, path string, fsys vfs.FS, partitions int) (row OpenRow, err error) {
	row.Partitions = partitions
	c.Progress(fmt.Sprintf("open %d partitions: writing", partitions))
	began := time.Now()
	if err := createMany(fsys, partitions); err != nil {
		return row, err
	}
	row.CreateSeconds = time.Since(began).Seconds()
	if row.FilesOnDisk, err = countFiles(path); err != nil {
		return row, err
	}
	var opens, closes []float64
	for round := range c.sectionRounds() {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		c.Progress(fmt.Sprintf("open %d partitions: round %d of %d", partitions, round+1, c.sectionRounds()))
		files, heap := openFiles(), heapBytes()
		m := startMeter()
		b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
		if err != nil {
			return row, err
		}
		opens = append(opens, time.Since(m.at).Seconds())
		row.OpenFiles, row.HeapBytes = max(openFiles()-files, 0), heapBytes()-heap
		began := time.Now()
		if err := b.Close(); err != nil {
			return row, err
		}
		closes = append(closes, time.Since(began).Seconds())
	}
	row.OpenSeconds, row.CloseSeconds = median(opens), median(closes)
	return row, nil
}

// createMany makes a topic of so many partitions and puts a record into each.
func createMany(fsys vfs.FS, partitions int) (err error) {
	b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if _, err := b.CreateTopic(benchTopic, log.TopicConfig{Partitions: int32(partitions)}); err != nil {
		return err
	}
	c, value := b.NewCommitBuilder(), smallValues()[0]
	for i := range partitions {
		rec := log.Record{Value: value, TimestampMillis: startMillis}
		if err := c.Append(benchTopic, int32(i), &rec); err != nil {
			return err
		}
		if i%commitRecords != commitRecords-1 && i != partitions-1 {
			continue
		}
		if _, err := b.Commit(c.Build()); err != nil {
			return err
		}
	}
	return nil
}

func countFiles(path string) (n int, err error) {
	err = filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}

// heapBytes is what is in use, garbage collected.
func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
