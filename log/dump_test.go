package log

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

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
		"\n    offset of group \"readers\", orders-0: 2, metadata \"m\"\n",
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
