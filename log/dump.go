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

// apply prints an entry.
func (d *dumper) apply(e entry) error {
	switch e := e.(type) {
	case topicEntry:
		return d.topic(e)
	case topicDeletedEntry:
		return d.of(e.id, func(name string) error { return d.printf("    topic %s deleted, id %s\n", name, e.id) })
	case batchEntry:
		return d.of(e.at.topic, func(name string) error { return d.batch(name, e) })
	case offsetEntry:
		return d.of(e.at.topic, func(name string) error {
			return d.printf("    offset of group %q, %s-%d: %d, metadata %q\n", e.group, name, e.at.partition, e.o.Offset, e.o.Metadata)
		})
	case offsetGoneEntry:
		return d.of(e.at.topic, func(name string) error {
			return d.printf("    offset of group %q, %s-%d deleted\n", e.group, name, e.at.partition)
		})
	case logStartEntry:
		return d.of(e.at.topic, func(name string) error {
			return d.printf("    log start of %s-%d: %d\n", name, e.at.partition, e.start)
		})
	case doomedEntry:
		return d.of(e.at.topic, func(name string) error {
			if e.at.partition == allPartitions {
				return d.printf("    to be removed: topic %s\n", name)
			}
			return d.printf("    to be removed: %s-%d, %s\n", name, e.at.partition, segment.LogName(int64(e.base), e.generation))
		})
	case partitionEntry:
		return d.of(e.at.topic, func(name string) error { return d.partition(name, e) })
	}
	return d.printf("    %T\n", e)
}

// of prints what belongs to a topic, if that is wanted.
func (d *dumper) of(id uuid.UUID, print func(name string) error) error {
	if name, ok := d.wanted(id); ok {
		return print(name)
	}
	return nil
}

func (d *dumper) topic(e topicEntry) error {
	d.topics[e.id] = e.name
	return d.of(e.id, func(string) error {
		configs := ""
		if s := e.cfg.String(); s != "" {
			configs = ", " + s
		}
		return d.printf("    topic %s, id %s, %d partitions%s\n", e.name, e.id, e.cfg.Partitions, configs)
	})
}

func (d *dumper) batch(name string, e batchEntry) error {
	h, err := batch.ParseHeader(e.batch)
	if err == nil {
		err = batch.Verify(e.batch)
	}
	if err != nil {
		return fmt.Errorf("batch of %s-%d: %w", name, e.at.partition, err)
	}
	if err := d.printf("    batch %s-%d, %s\n", name, e.at.partition, describeBatch(h)); err != nil {
		return err
	}
	return d.records(e.batch)
}

func (d *dumper) partition(name string, e partitionEntry) error {
	d.partitions = append(d.partitions, e)
	if err := d.printf("    partition %s-%d, offsets %d to %d\n", name, e.at.partition, e.start, e.end); err != nil {
		return err
	}
	for _, ep := range e.epochs {
		if err := d.printf("      leader epoch %d from offset %d\n", ep.epoch, ep.start); err != nil {
			return err
		}
	}
	for _, s := range e.segments {
		if err := d.printf("      segment of offsets %d to %d, %d bytes\n", s.Base, s.End, s.SizeBytes); err != nil {
			return err
		}
	}
	return nil
}

func describeBatch(h batch.Header) string {
	return fmt.Sprintf("offsets %d to %d, %d records, %d bytes, leader epoch %d, crc %08x, newest %s",
		h.BaseOffset, h.LastOffset(), h.Count, h.SizeBytes(), h.LeaderEpoch, h.CRC,
		time.UnixMilli(h.MaxTimestampMillis).UTC().Format(time.RFC3339Nano))
}

func (d *dumper) records(b []byte) error {
	if !d.cfg.Records {
		return nil
	}
	var r batch.Reader
	if err := r.Reset(b); err != nil {
		return err
	}
	var rec batch.Record
	for r.Next(&rec) {
		if err := d.printf("      %d: key %s, value %s, %d headers\n", rec.Offset, quote(rec.Key), quote(rec.Value), rec.HeaderCount); err != nil {
			return err
		}
	}
	return r.Err()
}

func quote(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
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
			if err := d.printf("  %d: %s\n", pos, describeBatch(h)); err != nil {
				return err
			}
			return d.records(b)
		})
	}
	d.fail("  ", errors.Join(err, s.Close()))
}
