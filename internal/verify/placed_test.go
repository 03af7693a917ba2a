package verify

import (
	"os"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// TestFindsDamagedPlacedBatches: a batch that the journal only speaks of is as
// good as a record. Within this boot of the machine its loss is a problem; after
// a power cut the journal ends before it, as recovery agrees.
func TestFindsDamagedPlacedBatches(t *testing.T) {
	cut := func(m *vfs.Mem, name string) error {
		f, err := m.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := f.Truncate(40_000); err != nil {
			return err
		}
		return f.Close()
	}
	flip := func(m *vfs.Mem, name string) error {
		f, err := m.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if _, err := f.WriteAt([]byte{0xff}, 45_000); err != nil { // in the third batch
			return err
		}
		return f.Close()
	}
	for name, c := range map[string]struct {
		damage  func(*vfs.Mem, string) error
		records int64 // before the damage
	}{
		"none":    {func(*vfs.Mem, string) error { return nil }, 4},
		"cut":     {cut, 1},
		"flipped": {flip, 2},
		"removed": {func(m *vfs.Mem, name string) error { return m.Remove(name) }, 0},
	} {
		m := vfs.NewMem()
		b, err := log.OpenFS(m, log.Config{Durability: log.OS})
		if err != nil {
			t.Fatal(err)
		}
		d, err := b.CreateTopic("t", log.TopicConfig{})
		if err != nil {
			t.Fatal(err)
		}
		builder := b.NewCommitBuilder()
		for range 4 {
			if err := builder.Append("t", 0, &log.Record{Value: make([]byte, 20_000)}); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Commit(builder.Build()); err != nil {
				t.Fatal(err)
			}
		}
		m = m.KillProcess()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(m, "topics/"+d.ID.String()+"/0/00000000000000000000.log"); err != nil {
			t.Fatal(err)
		}
		v, err := directory(memFS{m}, Options{Boot: [16]byte{1}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.took[entryPlaced] == 0 && c.records > 0 {
			t.Fatalf("%s: no batch is placed: %v", name, v.took)
		}
		notes := len(v.report.Notes)
		if !v.report.OK() || v.report.Records != c.records || (notes > 0) != (c.records < 4) {
			t.Errorf("%s, after a reboot: %d records, want %d; problems %v, notes %v", name, v.report.Records, c.records, v.report.Problems, v.report.Notes)
		}
		if thisBoot(t) == [16]byte{} {
			continue
		}
		r, err := Directory(memFS{m}, Options{Boot: thisBoot(t)})
		if err != nil {
			t.Fatal(err)
		}
		openErr := openAndClose(m, log.Config{Durability: log.OS})
		if r.OK() != (c.records == 4) || r.OK() != (openErr == nil) {
			t.Errorf("%s, in this boot: problems %v; the log opens with %v", name, r.Problems, openErr)
		}
		if !r.OK() && !strings.Contains(r.Problems[0].Text, "batch of t-0 at offset") {
			t.Errorf("%s: the batch is not named: %v", name, r.Problems)
		}
	}
}
