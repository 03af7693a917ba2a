package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// A HeldRow is what a log takes while values are appended, 100 a commit, and
// afterwards.
type HeldRow struct {
	Durability string `json:"durability"`
	ValueBytes int    `json:"value_bytes"`
	Bytes      int64  `json:"bytes"` // of all values

	// Bytes on disk for each byte of values, all files: the most while
	// appending, journal included, and what is left after Close.
	DiskPerValueByteMost  float64 `json:"disk_bytes_per_value_byte_most"`
	DiskPerValueByteAfter float64 `json:"disk_bytes_per_value_byte_after"`

	OpenFiles int `json:"open_files"` // at the end of appending; 0 where it is not known

	// Memory of the whole process: before, the most while appending, and when
	// it is closed and garbage is collected. 0 where it is not known.
	ResidentBefore int64 `json:"resident_bytes_before"`
	ResidentMost   int64 `json:"resident_bytes_most"`
	ResidentAfter  int64 `json:"resident_bytes_after"`
}

func (c LogConfig) heldAndOverload(ctx context.Context) (rows []HeldRow, o *OverloadResult, err error) {
	for _, d := range c.osAndSync() {
		for _, size := range c.ValueBytes {
			row, err := c.held(ctx, d, size)
			if err != nil {
				return nil, nil, fmt.Errorf("measure what is held: %w", err)
			}
			rows = append(rows, row)
		}
	}
	if o, err = c.overload(ctx); err != nil {
		return nil, nil, fmt.Errorf("measure overload: %w", err)
	}
	return rows, o, nil
}

func (c LogConfig) held(ctx context.Context, d log.Durability, valueBytes int) (row HeldRow, err error) {
	total := c.HeldBytes
	if c.Short {
		total /= 4
	}
	row = HeldRow{Durability: d.String(), ValueBytes: valueBytes}
	c.Progress(fmt.Sprintf("held %s, %s in values of %d B", d, megabytes(total), valueBytes))
	err = inScratch(c.Dir, func(path string, fsys vfs.FS) error {
		releaseMemory()
		row.ResidentBefore = residentBytes()
		filesBefore := openFiles()
		b, err := openNew(fsys, d)
		if err != nil {
			return err
		}
		memory, disk := watchMemory(), startWatch(func() int64 {
			n, err := diskBytes(path)
			if err != nil {
				return 0 // looked at again; the last look is one that must work
			}
			return n
		})
		row.Bytes, err = appendValues(ctx, b, valueBytes, total)
		row.OpenFiles = max(openFiles()-filesBefore, 0)
		err = errors.Join(err, b.Close())
		row.ResidentMost = memory.stop()
		most := disk.stop()
		if err != nil {
			return err
		}
		left, err := diskBytes(path)
		row.DiskPerValueByteMost = quotient(float64(most), float64(row.Bytes))
		row.DiskPerValueByteAfter = quotient(float64(left), float64(row.Bytes))
		releaseMemory()
		row.ResidentAfter = residentBytes()
		return err
	})
	return row, err
}

// appendValues appends values of that many bytes together, or a few more, and
// returns how many.
func appendValues(ctx context.Context, b *log.Broker, valueBytes int, total int64) (done int64, err error) {
	const perCommit = 100
	p := b.NewProducer()
	values := logWork{valueBytes: valueBytes}.values()
	records := make([]log.Record, perCommit)
	for done < total {
		for i := range records {
			records[i].Value = values[i%len(values)]
		}
		if err := p.Produce(ctx, benchTopic, records...); err != nil {
			return done, err
		}
		done += int64(perCommit * valueBytes)
	}
	return done, nil
}
