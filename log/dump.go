package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// A DumpConfig says what [Dump] prints. The zero value is everything but the
// records themselves.
type DumpConfig struct {
	// Journal and Segments choose one of the two; neither or both are both.
	// The checkpoint is always printed.
	Journal, Segments bool

	// Topics leaves out what belongs to other topics. Default all.
	Topics []string

	// Records prints each record in the batches.
	Records bool
}

// Dump prints the files of the log in dir as the log itself reads them, for
// people. It works beside the owner; what is written meanwhile may be missing.
// Where bytes make no sense it says so and goes on with the next file, and
// returns ErrCorrupt at the end. A topic that is not there is ErrUnknownTopic.
func Dump(w io.Writer, dir string, cfg DumpConfig) error {
	fsys, err := vfs.Existing(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("dump log %s: %w: the directory does not exist", dir, ErrNotALog)
	}
	if err == nil {
		err = dumpFS(w, fsys, cfg)
	}
	if err != nil {
		return fmt.Errorf("dump log %s: %w", dir, err)
	}
	return nil
}

func dumpFS(w io.Writer, fsys vfs.FS, cfg DumpConfig) error {
	if !cfg.Journal && !cfg.Segments {
		cfg.Journal, cfg.Segments = true, true
	}
	d := &dumper{w: w, fsys: fsys, cfg: cfg, topics: map[uuid.UUID]string{}, files: segment.NewFiles(dumpFiles)}
	if err := d.checkpoint(); err != nil {
		return err
	}
	partitions := d.partitions
	d.quiet = !cfg.Journal // it is read all the same: it may know of more topics
	d.journal()
	d.quiet = false
	if cfg.Segments {
		for _, p := range partitions {
			d.segments(p)
		}
	}
	for _, name := range cfg.Topics {
		if !d.known(name) {
			d.fail("", fmt.Errorf("topic %q: %w", name, ErrUnknownTopic))
		}
	}
	return d.err
}

// dumpFiles is how many files are open at a time.
const dumpFiles = 16

// A dumper prints. After the first error of w it only pretends to.
type dumper struct {
	w          io.Writer
	fsys       vfs.FS
	files      *segment.Files
	cfg        DumpConfig
	topics     map[uuid.UUID]string
	partitions []partitionEntry
	quiet      bool
	writeErr   error
	err        error
}

func (d *dumper) printf(format string, args ...any) error {
	if d.quiet || d.writeErr != nil {
		return d.writeErr
	}
	_, d.writeErr = fmt.Fprintf(d.w, format, args...)
	return d.writeErr
}

func (d *dumper) known(name string) bool {
	for _, n := range d.topics {
		if n == name {
			return true
		}
	}
	return false
}

// wanted returns the name of a topic, and whether it is to be printed.
func (d *dumper) wanted(id uuid.UUID) (name string, ok bool) {
	name, known := d.topics[id]
	if !known {
		name = id.String()
	}
	return name, len(d.cfg.Topics) == 0 || slices.Contains(d.cfg.Topics, name)
}

// fail prints an error where it belongs and keeps the first, for the caller of
// Dump.
func (d *dumper) fail(indent string, err error) {
	if err != nil && d.writeErr == nil {
		d.writeErr = d.printf("%s! %v\n", indent, err)
	}
	if d.err == nil {
		d.err = err
	}
}

func (d *dumper) checkpoint() error {
	h, entries, err := readCheckpoint(d.fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s", ErrNotALog, checkpointName)
	}
	if err != nil {
		return err
	}
	state := "open"
	if h.closed {
		state = "closed"
	}
	if err := d.printf("%s version %d, cluster %s, leader epoch %d, journal from record %d, %s\n",
		checkpointName, h.version, h.cluster, h.epoch, h.first, state); err != nil {
		return err
	}
	return applyEntries(entries, d.apply)
}

func (d *dumper) journal() {
	err := journal.Describe(vfs.Sub(d.fsys, journalDir), func(f journal.FileDescription) error {
		if f.Err != nil {
			d.fail("", fmt.Errorf("%s: %w", journalDir, f.Err))
			return d.writeErr
		}
		return d.printf("%s/%s %d bytes, first record %d, salt %016x, boot %x\n", journalDir, f.Name, f.SizeBytes, f.First, f.Salt, f.Boot)
	}, func(r journal.Record) error {
		more := ""
		if r.More {
			more = ", commit goes on"
		}
		if err := d.printf("  %d: record %d, %d bytes, crc %08x, durable to %d, %s%s\n", r.Pos, r.Sequence, len(r.Body), r.CRC(),
			r.Durable, time.UnixMilli(r.TimeMillis).UTC().Format(time.RFC3339Nano), more); err != nil {
			return err
		}
		d.fail("    ", applyEntries(r.Body, d.apply))
		return d.writeErr
	}, func(e journal.End) error {
		if e.Torn {
			return d.printf("  %d: end, %s (torn, or being written; see freshet log verify)\n", e.Pos, e.Reason)
		}
		return d.printf("  %d: end\n", e.Pos)
	})
	d.fail("  ", err)
}

// segments prints the segments of a partition as far as the checkpoint counts
// them.
func (d *dumper) segments(e partitionEntry) {
	name, _ := d.wanted(e.at.topic)
	for _, m := range e.segments {
		d.segment(fmt.Sprintf("%s-%d", name, e.at.partition), partitionDir(e.at), m)
	}
}

func (d *dumper) segment(partition, dir string, m segment.Meta) {
	name := dir + "/" + segment.LogName(m.Base, m.Generation)
	s, err := segment.OpenReadOnly(d.files, vfs.Sub(d.fsys, dir), m)
	if err != nil {
		d.fail("", fmt.Errorf("%s of %s: %w", name, partition, err))
		return
	}
	offsets, times, err := s.IndexEntries()
	if err == nil {
		err = d.printf("%s of %s, %d bytes, %d offset and %d time index entries\n", name, partition, m.SizeBytes, offsets, times)
	}
	if err == nil {
		err = s.Describe(func(pos int64, h batch.Header, b []byte) error {
			what, err := describeBatch(&h, b)
			if err != nil {
				return err
			}
			if err := d.printf("  %d: %s\n", pos, what); err != nil {
				return err
			}
			return d.records(&h, b)
		})
	}
	d.fail("  ", errors.Join(err, s.Close()))
}
