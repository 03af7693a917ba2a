package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/batch"
)

// clockJumps are what somebody, or a bad time server, does to a clock.
var clockJumps = []time.Duration{0, time.Hour, -time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour}

// TestClockMayStrobe lets the machine's wall clock jump between any two things,
// in 1,000 schedules, each jump over by the next look at what may expire. A
// transaction is aborted when its time is over, by the clock that does not jump,
// and no earlier; an idempotent producer stays known; offsets, claims and
// records stay.
func TestClockMayStrobe(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	began := time.Now() // with a monotonic clock
	for i := range testCount(t, "FRESHET_HISTORIES", 1000) {
		s := &strobe{txnLog: newTxnLog(t), rng: rand.New(rand.NewPCG(seed+uint64(i), 0)), at: began}
		if err := s.run(); err != nil {
			t.Fatalf("FRESHET_SEED=%d FRESHET_HISTORIES=1: %v", seed+uint64(i), err)
		}
		must(t, s.Close())
	}
}

type strobe struct {
	*txnLog
	rng *rand.Rand
	at  time.Time // by the clock that does not jump
}

// tick lets at most so much time pass, and the wall clock jump or come back.
func (s *strobe) tick(most time.Duration) {
	s.at = s.at.Add(time.Duration(s.rng.Int64N(int64(most))))
	s.now = setWall(s.t.(*testing.T), s.at, clockJumps[s.rng.IntN(len(clockJumps))])
}

// look does what the log does in the background, once with the clock as it is and
// once as it should be.
func (s *strobe) look() error {
	_, err := s.expireProducers()
	err = errors.Join(err, s.groups.expire())
	s.now = s.at
	_, again := s.expireProducers()
	return errors.Join(err, again, s.groups.expire())
}

func (s *strobe) run() error {
	s.now = s.at
	idempotent, err := s.InitProducerID(InitProducerIDRequest{Current: NoProducer})
	if err != nil {
		return err
	}
	send := func() (AppendResult, error) {
		var b batch.Builder
		b.Append(txnStart.UnixMilli(), nil, []byte("once"), nil)
		b.SetProducer(idempotent.ID, idempotent.Epoch, 0)
		results, err := s.AppendBatches([]AppendBatch{{b0, b.Finish()}}, AppendOptions{})
		if err != nil {
			return AppendResult{}, err
		}
		return results[0], results[0].Err
	}
	if _, err := send(); err != nil {
		return err
	}
	fence, err := s.ClaimGroup("claimed")
	if err != nil {
		return err
	}
	if _, err := s.CommitOffsets("free", GroupMembership{}, []GroupOffset{{b0, CommittedOffset{Offset: 7}}}); err != nil {
		return err
	}
	values := 0
	for range 5 {
		s.tick(time.Second)
		txn := s.begin("x")
		s.tick(time.Second)
		opened := s.at
		s.write(txn, a0, fmt.Sprint(values))
		values++
		for range 4 {
			s.tick(25 * time.Second)
			if err := s.stepTransactions(); err != nil {
				return err
			}
			ds, err := s.DescribeTransaction("x")
			if err != nil {
				return err
			}
			over := s.at.Sub(opened) >= time.Minute
			if open := ds.State == "Ongoing"; open == over {
				return fmt.Errorf("after %v the transaction is %s", s.at.Sub(opened), ds.State)
			}
			if err := s.look(); err != nil {
				return err
			}
		}
	}
	if r, err := send(); err != nil || !r.Duplicate {
		return fmt.Errorf("sent again: duplicate %v, %w", r.Duplicate, err)
	}
	if o, _ := s.Committed("free", b0); o.Offset != 7 {
		return fmt.Errorf("the offset is %d", o.Offset)
	}
	c := s.NewCommitBuilder()
	c.SetFence(fence)
	err = errors.Join(c.SetOffset("claimed", b0, CommittedOffset{Offset: 1}))
	if err == nil {
		_, err = s.Commit(c.Build())
	}
	return err
}
