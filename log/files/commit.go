package files

import (
	"errors"

	"github.com/freshet/freshet/log"
)

// One commit is under way on a goroutine of its own while the next is
// gathered. Commits follow one another, so that the positions of a file reach
// the log in order.

// full reports whether it is time for a commit.
func (s *Source) full() bool { return s.builder.SizeBytes() >= s.cfg.CommitBytes }

// begin commits what was gathered, after the commit before it has ended.
func (s *Source) begin() error {
	if err := s.await(); err != nil {
		return err
	}
	if s.builder.Empty() {
		return nil
	}
	s.inFlight, s.gathered = s.gathered, delta{}
	s.busy = true
	commit := s.builder.Build()
	go func() {
		_, err := s.broker.Commit(commit)
		s.result <- err
	}()
	return nil
}

// await returns when no commit is under way.
func (s *Source) await() error {
	if s.busy {
		return s.settle(<-s.result)
	}
	return s.failed
}

// settle takes in the result of the commit under way.
func (s *Source) settle(err error) error {
	s.busy = false
	if err != nil {
		s.failed = err
		return err
	}
	s.progress.committed(s.inFlight)
	return nil
}

// finish commits what was gathered before a call ends, whatever ended it, and
// returns that too.
func (s *Source) finish(ended error) error {
	if s.failed != nil {
		return ended
	}
	err := s.begin()
	if err == nil {
		err = s.await()
	}
	return errors.Join(ended, err)
}

// appendPosition adds how far a file was read to the next commit.
func (s *Source) appendPosition(path string, p Position) error {
	s.known[path] = p
	s.value = AppendPosition(s.value[:0], p)
	return s.positions.Append(0, &log.Record{
		Key: []byte(path), Value: s.value, TimestampMillis: s.cfg.Now().UnixMilli(),
	})
}
