package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// filesBelow returns the files in a directory and all below it.
func filesBelow(t testing.TB, fsys vfs.FS, dir string) (names []string) {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := path.Join(dir, e.Name()); e.IsDir() {
			names = append(names, filesBelow(t, fsys, name)...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

func overwrite(t testing.TB, fsys vfs.FS, name string, content []byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.WriteAt(content, 0)
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A flipped file, with what says what it holds.
type flipped struct {
	mem  *vfs.Mem
	name string
	data []byte
	want []string
	cfg  Config
}

// read opens the log and reads everything. It returns the error of either.
func (f *flipped) read(mem *vfs.Mem) (got []string, cut string, err error) {
	b, err := OpenFS(mem, f.cfg)
	if err != nil {
		return nil, "", err
	}
	cut = b.Recovery().Cut
	got, err = describeAll(b)
	// What cannot be read cannot always be closed well.
	if closed := b.Close(); err == nil {
		err = closed
	}
	return got, cut, err
}

// describeAll returns a line for each thing that users of a log can see.
func describeAll(b *Broker) (lines []string, err error) {
	for _, d := range b.Topics() {
		lines = append(lines, d.Name+" "+d.ID.String()+" "+d.Config.String())
		for _, p := range d.Partitions {
			tp := TopicPartition{d.Name, p.Partition}
			lines = append(lines, fmt.Sprintln(tp, p.Start, p.End, p.StableEnd))
			err := scan(b, tp, true, func(r *Record) error {
				lines = append(lines, fmt.Sprintf("%d %d %q %q", r.Offset, r.TimestampMillis, r.Key, r.Value))
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	for _, o := range b.GroupOffsets("g") {
		lines = append(lines, fmt.Sprintln("g", o.TopicPartition, o.Offset, o.Metadata))
	}
	return lines, nil
}

// flip returns the log with one bit of the file changed.
func (f *flipped) flip(t testing.TB, bit int) *vfs.Mem {
	left := f.mem.KillProcess()
	f.data[bit/8] ^= 1 << (bit % 8)
	overwrite(t, left, f.name, f.data)
	f.data[bit/8] ^= 1 << (bit % 8)
	return left
}

// bitsOf returns the bits to flip: those of headers, and FRESHET_BITS of the
// others at random; 0 means all.
func bitsOf(t testing.TB, bytes int, header func(pos int) bool, byDefault int) (bits []int) {
	n := testCount(t, "FRESHET_BITS", byDefault)
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	for pos := range bytes {
		for i := range 8 {
			if n == 0 || header(pos) || rng.IntN(bytes*8) < n {
				bits = append(bits, pos*8+i)
			}
		}
	}
	return bits
}

// commitRecords is how many records each commit of a specimen has.
const commitRecords = 8

// newSpecimen is a log with records of one partition, offsets and topics.
func newSpecimen(t testing.TB, bytes int, cfg Config) (*vfs.Mem, *Broker) {
	mem := vfs.NewMem()
	b := open(t, mem, cfg)
	for _, topic := range []string{"t", "u"} {
		if _, err := b.CreateTopic(topic, TopicConfig{Partitions: 1}); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 0))
	c := b.NewCommitBuilder()
	for size := 0; size < bytes; {
		for range commitRecords {
			r := Record{Key: fmt.Append(nil, size), Value: make([]byte, rng.IntN(1000)), TimestampMillis: 1_700_000_000_000 + int64(size)}
			for i := range r.Value {
				r.Value[i] = byte(rng.Uint32())
			}
			size += len(r.Value) + 20
			if err := c.Append("t", 0, &r); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.SetOffset("g", TopicPartition{"u", 0}, CommittedOffset{Offset: Offset(size), Metadata: "here"}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Commit(c.Build()); err != nil {
			t.Fatal(err)
		}
	}
	return mem, b
}

// TestNoFlippedBitOfASegmentIsSilent flips bits of a segment of 256 KiB: every
// bit of the headers of its batches, and 20,000 of the others. Reading fails,
// but for the leader epoch, which is under no checksum, as in Kafka, and says
// nothing of a record.
func TestNoFlippedBitOfASegmentIsSilent(t *testing.T) {
	skipOneGoroutine(t)
	cfg := Config{stepped: true, TailBytes: 1 << 20}
	mem, b := newSpecimen(t, 256<<10, cfg)
	f := &flipped{mem: mem, cfg: cfg}
	var err error
	if f.want, err = describeAll(b); err == nil {
		err = b.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range filesBelow(t, mem, topicsDir) {
		if strings.HasSuffix(name, ".log") {
			f.name = name
		}
	}
	if f.data, err = vfs.ReadFile(mem, f.name); err != nil {
		t.Fatal(err)
	}
	within := make([]int, len(f.data)) // a byte's place in its batch
	for at := 0; at < len(f.data); {
		h, err := batch.ParseHeader(f.data[at:])
		if err != nil {
			t.Fatal(err)
		}
		for i := range h.SizeBytes() {
			within[at+i] = i
		}
		at += h.SizeBytes()
	}
	bits := bitsOf(t, len(f.data), func(pos int) bool { return within[pos] < batch.HeaderBytes }, testBits(20_000))
	// One log for all: its segment is read anew for each.
	left := mem.KillProcess()
	reader := open(t, left, cfg)
	file, err := left.OpenFile(f.name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	harmless := 0
	batches := batchStarts(within)
	for _, bit := range bits {
		pos := bit / 8
		one := []byte{f.data[pos] ^ 1<<(bit%8)}
		if _, err := file.WriteAt(one, int64(pos)); err != nil {
			t.Fatal(err)
		}
		err := readAround(reader, f.data, batches, pos)
		if _, err := file.WriteAt(f.data[pos:pos+1], int64(pos)); err != nil {
			t.Fatal(err)
		}
		epoch := within[pos] >= 12 && within[pos] < 16
		switch {
		case epoch && err == nil:
			harmless++
		case !errors.Is(err, ErrCorrupt):
			t.Fatalf("bit %d of byte %d, byte %d of its batch: %v", bit%8, pos, within[pos], err)
		}
	}
	t.Logf("%d bits of %d, %d of them of leader epochs", len(bits), len(f.data)*8, harmless)
	if got, err := describeAll(reader); err != nil || !slices.Equal(got, f.want) {
		t.Fatalf("afterwards: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// batchStarts returns where batches begin.
func batchStarts(within []int) (starts []int) {
	for pos, in := range within {
		if in == 0 {
			starts = append(starts, pos)
		}
	}
	return starts
}

// readAround reads the batch that pos is in, as a consumer that comes from the
// batch before it.
func readAround(b *Broker, data []byte, starts []int, pos int) error {
	i, found := slices.BinarySearch(starts, pos)
	if !found {
		i--
	}
	h, err := batch.ParseHeader(data[starts[max(i-1, 0)]:])
	if err != nil {
		return err
	}
	end, err := batch.ParseHeader(data[starts[i]:])
	if err != nil {
		return err
	}
	c := b.NewConsumer()
	defer c.Close()
	if err := c.Assign(TopicPartition{"t", 0}, Offset(h.BaseOffset)); err != nil {
		return err
	}
	for next := Offset(h.BaseOffset); next <= Offset(end.LastOffset()); {
		fetches, err := c.Fetch(1)
		if err != nil {
			return err
		}
		if len(fetches) == 0 {
			return errors.New("nothing to fetch")
		}
		next = fetches[0].Next
		var r Record
		for fetches[0].Records.Next(&r) {
			next = max(next, r.Offset+1)
		}
		if err := fetches[0].Records.Err(); err != nil {
			return err
		}
	}
	return nil
}

// testBits is fewer in short tests.
func testBits(n int) int {
	if testing.Short() {
		return n / 20
	}
	return n
}

// TestNoFlippedBitOfJournalOrCheckpointIsSilent flips bits of both. The log is
// refused, or is as it was, or ends before the damage and says so.
func TestNoFlippedBitOfJournalOrCheckpointIsSilent(t *testing.T) {
	cfg := Config{stepped: true, JournalBytes: 512 << 10}
	mem, b := newSpecimen(t, 16<<10, cfg)
	want, err := describeAll(b)
	if err != nil {
		t.Fatal(err)
	}
	names := filesBelow(t, mem, journalDir)
	flipAll(t, &flipped{mem: mem, name: names[len(names)-1], want: want, cfg: cfg}, true)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	flipAll(t, &flipped{mem: mem, name: checkpointName, want: want, cfg: cfg}, false)
}

func flipAll(t *testing.T, f *flipped, mayEnd bool) {
	var err error
	if f.data, err = vfs.ReadFile(f.mem, f.name); err != nil {
		t.Fatal(err)
	}
	used := len(strings.TrimRight(string(f.data), "\x00"))
	refused, cut := 0, 0
	bits := bitsOf(t, used, func(pos int) bool { return pos < 64 }, testBits(2_000))
	for _, bit := range bits {
		got, why, err := f.read(f.flip(t, bit))
		switch {
		case errors.Is(err, ErrCorrupt) || errors.Is(err, ErrVersion):
			refused++
		case err != nil:
			t.Fatalf("%s, bit %d: %v", f.name, bit, err)
		case mayEnd && why != "" && len(got) >= len(f.want)-commitRecords: // the last commit, as if it had been torn
			cut++
		default:
			t.Fatalf("%s, bit %d: %d of %d lines, the end was cut for %q", f.name, bit, len(got), len(f.want), why)
		}
	}
	t.Logf("%s: %d bits of %d: %d refused, %d cut the end", f.name, len(bits), used*8, refused, cut)
	if refused < len(bits)/2 {
		t.Errorf("%s: %d of %d refused", f.name, refused, len(bits))
	}
}

// TestJournalTornAtEveryByte cuts the journal of a log at every byte of its
// records, 2,000 of them chosen at random, and fills what is behind with zeros or with garbage.
// What is left is a prefix of the commits, with their offsets.
func TestJournalTornAtEveryByte(t *testing.T) {
	skipOneGoroutine(t)
	cfg := Config{stepped: true, JournalBytes: 512 << 10}
	mem, _ := newSpecimen(t, 64<<10, cfg)
	names := filesBelow(t, mem, journalDir)
	f := &flipped{mem: mem, name: names[len(names)-1], cfg: cfg}
	data, err := vfs.ReadFile(mem, f.name)
	if err != nil {
		t.Fatal(err)
	}
	used := len(strings.TrimRight(string(data), "\x00"))
	n := testCount(t, "FRESHET_BITS", testBits(2_000))
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	cuts := 0
	const header = 64 // which was synced before anything stood behind it
	for pos := header; pos < used; pos++ {
		if n != 0 && rng.IntN(used) >= n {
			continue
		}
		left := mem.KillProcess()
		torn := slices.Clone(data[:pos])
		switch rng.IntN(3) {
		case 0: // the file is shorter
		case 1:
			torn = append(torn, make([]byte, len(data)-pos)...)
		case 2:
			for range min(512, len(data)-pos) {
				torn = append(torn, byte(rng.Uint32()))
			}
		}
		overwrite(t, left, f.name, torn)
		b, err := OpenFS(left, cfg)
		if err != nil {
			t.Fatalf("torn at byte %d of %d: %v", pos, used, err)
		}
		if _, err := b.Topic("u"); err == nil {
			records, size := 0, 0
			err := scan(b, TopicPartition{"t", 0}, false, func(r *Record) error {
				records++
				size += len(r.Value) + 20
				return nil
			})
			o, _ := b.Committed("g", TopicPartition{"u", 0})
			if err != nil || records%commitRecords != 0 || int(o.Offset) != size {
				t.Fatalf("torn at byte %d: %d records of %d bytes, offset %d, %v", pos, records, size, o.Offset, err)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		cuts++
	}
	t.Logf("%d cuts of %d", cuts, used)
}
