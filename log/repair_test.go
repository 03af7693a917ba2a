package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/segment"
)

// damagedLog is a log on a memory file system with records in segments and, if
// its process was killed, in the journal.
func damagedLog(t *testing.T, closed bool) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	b, err := OpenFS(mem, repairConfig())
	if err != nil {
		t.Fatal(err)
	}
	crowdTopics(t, b)
	for n := range 60 {
		crowd(t, b, n)
	}
	killed := mem.KillProcess()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if closed {
		return mem
	}
	return killed
}

func repairConfig() Config {
	return Config{stepped: true, Durability: OS, JournalBytes: 32 << 10, SegmentBytes: 4 << 10, TailBytes: 16 << 10}
}

// recordsByOffset reads all of the log: values by partition and offset.
func recordsByOffset(t *testing.T, b *Broker) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range b.allPartitions() {
		for _, r := range recordsOf(t, b, p.tp) {
			out[fmt.Sprintf("%s@%d", p.tp, r.Offset)] = string(r.Value)
		}
	}
	return out
}

// filesOf returns the files below a directory.
func filesOf(t *testing.T, fsys vfs.FS, dir string) (names []string) {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			names = append(names, filesOf(t, fsys, name)...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

func mustRepair(t *testing.T, mem *vfs.Mem, o RepairOptions, describe string) RepairReport {
	t.Helper()
	r, err := repairFS(mem, o, repairConfig())
	if err != nil {
		t.Fatalf("%s: %v\n%s", describe, err, r)
	}
	return r
}

// TestRepairKeepsAllButTheDamage flips bits anywhere in segments and journal,
// cuts files and removes them. What a repair says is lost is lost, no more and
// no less, and the log opens, takes records, and is sound.
func TestRepairKeepsAllButTheDamage(t *testing.T) {
	skipOneGoroutine(t)
	sound, journals, partitions := 0, 0, 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		mem := damagedLog(t, rng.IntN(2) == 0)
		healthy := open(t, mem.KillProcess(), repairConfig())
		want := recordsByOffset(t, healthy)
		what := damage(t, rng, mem, healthy)
		skip := rng.IntN(2) == 0
		describe := fmt.Sprintf("seed %d, skip %v: %s", seed, skip, what)

		before := filesOf(t, mem, ".")
		plan := mustRepair(t, mem, RepairOptions{Skip: skip}, describe)
		if plan.OK() {
			sound++
			open(t, mem.KillProcess(), repairConfig())
			continue
		}
		if after := filesOf(t, mem, "."); len(after) > len(before)+1 { // the lock
			t.Fatalf("%s: a dry run makes files", describe)
		}
		r := mustRepair(t, mem, RepairOptions{Skip: skip, Apply: true}, describe)
		if r.String() != plan.String() || !r.Applied {
			t.Fatalf("%s: the plan was\n%snow it is\n%s", describe, plan, r)
		}
		if again := mustRepair(t, mem, RepairOptions{}, describe); !again.OK() {
			t.Fatalf("%s: still damaged:\n%s", describe, again)
		}
		if _, err := mem.Stat(path.Join(r.Kept, checkpointName)); err != nil {
			t.Fatalf("%s: %v", describe, err)
		}
		checkRepaired(t, mem, describe, &r, want)
		if r.Journal != nil {
			journals++
		}
		partitions += len(r.Partitions)
	}
	if sound == 0 || journals < 10 || partitions < 30 {
		t.Errorf("%d logs were sound, %d journals and %d partitions damaged: want some of each", sound, journals, partitions)
	}
}

// damage does one bad thing to the files.
func damage(t *testing.T, rng *rand.Rand, mem *vfs.Mem, healthy *Broker) string {
	t.Helper()
	all := filesOf(t, mem, journalDir)
	for _, p := range healthy.allPartitions() { // in an order that is always the same
		if _, err := mem.Stat(partitionDir(p.at())); err == nil {
			all = append(all, filesOf(t, mem, partitionDir(p.at()))...)
		}
	}
	var files []string
	for _, f := range all {
		info, err := mem.Stat(f)
		if err == nil && info.Size() > 0 && (strings.HasSuffix(f, ".log") || path.Dir(f) == journalDir) {
			files = append(files, f)
		}
	}
	name := files[rng.IntN(len(files))]
	if path.Dir(files[0]) == journalDir && rng.IntN(2) == 0 {
		name = files[0]
	}
	info, err := mem.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	pos := rng.Int64N(min(info.Size(), 8<<10)) // a journal is reserved far beyond its end
	switch rng.IntN(6) {
	case 0:
		if err := mem.Remove(name); err != nil {
			t.Fatal(err)
		}
		return name + " removed"
	case 1:
		f, err := mem.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(pos), f.Close()); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s cut at %d", name, pos)
	}
	flipByte(t, mem, name, pos)
	return fmt.Sprintf("%s, byte %d flipped", name, pos)
}

// losesRecord reports whether a report says that a record is lost. The bad record
// of a journal itself cannot tell what it had: that is right before what those
// behind it have.
func losesRecord(r *RepairReport, tp TopicPartition, o Offset) bool {
	for _, p := range r.Partitions {
		if p.TopicPartition == tp && o >= p.From && o < p.To {
			return true
		}
	}
	if r.Journal == nil {
		return false
	}
	for _, l := range r.Journal.Lost {
		if l.Partition == tp.String() {
			return o >= l.From-1
		}
	}
	return true
}

func checkRepaired(t *testing.T, mem *vfs.Mem, describe string, r *RepairReport, want map[string]string) {
	t.Helper()
	b := open(t, mem, repairConfig())
	got := recordsByOffset(t, b)
	for key, value := range want {
		name, at, _ := strings.Cut(key, "@")
		var o Offset
		if _, err := fmt.Sscan(at, &o); err != nil {
			t.Fatal(err)
		}
		tp := TopicPartition{name[:len(name)-2], int32(name[len(name)-1] - '0')}
		v, there := got[key]
		switch {
		case there && v != value:
			t.Fatalf("%s: %s is %.20q, want %.20q", describe, key, v, value)
		case !there && !losesRecord(r, tp, o):
			t.Fatalf("%s: %s is lost, and nobody said so\n%s", describe, key, r)
		}
		delete(got, key)
		for _, p := range r.Partitions {
			if there && p.TopicPartition == tp && o >= p.From && o < p.To {
				t.Fatalf("%s: %s is there, and was called lost\n%s", describe, key, r)
			}
		}
	}
	if len(got) > 0 {
		t.Fatalf("%s: %v were never written", describe, got)
	}
	for _, o := range b.GroupOffsets("g") {
		if _, end, err := b.Offsets(o.TopicPartition); err != nil || o.Offset > end && r.Journal == nil && o.Offset > 60 {
			t.Fatalf("%s: offset %d of %s is past the end at %d, %v", describe, o.Offset, o.TopicPartition, end, err)
		}
	}
	if _, err := b.Topic("t"); err == nil {
		produce(t, b, "t", "after")
	}
	if err := b.Close(); err != nil {
		t.Fatalf("%s: %v", describe, err)
	}
	if r := mustRepair(t, mem, RepairOptions{}, describe); !r.OK() {
		t.Fatalf("%s: damaged by use:\n%s", describe, r)
	}
}

func TestRepairOfRecordsBelowTheLogStartLosesNothing(t *testing.T) {
	mem := damagedLog(t, true)
	b := open(t, mem, repairConfig())
	tp := TopicPartition{"t", 0}
	p := b.pub.topics["t"].partitions()[0]
	if _, err := b.DeleteRecords(tp, 3); err != nil {
		t.Fatal(err)
	}
	name := path.Join(partitionDir(p.at()), segment.LogName(p.segments[0].Base(), 0))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	flipByte(t, mem, name, 40)
	r := mustRepair(t, mem, RepairOptions{Apply: true}, "below the start")
	if len(r.Partitions) != 1 || len(r.Offsets) != 0 || r.Partitions[0].From < r.Partitions[0].To {
		t.Fatalf("%s", r)
	}
	if rs := recordsOf(t, open(t, mem, repairConfig()), tp); len(rs) != 57 {
		t.Errorf("%d records, want 57", len(rs))
	}
}

func TestRepairMovesOffsetsToTheEnd(t *testing.T) {
	mem := damagedLog(t, true)
	b := open(t, mem, repairConfig())
	p := b.pub.topics["t"].partitions()[0]
	name := path.Join(partitionDir(p.at()), segment.LogName(p.segments[0].Base(), 0))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	flipByte(t, mem, name, 40)
	r := mustRepair(t, mem, RepairOptions{Apply: true}, "first batch")
	tp := TopicPartition{"t", 0}
	if len(r.Offsets) != 1 || r.Offsets[0] != (OffsetRepair{"g", tp, 59, 0}) {
		t.Fatalf("%s", r)
	}
	c := open(t, mem, repairConfig())
	if o, ok := c.Committed("g", tp); !ok || o.Offset != 0 {
		t.Errorf("offset %+v, %v", o, ok)
	}
}

func TestRepairRefuses(t *testing.T) {
	mem := damagedLog(t, false)
	b := open(t, mem, repairConfig())
	if _, err := repairFS(mem, RepairOptions{}, repairConfig()); !errors.Is(err, ErrLocked) {
		t.Errorf("beside the owner: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if r := mustRepair(t, mem, RepairOptions{Apply: true}, "sound"); !r.OK() || r.Applied {
		t.Errorf("of a sound log: %+v", r)
	}
	flipByte(t, mem, checkpointName, 60)
	if _, err := repairFS(mem, RepairOptions{}, repairConfig()); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("of a damaged checkpoint: %v", err)
	}
	if err := mem.Remove(checkpointName); err != nil {
		t.Fatal(err)
	}
	if _, err := repairFS(mem, RepairOptions{}, repairConfig()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("of a lost checkpoint: %v", err)
	}
	if _, err := Repair(path.Join(t.TempDir(), "none"), RepairOptions{}); !errors.Is(err, ErrNotALog) {
		t.Errorf("of nothing: %v", err)
	}
}

// TestRepairCutShortCanBeTriedAgain stops a repair at each change: the log is as
// damaged as before or repaired, and the next repair ends as the first would
// have.
func TestRepairCutShortCanBeTriedAgain(t *testing.T) {
	whole := damagedLog(t, true)
	var name string
	for _, f := range filesOf(t, whole, topicsDir) {
		if info, err := whole.Stat(f); err == nil && info.Size() > 300 && strings.HasSuffix(f, ".log") {
			name = f
		}
	}
	flipByte(t, whole, name, 200)
	want := mustRepair(t, whole.KillProcess(), RepairOptions{Skip: true, Apply: true}, "whole")
	for after := 0; ; after++ {
		mem := whole.KillProcess()
		ops, stopped := 0, errors.New("stopped")
		_, err := repairFS(vfs.Fail(mem, func(op vfs.Op) error {
			if op.Kind.Mutates() {
				if ops++; ops > after {
					return stopped
				}
			}
			return nil
		}), RepairOptions{Skip: true, Apply: true}, repairConfig())
		left := mem.KillProcess()
		r := mustRepair(t, left, RepairOptions{Skip: true, Apply: true}, fmt.Sprintf("after %d changes", after))
		if !r.OK() && r.String() != want.String() {
			t.Fatalf("after %d changes:\n%swant\n%s", after, r, want)
		}
		recordsByOffset(t, open(t, left, repairConfig()))
		if err == nil {
			return
		}
	}
}
