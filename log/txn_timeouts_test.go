package log

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/internal/vfs"
)

func TestTransactionTimesOut(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.now = l.now.Add(time.Hour) // an identity without a transaction has time
	must(t, l.stepTransactions())
	l.write(txn, a0, "1")
	l.offsets(txn, "g", a1, 7)
	l.now = l.now.Add(time.Minute - 1)
	must(t, l.stepTransactions())
	if v, err := viewOf(l.Broker, a0); err != nil || v.markers != 0 {
		t.Fatalf("%d markers before the time is over, %v", v.markers, err)
	}
	l.now = l.now.Add(1)
	must(t, l.stepTransactions(), l.stepTransactions())
	l.wantRead(a0, "", "1")
	if v, _ := viewOf(l.Broker, a0); v.markers != 1 || v.stable != 2 {
		t.Fatalf("%+v", v)
	}
	_, err := l.EndTxn(EndTxnRequest{TxnIdentity: txn, Commit: true})
	l.wantCode(err, coord.ProducerFenced)
	l.kill()
	if _, found := l.Committed("g", a1); found {
		t.Fatal("an offset of a transaction that timed out was committed")
	}
}

// TestShortTimeoutSurvives gives a timeout that the journal has no number for.
func TestShortTimeoutSurvives(t *testing.T) {
	l := newTxnLog(t)
	for _, timeout := range []time.Duration{1, time.Millisecond - 1, time.Millisecond + 1} {
		_, err := l.InitProducerID(InitProducerIDRequest{"x", timeout, NoProducer})
		must(t, err)
		before, err := l.DescribeTransaction("x")
		must(t, err)
		l.kill()
		after, err := l.DescribeTransaction("x")
		must(t, err)
		if after.Timeout < timeout || after.Timeout != before.Timeout {
			t.Fatalf("timeout %v became %v, and %v after a restart", timeout, before.Timeout, after.Timeout)
		}
	}
}

// TestTimePassesWhileClosed opens the log after a while: what is over is
// aborted at once, and nothing else.
func TestTimePassesWhileClosed(t *testing.T) {
	for _, c := range []struct {
		jump  time.Duration // of the wall clock, while the log was closed
		after time.Duration // that passes before the transaction is aborted
	}{
		{0, time.Minute},
		{20 * time.Second, 40 * time.Second},
		{time.Minute, 0},
		{100 * 24 * time.Hour, 0},
		{-10 * time.Second, time.Minute}, // it has all of its time, and no more
		{-1000 * 24 * time.Hour, time.Minute},
	} {
		t.Run(c.jump.String(), func(t *testing.T) {
			l := newTxnLog(t)
			l.write(l.begin("x"), a0, "1")
			l.now = l.now.Add(c.jump)
			l.kill()
			due := l.txnTimer.due.Load()
			if due == nil || due.After(l.now.Add(c.after)) {
				t.Fatalf("due at %v, want at most %v", due, l.now.Add(c.after))
			}
			if c.after > 0 {
				l.now = l.now.Add(c.after - 1)
				must(t, l.stepTransactions())
				if v, _ := viewOf(l.Broker, a0); v.markers != 0 {
					t.Fatal("aborted early")
				}
				l.now = l.now.Add(1)
			}
			must(t, l.stepTransactions())
			l.wantRead(a0, "", "1")
		})
	}
}

// TestClockIsSet sets the machine's clock while a transaction is open. Go's
// monotonic clock goes on as before.
func TestClockIsSet(t *testing.T) {
	began := time.Now()
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			l := newTxnLog(t)
			l.now = began
			l.write(l.begin("x"), a0, "1")
			l.now = setWall(t, began.Add(30*time.Second), jump)
			must(t, l.stepTransactions())
			if v, _ := viewOf(l.Broker, a0); v.markers != 0 {
				t.Fatal("aborted early")
			}
			l.now = setWall(t, began.Add(time.Minute), jump)
			must(t, l.stepTransactions())
			l.wantRead(a0, "", "1")
		})
	}
}

// setWall returns what time.Now would have returned had the machine's clock been
// set: its wall clock reads jump later, its monotonic clock the same.
func setWall(t *testing.T, at time.Time, jump time.Duration) time.Time {
	t.Helper()
	set := at
	(*struct {
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&set)).wall += uint64(int64(jump/time.Second) << 30)
	if set.Sub(at) != 0 || set.Round(0).Sub(at.Round(0)) != jump {
		t.Fatalf("package time has changed: %v became %v", at, set)
	}
	return set
}

// TestIdleIDsAreForgotten lets ids and producers go, but none with an open
// transaction.
func TestIdleIDsAreForgotten(t *testing.T) {
	l := newTxnLog(t)
	l.cfg.MaxTransactionTimeout = 500 * time.Hour
	must(t, l.Close())
	l.open()
	idle := l.begin("idle")
	l.write(idle, a0, "1")
	l.end(idle, true)
	p, err := l.InitProducerID(InitProducerIDRequest{TransactionalID: "long", Timeout: 500 * time.Hour, Current: NoProducer})
	must(t, err)
	long := TxnIdentity{"long", p}
	l.write(long, a0, "2")
	l.now = l.now.Add(DefaultProducerExpiration)
	for want := range 2 { // the second look believes the first
		if n, err := l.expireProducers(); err != nil || n != want {
			t.Fatalf("%d producers forgotten, want %d, %v", n, want, err)
		}
	}
	if ps, err := l.DescribeProducers(a0); err != nil || len(ps) != 1 || ps[0].Producer != long.Producer {
		t.Fatalf("%+v, %v", ps, err)
	}
	l.now = l.now.Add(DefaultTransactionalIDExpiration - DefaultProducerExpiration)
	must(t, l.stepTransactions())
	for range 2 {
		ts, err := l.ListTransactions()
		if err != nil || len(ts) != 1 || ts[0].TransactionalID != "long" {
			t.Fatalf("%+v, %v", ts, err)
		}
		l.kill()
	}
	l.end(long, true)
	l.wantRead(a0, "1 2", "1 2")
}

// TestTimersRun lets the log's own goroutine abort: it wakes at the moment of
// the timeout, also for a transaction that is over when the log is opened, and
// again after a full disk.
func TestTimersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		fsys := vfs.Fail(vfs.NewMem(), func(op vfs.Op) error {
			if full.Load() && op.Kind == vfs.OpWrite {
				return &vfs.ShortWrite{Err: syscall.ENOSPC}
			}
			return nil
		})
		b := open(t, fsys, Config{})
		_, err := b.CreateTopic("a", TopicConfig{Partitions: 2})
		must(t, err)
		begin := func(id string, timeout time.Duration) {
			t.Helper()
			p, err := b.NewTransactionalProducer(t.Context(), TransactionalConfig{ID: id, Timeout: timeout})
			must(t, err, p.Begin(), p.Produce(t.Context(), "a", Record{Key: []byte("0"), Value: []byte(id)}))
		}
		state := func(id string) string {
			t.Helper()
			synctest.Wait()
			d, err := b.DescribeTransaction(id)
			must(t, err)
			return d.State
		}
		begin("slow", time.Minute)
		begin("fast", time.Second) // the goroutine has to wake earlier than it meant to
		time.Sleep(time.Second - 1)
		if got := state("fast"); got != "Ongoing" {
			t.Fatalf("fast is %s early", got)
		}
		time.Sleep(1)
		if fast, slow := state("fast"), state("slow"); fast != "CompleteAbort" || slow != "Ongoing" {
			t.Fatalf("fast is %s, slow is %s", fast, slow)
		}
		begin("fast", time.Second)
		synctest.Wait()
		full.Store(true)
		time.Sleep(10 * time.Second)
		if got := state("fast"); got != "Ongoing" {
			t.Fatalf("fast is %s without room on the disk", got)
		}
		full.Store(false)
		time.Sleep(txnRetryInterval)
		if got := state("fast"); got != "CompleteAbort" {
			t.Fatalf("fast is %s", got)
		}
		must(t, b.Close())
		time.Sleep(time.Hour)
		b = open(t, fsys, Config{})
		if got := state("slow"); got != "CompleteAbort" {
			t.Fatalf("slow is %s after it was over while the log was closed", got)
		}
	})
}

// TestFullDiskAbortsNothing takes back what a full disk has refused.
func TestFullDiskAbortsNothing(t *testing.T) {
	l := newTxnLog(t)
	full := false
	l.mem = vfs.Fail(l.mem, func(op vfs.Op) error {
		if full && op.Kind == vfs.OpWrite {
			return &vfs.ShortWrite{Bytes: int(op.Bytes) / 2, Err: syscall.ENOSPC}
		}
		return nil
	})
	must(t, l.Close())
	l.open()
	txn := l.begin("x")
	l.write(txn, a0, "1")
	l.write(txn, b0, "2")
	l.offsets(txn, "g", a1, 7)
	before := l.describe()
	full = true
	for name, refused := range map[string]func() error{
		"commit": func() error {
			_, err := l.EndTxn(EndTxnRequest{TxnIdentity: txn, Commit: true, Bump: true})
			return err
		},
		"abort": func() error { return l.AbortTransaction("x") },
		"begin": func() error {
			_, err := l.InitProducerID(InitProducerIDRequest{"x", time.Minute, NoProducer})
			return err
		},
		"another": func() error {
			_, err := l.InitProducerID(InitProducerIDRequest{"y", time.Minute, NoProducer})
			return err
		},
		"produce": func() error { return l.tryWrite(txn.Producer, a0, AppendOptions{Implicit: true}, "3") },
		"enter":   func() error { return l.tryWrite(txn.Producer, a1, AppendOptions{Implicit: true}, "3") },
		"offset": func() error {
			_, err := l.CommitTxnOffsets(TxnOffsetsRequest{TxnIdentity: txn, Group: "g", Offsets: []GroupOffset{
				{a1, CommittedOffset{Offset: 8}}, {b0, CommittedOffset{Offset: 9}}}})
			return err
		},
		"group": func() error {
			_, err := l.CommitTxnOffsets(TxnOffsetsRequest{TxnIdentity: txn, Group: "h", Implicit: true, Offsets: []GroupOffset{
				{a1, CommittedOffset{Offset: 8}}}})
			return err
		},
		"time-out": func() error {
			l.now = l.now.Add(time.Minute)
			err := l.stepTransactions()
			l.now = l.now.Add(-time.Minute)
			return err
		},
	} {
		if err := refused(); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("%s: want ErrNoSpace, got %v", name, err)
		}
		if after := l.describe(); after != before {
			t.Fatalf("%s: want\n%s\ngot\n%s", name, before, after)
		}
	}
	full = false
	l.end(txn, true)
	l.wantRead(a0, "1", "1")
	l.wantRead(b0, "2", "2")
	if o, _ := l.Committed("g", a1); o.Offset != 7 {
		t.Fatalf("committed offset is %+v", o)
	}
}

// describe prints all that is known of transactions.
func (l *txnLog) describe() string {
	l.t.Helper()
	ts, err := l.ListTransactions()
	must(l.t, err)
	out := fmt.Sprintf("%+v\n", ts)
	for _, tp := range []TopicPartition{a0, a1, b0} {
		ps, err := l.DescribeProducers(tp)
		must(l.t, err)
		v, err := viewOf(l.Broker, tp)
		must(l.t, err)
		out += fmt.Sprintf("%s %+v %+v\n", tp, ps, v)
	}
	for id, pending := range l.txnOffsets {
		for _, o := range pending.list {
			out += fmt.Sprintf("%d %+v\n", id, o.entry())
		}
	}
	return out + fmt.Sprint(l.txnTimer.due.Load())
}
