package log

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/coord"
)

// Transactions that stay open too long are aborted, and idle transactional ids
// and producers forgotten, by one goroutine.
//
// Time here is that which has passed, as far as it can be known. While the log
// is open it is that of Go's monotonic clock, so setting the machine's clock
// aborts nothing early and lets nothing stay open longer; neither does a machine
// that sleeps use a transaction's time up. Across a restart there is only the
// wall clock: a transaction from the future counts as begun when the log was
// opened, so its end is never further away than its timeout.

// A txnTimer tells the goroutine when there is something to do.
type txnTimer struct {
	due    atomic.Pointer[time.Time] // nil: never; set by the leader
	wake   chan struct{}             // due was changed
	looked time.Time                 // the leader's: for idle producers, by the wall clock
}

const (
	// producerExpiryInterval is how often idle producers are looked for: Kafka's
	// producer.id.expiration.check.interval.ms.
	producerExpiryInterval = 10 * time.Minute
	// txnRetryInterval is when an abort that found the disk full is tried again.
	txnRetryInterval = 500 * time.Millisecond
)

// noteTxnDue tells when the coordinator wants to be called next.
func (b *Broker) noteTxnDue() {
	due, any := b.txns.NextDeadline()
	before := b.txnTimer.due.Load()
	switch {
	case !any:
		b.txnTimer.due.Store(nil)
	case before == nil || !before.Equal(due):
		b.txnTimer.due.Store(&due)
	default:
		return
	}
	select {
	case b.txnTimer.wake <- struct{}{}:
	default:
	}
}

// resumeTransactions makes the times that were read back comparable with those
// to come.
func (b *Broker) resumeTransactions() error {
	now := b.cfg.Now()
	var errs []error
	for _, t := range b.txns.All() {
		resumed := *t
		resumed.Started, resumed.Updated = resumedTime(now, t.Started), resumedTime(now, t.Updated)
		errs = append(errs, b.txns.Load(resumed))
	}
	b.noteTxnDue()
	return errors.Join(errs...)
}

// resumedTime is a time of the wall clock before now by now's own clock.
func resumedTime(now, at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return now.Add(-max(now.Sub(at), 0))
}

// runTransactions calls stepTransactions whenever that has something to do.
func (b *Broker) runTransactions() {
	defer b.background.Done()
	expiry := time.NewTicker(producerExpiryInterval)
	defer expiry.Stop()
	timer := time.NewTimer(b.untilTxnDue())
	defer timer.Stop()
	var retry time.Time // not before, after a full disk
	for {
		var err error
		select {
		case <-b.stop:
			return
		case <-b.txnTimer.wake:
		case <-expiry.C:
			_, err = b.expireProducers()
		case <-timer.C:
			if err = b.stepTransactions(); errors.Is(err, ErrNoSpace) {
				b.cfg.Logger.Warn("transactions not aborted, disk full", "err", err)
				err, retry = nil, time.Now().Add(txnRetryInterval)
			}
		}
		if err != nil {
			return // closed, or poisoned, which was told already
		}
		timer.Reset(max(time.Until(retry), b.untilTxnDue()))
	}
}

func (b *Broker) untilTxnDue() time.Duration {
	due := b.txnTimer.due.Load()
	if due == nil {
		return producerExpiryInterval
	}
	return max(due.Sub(b.cfg.Now()), 0)
}

// errNothingDue ends a commit that was not needed.
var errNothingDue = errors.New("nothing is due")

// stepTransactions aborts the transactions whose time is over and forgets the
// ids that were idle for long.
func (b *Broker) stepTransactions() error {
	var changes []coord.TxnChange
	c := b.newCommit()
	c.sequenced = func() error {
		changes = b.txns.Tick(b.cfg.Now())
		if len(changes) == 0 {
			b.noteTxnDue()
			return errNothingDue
		}
		for _, change := range changes {
			c.noteTxn(change)
		}
		return nil
	}
	if _, err := b.Commit(c); err != nil {
		if errors.Is(err, errNothingDue) {
			err = nil
		}
		return err
	}
	for _, change := range changes {
		what := "idle transactional id forgotten"
		if change.Ending != nil {
			what = "transaction timed out"
		}
		b.cfg.Logger.Info(what, "transaction", change.Before.ID, "producer", change.Before.ProducerID, "epoch", change.Before.Epoch)
	}
	return nil
}

// expireProducers forgets the producers that appended nothing for long, and
// returns how many. Long is what two looks agree on, so that a clock that jumps
// and comes back makes no producer unknown: its repeated batches would be
// appended again.
func (b *Broker) expireProducers() (n int, err error) {
	err = b.journal.Exclusive(func() error {
		wall := b.cfg.Now().Round(0)
		now := b.txnTimer.looked // at first, before anything
		b.txnTimer.looked = wall
		if wall.Before(now) {
			now = wall
		}
		b.pub.RLock()
		defer b.pub.RUnlock()
		for _, t := range b.pub.topics {
			for _, p := range t.partitions() {
				if p.producers != nil {
					n += p.producers.Expire(now)
				}
			}
		}
		return nil
	})
	return n, err
}
