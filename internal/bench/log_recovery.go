package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A RecoveryRow is opening a log whose process was killed, once for each round.
// What it reads was written a moment before, so it comes from the memory of the
// operating system and not from the disk.
type RecoveryRow struct {
	JournalBytes int64   `json:"journal_bytes"` // of values in the journal when it was killed
	LogBytes     int64   `json:"log_bytes"`     // of values in segments, at least
	Commits      int64   `json:"commits"`       // replayed
	OpenSeconds  float64 `json:"open_seconds"`

	// CleanOpenSeconds is what opening the same log takes after Close.
	CleanOpenSeconds float64 `json:"clean_open_seconds"`
}

const (
	recoveryValueBytes = 1024
	// recoveryRecords is how many records a commit has: fewer than would be
	// written past the journal.
	recoveryRecords = 4
)

func (c LogConfig) recovery(ctx context.Context) (rows []RecoveryRow, err error) {
	const mib = 1 << 20
	for _, size := range sizes(c.LogBytes, c.Short, []int64{16 * mib, 256 * mib}, []int64{100 * mib, 1024 * mib}) {
		err := inScratch(c.Dir, func(_ string, fsys vfs.FS) error {
			c.Progress(fmt.Sprintf("recovery, log of %s: writing", megabytes(size)))
			if err := fillLog(ctx, fsys, size); err != nil {
				return err
			}
			for _, journal := range sizes(c.JournalBytes, c.Short, []int64{16 * mib, 64 * mib}, []int64{16 * mib, 64 * mib, 256 * mib}) {
				row, err := c.recover(ctx, fsys, journal, size)
				if err != nil {
					return fmt.Errorf("measure recovery: %w", err)
				}
				rows = append(rows, row)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// fillLog writes values of about that many bytes and closes the log.
func fillLog(ctx context.Context, fsys vfs.FS, size int64) error {
	b, err := openNew(fsys, log.OS)
	if err != nil {
		return err
	}
	return errors.Join(appendBytes(ctx, b, size, commitRecords), b.Close())
}

func appendBytes(ctx context.Context, b *log.Broker, size int64, recordsPerCommit int) error {
	p := b.NewProducer()
	values := logWork{valueBytes: recoveryValueBytes}.values()
	records := make([]log.Record, recordsPerCommit)
	for i := range records {
		records[i].Value = values[i%len(values)]
	}
	for written := int64(0); written < size; written += int64(recordsPerCommit * recoveryValueBytes) {
		if err := p.Produce(ctx, benchTopic, records...); err != nil {
			return err
		}
	}
	return nil
}

func (c LogConfig) recover(ctx context.Context, fsys vfs.FS, journal, size int64) (RecoveryRow, error) {
	row := RecoveryRow{JournalBytes: journal, LogBytes: size}
	var killed, clean []float64
	for round := range c.sectionRounds() {
		c.Progress(fmt.Sprintf("recovery, journal of %s, log of %s: round %d of %d", megabytes(journal), megabytes(size), round+1, c.sectionRounds()))
		if err := killWithJournal(ctx, fsys, journal); err != nil {
			return row, err
		}
		took, commits, err := timeOpen(fsys)
		if err != nil {
			return row, err
		}
		if commits == 0 {
			return row, errors.New("nothing to recover was left")
		}
		row.Commits = int64(commits)
		killed = append(killed, took.Seconds())
		if took, _, err = timeOpen(fsys); err != nil {
			return row, err
		}
		clean = append(clean, took.Seconds())
	}
	row.OpenSeconds, row.CleanOpenSeconds = median(killed), median(clean)
	return row, nil
}

// timeOpen opens the log and closes it. Closing is not in the time.
func timeOpen(fsys vfs.FS) (took time.Duration, commits int, err error) {
	m := startMeter()
	b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
	if err != nil {
		return 0, 0, err
	}
	took = time.Since(m.at)
	return took, b.Recovery().Commits, b.Close()
}

var errKilled = errors.New("killed")

// killWithJournal leaves a log as a kill of its process does when the journal
// has that many bytes of values. The process that is killed is a log that can
// do nothing with its files any more.
func killWithJournal(ctx context.Context, fsys vfs.FS, size int64) error {
	var killed atomic.Bool
	mortal := vfs.Fail(fsys, func(vfs.Op) error {
		if killed.Load() {
			return errKilled
		}
		return nil
	})
	const never = 8 // times as much as it will have: no checkpoint makes it unnecessary
	b, err := log.OpenFS(mortal, log.Config{Durability: log.OS, JournalBytes: never * size})
	if err != nil {
		return err
	}
	err = appendBytes(ctx, b, size, recoveryRecords)
	killed.Store(true)
	if closeErr := b.Close(); !errors.Is(closeErr, errKilled) {
		return errors.Join(err, fmt.Errorf("close a log that was killed: got %v, want %w", closeErr, errKilled))
	}
	return err
}

func megabytes(n int64) string { return fmt.Sprintf("%.4g MB", float64(n)/1e6) }
