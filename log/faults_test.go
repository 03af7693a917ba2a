package log

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
)

// A syncFault is what happens to one sync, and to those after it.
type syncFault struct {
	name string
	hits func(vfs.Op) bool
	err  func(first bool) error
}

func isSync(op vfs.Op) bool { return op.Kind == vfs.OpSync }

func alwaysFails(bool) error { return syscall.EIO }

var syncFaults = []syncFault{
	{"lost", isSync, func(bool) error { return &vfs.LostSync{Err: syscall.EIO} }},
	{"kept", isSync, alwaysFails},
	{"lost once", isSync, func(first bool) error {
		if first {
			return &vfs.LostSync{Err: syscall.EIO}
		}
		return nil
	}},
	{"directory", func(op vfs.Op) bool { return op.Kind == vfs.OpSyncDir }, alwaysFails},
	{"close", func(op vfs.Op) bool { return op.Kind == vfs.OpClose }, func(first bool) error {
		if first {
			return syscall.EIO
		}
		return nil
	}},
}

// faultScript commits to a log, so that it writes journal files, segments and
// checkpoints, until the fault has come. What is not acknowledged may be there,
// what is must be.
type faultScript struct {
	mem    *vfs.Mem
	fault  syncFault
	at     int // the sync that fails, counted from 1
	syncs  int // that were seen
	acked  []string
	tried  int
	failed error // the answer to the first commit that was not acknowledged
}

func (s *faultScript) fs() vfs.FS {
	return vfs.Fail(s.mem, func(op vfs.Op) error {
		if !s.fault.hits(op) {
			return nil
		}
		if s.syncs++; s.syncs < s.at {
			return nil
		}
		return s.fault.err(s.syncs == s.at)
	})
}

func (s *faultScript) cfg() Config {
	return Config{stepped: true, JournalBytes: 4 << 10, SegmentBytes: 1 << 10, TailBytes: 4 << 10}
}

func (s *faultScript) run(t *testing.T) error {
	b, err := OpenFS(s.fs(), s.cfg())
	if err != nil {
		return nil // nothing was acknowledged
	}
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		s.failed = err
	}
	for range 90 {
		v := fmt.Sprintf("%d %s", s.tried, strings.Repeat("x", 200))
		s.tried++
		err := b.NewProducer().Produce(t.Context(), "t", Record{Value: []byte(v)})
		if err == nil && s.failed != nil {
			return fmt.Errorf("commit %d was acknowledged after %w", s.tried, s.failed)
		}
		if err == nil {
			s.acked = append(s.acked, v)
		} else if s.failed == nil {
			s.failed = err
		}
	}
	if s.failed != nil && !errors.Is(s.failed, ErrPoisoned) {
		return fmt.Errorf("want ErrPoisoned, got %w", s.failed)
	}
	if err := b.Close(); s.failed != nil && !errors.Is(err, ErrPoisoned) {
		return fmt.Errorf("closed as if nothing had been: %v", err)
	}
	return nil
}

// check opens what a power cut leaves, and what the death of the process does.
func (s *faultScript) check(t *testing.T) error {
	for how, left := range map[string]*vfs.Mem{"power cut": s.mem.Crash(nil), "kill": s.mem.KillProcess()} {
		cfg := s.cfg()
		if how == "power cut" {
			cfg.bootID = func() string { return "00000000-0000-0000-0000-000000000002" }
		}
		b, err := OpenFS(left, cfg)
		if err != nil {
			return fmt.Errorf("%s: %w", how, err)
		}
		var got []string
		if _, err := b.Topic("t"); err == nil {
			got = readAll(t, b, TopicPartition{"t", 0})
		}
		if len(got) < len(s.acked) || !slices.Equal(got[:len(s.acked)], s.acked) {
			return fmt.Errorf("%s: %d records, %d were acknowledged", how, len(got), len(s.acked))
		}
		if err := b.Close(); err != nil {
			return err
		}
	}
	return nil
}

// TestNothingIsAcknowledgedAfterAFailedSync fails each sync of a script in turn,
// in five ways. Nothing is acknowledged after one that a commit heard of, and
// what was before is there.
func TestNothingIsAcknowledgedAfterAFailedSync(t *testing.T) {
	skipOneGoroutine(t)
	all := 0
	for _, fault := range syncFaults {
		points, heard := 0, 0
		for at := 1; ; at++ {
			s := &faultScript{mem: vfs.NewMem(), fault: fault, at: at}
			err := s.run(t)
			if s.syncs < at {
				break
			}
			if err == nil {
				err = s.check(t)
			}
			if err != nil {
				t.Fatalf("%s, number %d: %v", fault.name, at, err)
			}
			points++
			if s.failed != nil {
				heard++
			}
		}
		t.Logf("%s: %d points, %d of them were told to a commit", fault.name, points, heard)
		if heard == 0 && fault.name != "close" {
			t.Errorf("%s: no commit heard of it", fault.name)
		}
		all += points
	}
	if all < 300 {
		t.Errorf("%d faults, want 300", all)
	}
}

// TestIndexesOfALogAreDisposable mutilates every index of a log: what is found
// by offset and by time stays the same.
func TestIndexesOfALogAreDisposable(t *testing.T) {
	mem := vfs.NewMem()
	cfg := Config{stepped: true, SegmentBytes: 24 << 10}
	b := open(t, mem, cfg)
	if _, err := b.CreateTopic("t", TopicConfig{}); err != nil {
		t.Fatal(err)
	}
	tp := TopicPartition{"t", 0}
	const records = 400
	for i := range records {
		c := b.NewCommitBuilder()
		r := Record{Value: []byte(strings.Repeat("x", 300)), TimestampMillis: 1_700_000_000_000 + int64(i*7919%records)}
		if err := c.Append("t", 0, &r); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Commit(c.Build()); err != nil {
			t.Fatal(err)
		}
	}
	lookups := func(b *Broker) (found []string) {
		for i := Offset(0); i < records; i += 3 {
			c := b.NewConsumer()
			if err := c.Assign(tp, i); err != nil {
				t.Fatal(err)
			}
			fetches, err := c.Fetch(1)
			var r Record
			if err != nil || len(fetches) == 0 || !fetches[0].Records.Next(&r) {
				t.Fatalf("fetch at %d: %v", i, err)
			}
			c.Close()
			at, ok, err := b.OffsetForTime(tp, 1_700_000_000_000+int64(i))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, fmt.Sprint(r.Offset, r.TimestampMillis, at, ok))
		}
		return found
	}
	want := lookups(b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	mutilations := map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"cut":       func(b []byte) []byte { return b[:len(b)*2/3] },
		"zeros":     func(b []byte) []byte { return make([]byte, len(b)) },
		"ones":      func(b []byte) []byte { return []byte(strings.Repeat("\xff", len(b))) },
		"reversed":  func(b []byte) []byte { c := slices.Clone(b); slices.Reverse(c); return c },
		"flipped":   func(b []byte) []byte { c := slices.Clone(b); c[len(c)/2] ^= 4; return c },
		"too long":  func(b []byte) []byte { return append(slices.Clone(b), b...) },
		"a stretch": func(b []byte) []byte { return append(slices.Clone(b[:len(b)/2]), make([]byte, len(b)/2)...) },
	}
	for what, mutilate := range mutilations {
		left := mem.KillProcess()
		n := 0
		for _, name := range filesBelow(t, left, topicsDir) {
			if !strings.HasSuffix(name, "index") {
				continue
			}
			content, err := vfs.ReadFile(left, name)
			if err != nil {
				t.Fatal(err)
			}
			if len(content) == 0 {
				continue
			}
			overwrite(t, left, name, mutilate(content))
			n++
		}
		if n < 8 {
			t.Fatalf("%d indexes", n)
		}
		again := open(t, left, cfg)
		if got := lookups(again); !slices.Equal(got, want) {
			t.Errorf("%s: %d indexes changed what is found", what, n)
		}
	}
}
