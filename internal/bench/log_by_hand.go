package bench

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// readBytes is how much both sides read at a time.
const readBytes = 1 << 20

// A checksum tells whether both sides saw the same records.
type checksum struct {
	records, bytes int64
	first          uint64 // first bytes of all values added up
}

func (s *checksum) add(value []byte) {
	s.records++
	s.bytes += int64(len(value))
	if len(value) > 0 {
		s.first += uint64(value[0])
	}
}

func (s checksum) plus(t checksum) checksum {
	return checksum{s.records + t.records, s.bytes + t.bytes, s.first + t.first}
}

func (s checksum) String() string {
	return fmt.Sprintf("%d records of %d bytes (sum %d)", s.records, s.bytes, s.first)
}

// values returns some different values, to be appended in turn. Nothing here
// compresses, so what they hold is without influence.
func (w logWork) values() [][]byte {
	const different = 64
	vs := make([][]byte, different)
	for i := range vs {
		vs[i] = make([]byte, w.valueBytes)
		for j := range vs[i] {
			vs[i][j] = byte(i + j)
		}
	}
	return vs
}

// appendByHand is the bare loop: encode and checksum a batch, write it with
// one system call, and make it durable as the mode says.
func appendByHand(dir string, w logWork) (o outcome, err error) {
	err = inScratch(dir, func(_ string, fsys vfs.FS) (err error) {
		f, err := create(fsys, "bare.log")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		return sideByHand.label(func() error {
			m := startMeter()
			stop := syncEvery(f, w.durability)
			o.sum, err = writeBatches(f, w)
			o.acknowledged = time.Since(m.at)
			err = errors.Join(err, stop())
			o.cost = m.stop()
			o.wall = o.acknowledged // what came after was waiting for a sync
			return err
		})
	})
	return o, err
}

func writeBatches(f vfs.File, w logWork) (sum checksum, err error) {
	var b handBatch
	values := w.values()
	pos, next := int64(0), int64(0)
	for range w.batches {
		first := next
		for range w.batchRecords {
			v := values[next%int64(len(values))]
			b.append(startMillis+next, nil, v)
			sum.add(v)
			next++
		}
		encoded := b.seal(first)
		if _, err := f.WriteAt(encoded, pos); err != nil {
			return sum, err
		}
		pos += int64(len(encoded))
		if w.durability != log.Sync {
			continue
		}
		if err := f.Sync(); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// startMillis is when the first record of every benchmark happened; any time
// does.
const startMillis = 1_700_000_000_000

// syncEvery syncs f in the background as the interval mode of the log does,
// until the result is called, and does nothing in the other modes.
func syncEvery(f vfs.File, d log.Durability) (stop func() error) {
	if d != log.Interval {
		return func() error { return nil }
	}
	var failed error
	var running sync.WaitGroup
	done := make(chan struct{})
	running.Go(func() {
		t := time.NewTicker(log.DefaultSyncInterval)
		defer t.Stop()
		for failed == nil {
			select {
			case <-done:
				return
			case <-t.C:
				failed = f.Sync()
			}
		}
	})
	return func() error {
		close(done)
		running.Wait()
		return failed
	}
}

// readByHand reads the file of the bare loop: large reads into one buffer,
// every checksum verified, every record decoded.
func readByHand(dir string, w logWork) (o outcome, err error) {
	err = inScratch(dir, func(_ string, fsys vfs.FS) (err error) {
		f, err := create(fsys, "bare.log")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w.durability = log.OS
		if _, err := writeBatches(f, w); err != nil {
			return err
		}
		return sideByHand.label(func() error { return w.reading(&o, func() error { return readBatches(f, &o.sum) }) })
	})
	return o, err
}

// reading measures reading everything as often as it takes.
func (w logWork) reading(o *outcome, everything func() error) error {
	m := startMeter()
	for range w.reads {
		if err := everything(); err != nil {
			return err
		}
	}
	o.cost = m.stop()
	o.acknowledged = o.wall
	return nil
}

func readBatches(f io.ReaderAt, sum *checksum) error {
	buf := make([]byte, readBytes)
	var pos int64
	for {
		n, err := f.ReadAt(buf, pos)
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		done, err := decodeBatches(buf[:n], sum)
		if err != nil {
			return fmt.Errorf("at byte %d: %w", pos+int64(done), err)
		}
		switch {
		case last && done == n:
			return nil
		case last && done == 0:
			return io.ErrUnexpectedEOF
		case done == 0:
			buf = make([]byte, 2*len(buf)) // for a batch that is larger
		}
		pos += int64(done)
	}
}

// decodeBatches takes the whole batches at the beginning of b and returns
// their size.
func decodeBatches(b []byte, sum *checksum) (done int, err error) {
	var r batch.Reader
	var rec batch.Record
	for len(b)-done >= batch.HeaderBytes {
		h, err := batch.ParseHeader(b[done:])
		if err != nil {
			return done, err
		}
		end := done + h.SizeBytes()
		if end > len(b) {
			break
		}
		if err := batch.Verify(b[done:end]); err != nil {
			return done, err
		}
		if err := r.Reset(b[done:end]); err != nil {
			return done, err
		}
		for r.Next(&rec) {
			sum.add(rec.Value)
		}
		if err := r.Err(); err != nil {
			return done, err
		}
		done = end
	}
	return done, nil
}
