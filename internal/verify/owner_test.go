package verify

import (
	"bytes"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

// TestWorksBesideTheOwner verifies while commits are written, segments grow,
// checkpoints replace each other and journal files go.
func TestWorksBesideTheOwner(t *testing.T) {
	h := newHistory(t, 1)
	h.cfg.JournalBytes = 4 << 10
	h.close()
	h.open()
	if _, err := h.b.CreateTopic("t", log.TopicConfig{Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	const commits = 400
	stopped := make(chan struct{})
	m, boot := h.m, Options{Boot: thisBoot(t)}
	go func() {
		defer close(stopped)
		for range commits {
			h.commit(h.b.Topics())
		}
	}()
	for running := true; running; {
		select {
		case <-stopped:
			running = false
		default:
		}
		r, err := Directory(memFS{m}, boot)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Problems {
			t.Errorf("problem: %s", p)
		}
	}
	h.close()
}

// TestWorksBesideOneOpeningAfterTheOther: the files of a new opening do not go
// with the checkpoint of the one before, which was killed.
func TestWorksBesideOneOpeningAfterTheOther(t *testing.T) {
	h := newHistory(t, 2)
	if _, err := h.b.CreateTopic("t", log.TopicConfig{Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	boot := Options{Boot: thisBoot(t)}
	const openings = 20
	for range openings {
		dead := h.b
		h.m = h.m.KillProcess()
		m, opened := h.m, make(chan struct{})
		go func() {
			defer close(opened)
			h.open()
			for range 5 {
				h.commit(h.b.Topics())
			}
		}()
		for running := true; running; {
			select {
			case <-opened:
				running = false
			default:
			}
			r, err := Directory(memFS{m}, boot)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range r.Problems {
				t.Errorf("problem: %s", p)
			}
		}
		if err := dead.Close(); err != nil {
			t.Fatal(err)
		}
	}
	h.close()
}

// TestReadsCommitsOfSeveralRecords: a commit larger than a record of the
// journal may be is there as a whole or not at all.
func TestReadsCommitsOfSeveralRecords(t *testing.T) {
	m := vfs.NewMem()
	b, err := log.OpenFS(m, log.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const records = 400 // one a partition, each too small to be placed
	if _, err := b.CreateTopic("t", log.TopicConfig{Partitions: records}); err != nil {
		t.Fatal(err)
	}
	c := b.NewCommitBuilder()
	for i := range int32(records) {
		if err := c.Append("t", i, &log.Record{Value: make([]byte, 50_000)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Commit(c.Build()); err != nil {
		t.Fatal(err)
	}
	m = m.KillProcess()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	name := path.Join(journalDir, "00000000000000000001.journal")
	check := func(wantRecords int64, wantNote string) {
		t.Helper()
		r, err := Directory(memFS{m}, Options{Boot: thisBoot(t)})
		if err != nil {
			t.Fatal(err)
		}
		var notes []string
		for _, n := range r.Notes {
			notes = append(notes, n.Text)
		}
		if all := strings.Join(notes, "\n"); !r.OK() || r.Records != wantRecords || !strings.Contains(all, wantNote) || wantNote == "" && all != "" {
			t.Errorf("%d records, problems %v, notes %q; want %d records and %q", r.Records, r.Problems, all, wantRecords, wantNote)
		}
	}
	check(records, "")
	f, err := m.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(17 << 20); err != nil { // behind the first part of 16 MiB
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	check(0, "a commit of which 1 records are there and the last is not")
}

func TestTellsALogFromOtherDirectories(t *testing.T) {
	if _, err := Directory(fstest.MapFS{"state/x": {}}, Options{}); err != ErrNotALog {
		t.Errorf("error %v, want %v", err, ErrNotALog)
	}
	if _, err := Directory(os.DirFS(path.Join(t.TempDir(), "none")), Options{}); err == nil {
		t.Error("no error for a directory that is not there")
	}
	for name, c := range map[string]struct {
		files fstest.MapFS
		ok    bool
		text  string
	}{
		"first opening cut short": {fstest.MapFS{"journal/00000000000000000001.journal": {Data: make([]byte, 4096)}}, true, "cut short"},
		"checkpoint lost": {fstest.MapFS{"journal/00000000000000000001.journal": {Data: bytes.Repeat([]byte{1}, 4096)}},
			false, "it is missing, but there is data"},
		"other version": {fstest.MapFS{"CHECKPOINT": {Data: append([]byte("FRESHETC\x00\x00\x00\x03"), make([]byte, 36)...)}},
			false, "format version 3, this program reads 1 to 2"},
		"checkpoint is a directory": {fstest.MapFS{"CHECKPOINT/x": {}}, false, "cannot be read"},
	} {
		r, err := Directory(c.files, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var said string
		for _, f := range append(r.Problems, r.Notes...) {
			said += f.String() + "\n"
		}
		if r.OK() != c.ok || !strings.Contains(said, c.text) {
			t.Errorf("%s: ok %t, %q; want ok %t, %q", name, r.OK(), said, c.ok, c.text)
		}
	}
}

func TestReportIsBounded(t *testing.T) {
	var r Report
	for range maxFindings + 5 {
		r.problem("p", 0, "x")
		r.note("p", 0, "x")
	}
	if len(r.Problems) != maxFindings || r.MoreProblems != 5 || len(r.Notes) != maxFindings || r.MoreNotes != 5 {
		t.Errorf("%d and %d problems, %d and %d notes", len(r.Problems), r.MoreProblems, len(r.Notes), r.MoreNotes)
	}
}
