package log

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

var updateDumps = flag.Bool("update-dumps", false, "write testdata/dump anew")

// dumped returns what Dump prints of a log with two topics that was killed.
func dumped(t *testing.T, damage func(*vfs.Mem), cfg DumpConfig) (string, error) {
	t.Helper()
	m := vfs.NewMem()
	b := open(t, m, Config{})
	for _, name := range []string{"orders", "payments"} {
		if _, err := b.CreateTopic(name, TopicConfig{}); err != nil {
			t.Fatal(err)
		}
		produce(t, b, name, "first", "second")
	}
	c := b.NewCommitBuilder()
	if err := c.SetOffset("readers", TopicPartition{"orders", 0}, CommittedOffset{Offset: 2, Metadata: "m"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
	m = m.KillProcess()
	damage(m)
	var out bytes.Buffer
	err := dumpFS(&out, m, cfg)
	return out.String(), err
}

func undamaged(*vfs.Mem) {}

func TestDumpPrintsTheJournal(t *testing.T) {
	out, err := dumped(t, undamaged, DumpConfig{Records: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CHECKPOINT version 2, cluster ",
		"journal/00000000000000000001.journal ",
		"\n    topic orders, id ",
		"\n    batch payments-0, offsets 0 to 1, 2 records, ",
		"\n      1: key \"k\", value \"second\", 0 headers\n",
		"\n    offset of orders-0, group \"readers\": 2, leader epoch 0, at ",
		": end\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestDumpLeavesOtherTopicsOut(t *testing.T) {
	out, err := dumped(t, undamaged, DumpConfig{Topics: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "payments") || !strings.Contains(out, "batch orders-0") {
		t.Errorf("want orders alone:\n%s", out)
	}
	if _, err := dumped(t, undamaged, DumpConfig{Topics: []string{"refunds"}}); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("error %v, want %v", err, ErrUnknownTopic)
	}
}

func TestDumpGoesOnBehindDamage(t *testing.T) {
	out, err := dumped(t, func(m *vfs.Mem) {
		f, err := m.OpenFile("journal/00000000000000000001.journal", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("damage"), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}, DumpConfig{})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v, want %v", err, ErrCorrupt)
	}
	if !strings.Contains(out, "! journal: journal/00000000000000000001.journal: corrupt at byte 0: magic") {
		t.Errorf("the damage is not named:\n%s", out)
	}
}

// A fullDisk refuses what is printed.
type fullDisk struct{ err error }

func (w fullDisk) Write([]byte) (int, error) { return 0, w.err }

func TestDumpReturnsTheErrorOfItsWriter(t *testing.T) {
	m := vfs.NewMem()
	open(t, m, Config{})
	want := errors.New("no room")
	if err := dumpFS(fullDisk{want}, m, DumpConfig{}); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// golden compares with testdata/dump/name.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "dump", name+".golden")
	if *updateDumps {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s(go test ./log -run Dump -update-dumps writes it anew)", got, want)
	}
}

// dumpedEntries returns what is printed of entries, as they are stored.
func dumpedEntries(t *testing.T, es []entry) string {
	t.Helper()
	var out bytes.Buffer
	d := &dumper{w: &out, cfg: DumpConfig{Records: true}, topics: map[uuid.UUID]string{}}
	if err := applyEntries(encodeEntries(es), d.apply); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDumpPrintsEveryEntry(t *testing.T) {
	es := someEntries()
	at := partitionID{uuid.UUID{1, 2, 3}, 2}
	placed := stampedBatch(41, nil)[:batch.HeaderBytes]
	for i, e := range es {
		if _, ok := e.(batchEntry); ok {
			es[i] = batchEntry{at, stampedBatch(40, nil)} // one that is sound
		}
	}
	es = append(es, doomedEntry{partitionID{at.topic, allPartitions}, 0, 0}, placedEntry{at, 40, 8192, placed})
	printed := map[reflect.Type]bool{}
	for _, e := range es {
		printed[reflect.TypeOf(e)] = true
	}
	for kind, how := range decoders {
		if kind == entryOffset1 || kind == entryPartition1 {
			continue // decoded as those of today
		}
		d := decoder{b: make([]byte, 200)}
		if e := how.decode(&d); !printed[reflect.TypeOf(e)] {
			t.Errorf("no %s entry is printed", how.name)
		}
	}
	golden(t, "entries", dumpedEntries(t, es))
}

// stampedBatch returns a batch of two records at an offset.
func stampedBatch(offset int64, with func(*batch.Builder)) []byte {
	var b batch.Builder
	b.Reset(0)
	if with != nil {
		with(&b)
	}
	b.Append(1_700_000_000_000, []byte("key"), []byte("value"), []batch.RecordHeader{{Key: "h", Value: []byte("v")}})
	b.Append(1_700_000_001_000, []byte("key"), nil, nil)
	out := append([]byte(nil), b.Finish()...)
	batch.Stamp(out, offset, 3)
	return out
}

func TestDumpPrintsWhatBatchesAre(t *testing.T) {
	at := partitionID{uuid.UUID{1, 2, 3}, 0}
	es := []entry{topicEntry{at.topic, "orders", defaultTopicConfig()}}
	add := func(b []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		es = append(es, batchEntry{at, b})
	}
	for codec := batch.Gzip; codec <= batch.Zstd; codec++ {
		add(batch.Compress(nil, stampedBatch(0, nil), codec))
	}
	add(stampedBatch(10, func(b *batch.Builder) { b.SetProducer(5, 2, 7) }), nil)
	add(stampedBatch(20, func(b *batch.Builder) { b.SetProducer(5, 2, 9); b.SetTransactional(true) }), nil)
	for i, m := range []batch.Marker{{Commit: true, CoordinatorEpoch: 1}, {}} {
		b := batch.AppendMarker(nil, m, 5, 2, 1_700_000_002_000)
		batch.Stamp(b, int64(30+i), 3)
		add(b, nil)
	}
	tombstone, _, err := batch.Filter(nil, stampedBatch(40, nil), 1_700_000_009_000, func(r *batch.Record) bool { return r.Value == nil })
	add(tombstone, err)
	golden(t, "batches", dumpedEntries(t, es))
}

func TestDumpPrintsFormat1(t *testing.T) {
	var out bytes.Buffer
	if err := Dump(&out, filepath.Join("testdata", "format1", "closed"), DumpConfig{Journal: true}); err != nil {
		t.Fatal(err)
	}
	golden(t, "format1", out.String())
}

// TestDumpPrintsCompactedSegments shows what segments have under what names.
func TestDumpPrintsCompactedSegments(t *testing.T) {
	at := partitionID{uuid.UUID{1, 2, 3}, 0}
	m := vfs.NewMem()
	files := segment.NewFiles(dumpFiles)
	dir := vfs.Sub(m, partitionDir(at))
	if err := m.MkdirAll(partitionDir(at), vfs.DirPerm); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Create(files, dir, 30, 2)
	if err != nil {
		t.Fatal(err)
	}
	b := stampedBatch(40, nil)
	if err := s.Append([]segment.Span{{Bytes: b, First: 40, Last: 41}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Sync(), s.Close()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	d := &dumper{w: &out, fsys: m, files: files, cfg: DumpConfig{Records: true}, topics: map[uuid.UUID]string{at.topic: "orders"}}
	e := partitionEntry{at: at, start: 40, end: 42, cleaned: 42, segments: []segment.Meta{s.Meta()}}
	if err := d.apply(e); err != nil {
		t.Fatal(err)
	}
	d.segments(e)
	if d.err != nil {
		t.Fatal(d.err)
	}
	golden(t, "segments", out.String())
}
