package log

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// groupFacts are what a script has been told of group g.
type groupFacts struct {
	claimed int32  // the generation of the last claim; 0 after the group was deleted
	offset  Offset // that was committed last; -1 after the group was deleted
}

// A groupScript claims, commits and deletes until something fails.
type groupScript struct {
	b     *Broker
	acked groupFacts // what is acknowledged
	asked groupFacts // what would be, had the step succeeded that failed
}

func (s *groupScript) run() error {
	for i := range 24 {
		f, err := s.b.ClaimGroup("g")
		if err != nil {
			return err
		}
		s.acked.claimed, s.asked.claimed = f.Generation, f.Generation+1
		c := s.b.NewCommitBuilder()
		c.SetFence(f)
		s.asked = groupFacts{f.Generation, Offset(i)}
		if err := c.SetOffset("g", TopicPartition{"t", 0}, CommittedOffset{Offset: Offset(i)}); err != nil {
			return err
		}
		if _, err := s.b.Commit(c.Build()); err != nil {
			return err
		}
		s.acked = s.asked
		s.asked.claimed++
		if i%5 == 4 {
			if err := s.b.ReleaseGroup(f); err != nil { // which is a generation of its own
				return err
			}
			s.asked = groupFacts{0, -1}
			if err := s.b.DeleteGroup("g"); err != nil {
				return err
			}
			s.acked, s.asked = s.asked, groupFacts{1, -1}
		}
	}
	return nil
}

// TestGroupsSurviveACrashAnywhere stops the machine, or the process, at each
// operation that changes a file. A generation that was told is never given
// again, offsets are as they were told, and what was deleted stays deleted.
func TestGroupsSurviveACrashAnywhere(t *testing.T) {
	seed := testSeed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	cfg := Config{JournalBytes: 4 << 10, stepped: true, Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) }}
	for after := 0; ; after++ {
		mem := vfs.NewMem()
		withTopic(t, mem, cfg, 1).Close()
		s := groupScript{acked: groupFacts{0, -1}, asked: groupFacts{1, -1}}
		var left *vfs.Mem
		ops := 0
		b, err := OpenFS(vfs.Fail(mem, func(op vfs.Op) error {
			if left != nil {
				return errCrashed
			}
			if ops++; !op.Kind.Mutates() || ops <= after {
				return nil
			}
			if left = mem.KillProcess(); rng.IntN(2) == 0 {
				left = mem.Crash(rng)
			}
			return errCrashed
		}), cfg)
		if err == nil {
			s.b = b
			err = s.run()
			if closing := b.Close(); left == nil && closing == nil && err == nil {
				t.Logf("%d operations", after)
				return // the script was over before the crash
			}
		}
		if left == nil || err != nil && !errors.Is(err, errCrashed) && !errors.Is(err, ErrPoisoned) {
			t.Fatalf("crash after %d operations: %v", after, err)
		}
		s.check(t, after, open(t, left, cfg))
	}
}

func (s *groupScript) check(t *testing.T, after int, b *Broker) {
	t.Helper()
	got := groupFacts{0, -1}
	if d, err := b.DescribeGroup("g"); err == nil {
		got.claimed = d.Generation
	}
	if o, ok := b.Committed("g", TopicPartition{"t", 0}); ok {
		got.offset = o.Offset
	}
	if got.offset != s.acked.offset && got.offset != s.asked.offset {
		t.Fatalf("crash after %d operations: offset is %d, told was %+v, asked %+v", after, got.offset, s.acked, s.asked)
	}
	if got.claimed < s.acked.claimed && got != s.asked { // which may be that it is deleted
		t.Fatalf("crash after %d operations: generation is %d, told was %+v", after, got.claimed, s.acked)
	}
}
