package log

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// A txnHistory is a history of transactions: several producers write to several
// partitions, commit and abort, while the log crashes. What is left must be
// whole transactions, and those that were acknowledged.
type txnHistory struct {
	*history
	now       time.Time
	attempts  []*txnAttempt
	producers map[string]*txnWriter
	writes    int // since it was opened
	fullAt    int // the write, counted from 1, that finds the disk full; 0 for none
}

// A txnWriter is one producer and the transaction it has open.
type txnWriter struct {
	p    *TransactionalProducer
	open *txnAttempt
	sent int // of its values
}

// A txnAttempt writes one value to each of its partitions, and its number as
// the offset of its producer's group.
type txnAttempt struct {
	id         int
	producer   string
	partitions []TopicPartition
	outcome    txnOutcome
}

type txnOutcome int

const (
	txnMustBeGone txnOutcome = iota // it was aborted, or never committed
	txnEither                       // its commit was tried
	txnMustBeThere
)

var txnProducers = []string{"x", "y", "z"}

func newTxnHistory(seed uint64) *txnHistory {
	h := &txnHistory{history: newHistory(seed), now: txnStart}
	h.cfg.Now = func() time.Time { return h.now }
	return h
}

// fs is the file system as the log sees it.
func (h *txnHistory) fs() vfs.FS {
	h.writes = 0
	return vfs.Fail(h.history.fs(), func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			if h.writes++; h.writes == h.fullAt {
				return &vfs.ShortWrite{Bytes: int(op.Bytes) / 2, Err: syscall.ENOSPC}
			}
		}
		return nil
	})
}

// life opens the log, checks what it finds, and writes until the crash or for
// some steps.
func (h *txnHistory) life(steps int) error {
	b, err := OpenFS(h.fs(), h.cfg)
	if err != nil {
		return h.unlessCrashed(fmt.Errorf("open: %w", err))
	}
	if err := h.check(b); err != nil && h.crash.left == nil {
		return err
	}
	if err := h.begin(b); err != nil {
		return h.unlessCrashed(err)
	}
	if err := h.check(b); err != nil && h.crash.left == nil {
		return err
	}
	for range steps {
		if err := h.step(b); err != nil || h.crash.left != nil {
			return h.unlessCrashed(err)
		}
	}
	return h.unlessCrashed(b.Close())
}

// begin gives each transactional id a new producer, which ends what the one
// before has left open: nothing is open then.
func (h *txnHistory) begin(b *Broker) error {
	for _, t := range []struct {
		name string
		n    int32
	}{{"a", 2}, {"b", 1}} {
		if _, err := b.CreateTopic(t.name, TopicConfig{Partitions: t.n}); err != nil && !errors.Is(err, ErrTopicExists) {
			return err
		}
	}
	h.producers = map[string]*txnWriter{}
	for _, id := range txnProducers {
		p, err := b.NewTransactionalProducer(context.Background(), TransactionalConfig{ID: id})
		if err != nil {
			return err
		}
		h.producers[id] = &txnWriter{p: p}
	}
	for _, tp := range historyPartitions {
		d, err := b.Topic(tp.Topic)
		if err != nil {
			return err
		}
		if p := d.Partitions[tp.Partition]; p.StableEnd != p.End {
			return fmt.Errorf("%s: last stable offset %d with nothing open, want %d", tp, p.StableEnd, p.End)
		}
	}
	return nil
}

// step lets one producer take one step, at times on a full disk.
func (h *txnHistory) step(b *Broker) error {
	if h.rng.IntN(60) == 0 {
		return h.timeOut(b)
	}
	w := h.producers[txnProducers[h.rng.IntN(len(txnProducers))]]
	h.full = h.fault == nil && h.rng.IntN(10) == 0
	err := h.write(w)
	h.full = false
	if errors.Is(err, ErrNoSpace) && h.crash.left == nil {
		if w.open.outcome == txnEither {
			w.open.outcome = txnMustBeGone
			if h.rng.IntN(2) == 0 {
				return h.commit(w) // a second try
			}
		}
		return h.abort(w)
	}
	return err
}

func (h *txnHistory) write(w *txnWriter) error {
	ctx := context.Background()
	if w.open == nil {
		if err := w.p.Begin(); err != nil {
			return err
		}
		w.sent = 0
		w.open = &txnAttempt{id: len(h.attempts) + 1, producer: w.p.txn.TransactionalID}
		h.attempts = append(h.attempts, w.open)
		for _, tp := range historyPartitions {
			if h.rng.IntN(3) > 0 {
				w.open.partitions = append(w.open.partitions, tp)
			}
		}
	}
	a := w.open
	switch {
	case w.sent < len(a.partitions):
		tp := a.partitions[w.sent]
		value := attempt{a.id, a.partitions}.value(w.sent, h.rng.IntN(200))
		w.sent++
		return w.p.Produce(ctx, tp.Topic, Record{Key: keyTo(tp), Value: []byte(value)})
	case w.sent == len(a.partitions):
		w.sent++
		return w.p.SendOffsets(ctx, "group-"+a.producer, GroupMembership{},
			GroupOffset{historyPartitions[0], CommittedOffset{Offset: Offset(a.id)}})
	case h.rng.IntN(4) == 0:
		return h.abort(w)
	}
	return h.commit(w)
}

func (h *txnHistory) commit(w *txnWriter) error {
	w.open.outcome = txnEither
	err := w.p.Commit(context.Background())
	if err == nil {
		w.open.outcome = txnMustBeThere
		w.open = nil
	}
	return err
}

func (h *txnHistory) abort(w *txnWriter) error {
	err := w.p.Abort(context.Background())
	for errors.Is(err, ErrNoSpace) && h.crash.left == nil {
		h.full = false
		err = w.p.Abort(context.Background())
	}
	if err == nil {
		w.open = nil
	}
	return err
}

// timeOut lets the time of all that is open pass.
func (h *txnHistory) timeOut(b *Broker) error {
	h.now = h.now.Add(DefaultTransactionTimeout)
	if err := b.stepTransactions(); err != nil {
		return err
	}
	return h.begin(b)
}

// keyTo is a key that the partitioner sends to tp, of the topics of a history.
func keyTo(tp TopicPartition) []byte {
	n := map[string]int32{"a": 2, "b": 1}[tp.Topic]
	for i := 0; ; i++ {
		if key := []byte(strconv.Itoa(i)); Partition(key, n) == tp.Partition {
			return key
		}
	}
}

// check compares what readers of committed records see, or will, with what was
// tried. A transaction that may be there or not is settled by that.
func (h *txnHistory) check(b *Broker) error {
	seen := map[int]int{}
	for _, tp := range historyPartitions {
		if _, err := b.Topic(tp.Topic); err != nil {
			continue
		}
		v, err := viewOf(b, tp)
		if err != nil {
			return err
		}
		for _, value := range v.decided {
			id, err := strconv.Atoi(value[:strings.IndexByte(value, '/')])
			if err != nil || id > len(h.attempts) {
				return fmt.Errorf("%s: value %.20q was never written", tp, value)
			}
			seen[id]++
		}
	}
	last := map[string]int{}
	for _, a := range h.attempts {
		n := seen[a.id]
		if n != 0 && n != len(a.partitions) {
			return fmt.Errorf("transaction %d: %d values, want %d or none", a.id, n, len(a.partitions))
		}
		o, _ := b.Committed("group-"+a.producer, historyPartitions[0])
		there := n > 0 || len(a.partitions) == 0 && a.outcome != txnMustBeGone && int(o.Offset) >= a.id
		if there && a.outcome == txnMustBeGone || !there && a.outcome == txnMustBeThere {
			return fmt.Errorf("transaction %d, outcome %d: %d values of %d", a.id, a.outcome, n, len(a.partitions))
		}
		if there {
			last[a.producer] = a.id
		}
		if h.settles(a) {
			a.outcome = txnMustBeGone
			if there {
				a.outcome = txnMustBeThere
			}
		}
	}
	for _, id := range txnProducers {
		if o, _ := b.Committed("group-"+id, historyPartitions[0]); int(o.Offset) != last[id] {
			return fmt.Errorf("offset of producer %s is %d, want %d of its last transaction", id, o.Offset, last[id])
		}
	}
	return nil
}

// settles says whether what is seen of a will stay: it is not open any more.
func (h *txnHistory) settles(a *txnAttempt) bool {
	for _, w := range h.producers {
		if w.open == a {
			return false
		}
	}
	return true
}

// survive takes what the crash has left, or reports that there was none.
func (h *txnHistory) survive() bool {
	h.producers = nil
	if h.crash.left == nil {
		return false
	}
	h.mem = h.crash.left
	if h.crash.power {
		h.boot++
		for _, a := range h.attempts {
			if h.cfg.Durability != Sync && a.outcome == txnMustBeThere {
				a.outcome = txnEither // it may be lost, but not in part
			}
		}
	}
	return true
}

// run lives several lives with a crash each.
func (h *txnHistory) run() error {
	for range 2 + h.rng.IntN(3) {
		h.crash = &crashPoint{after: h.rng.IntN(200), power: h.rng.IntN(3) > 0}
		if err := h.life(h.rng.IntN(100)); err != nil {
			return err
		}
		h.survive()
	}
	h.crash = &crashPoint{after: 1 << 30}
	return h.life(0)
}

// TestTransactionsSurviveCrashes crashes at random operations, FRESHET_HISTORIES
// times.
func TestTransactionsSurviveCrashes(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	for i := range testCount(t, "FRESHET_HISTORIES", 500) {
		if err := newTxnHistory(seed + uint64(i)).run(); err != nil {
			t.Fatalf("FRESHET_SEED=%d FRESHET_HISTORIES=1: %v", seed+uint64(i), err)
		}
	}
}

// TestTransactionsSurviveEveryCrash crashes one history at each of its
// operations, by a killed process and by a power cut, and once more at an
// operation of the recovery.
func TestTransactionsSurviveEveryCrash(t *testing.T) {
	skipOneGoroutine(t)
	seed := testSeed(t)
	for _, power := range []bool{false, true} {
		crashes := 0
		for after := 0; ; after++ {
			h := newTxnHistory(seed)
			h.cfg.Durability = Sync
			h.crash = &crashPoint{after: after, power: power}
			err := h.life(60)
			crashed := h.survive()
			if err == nil && crashed {
				h.rng = rand.New(rand.NewPCG(seed, uint64(after)))
				h.crash = &crashPoint{after: h.rng.IntN(30), power: power}
				err = h.life(0)
				h.survive()
			}
			if err == nil {
				h.crash = &crashPoint{after: 1 << 30}
				err = h.life(10)
			}
			if err != nil {
				t.Fatalf("FRESHET_SEED=%d: crash after operation %d, power cut %v: %v", seed, after, power, err)
			}
			if !crashed {
				break
			}
			crashes++
		}
		if crashes < 100 {
			t.Fatalf("%d crashes, want 100 at least", crashes)
		}
		t.Logf("power cut %v: %d crashes", power, crashes)
	}
}

// TestTransactionsOnDiskThatFills fills the disk for one moment, at each write
// of a history in turn.
func TestTransactionsOnDiskThatFills(t *testing.T) {
	seed := testSeed(t)
	for n := 1; ; n++ {
		h := newTxnHistory(seed)
		h.cfg.Durability = Sync
		h.crash = &crashPoint{after: 1 << 30}
		h.fullAt = n
		err := h.life(60)
		writes := h.writes
		for vfs.IsNoSpace(err) || errors.Is(err, ErrNoSpace) { // in a step that nobody repeats
			h.fullAt, h.producers, h.mem = 0, nil, h.mem.KillProcess()
			err = h.life(10)
		}
		if err != nil {
			t.Fatalf("FRESHET_SEED=%d: full at write %d: %v", seed, n, err)
		}
		if writes < n {
			t.Logf("%d writes", writes)
			if n < 50 {
				t.Fatalf("%d writes, want 50 at least", writes)
			}
			return
		}
	}
}

// TestSeededBugsTearTransactions breaks the log on purpose: the histories must
// see it.
func TestSeededBugsTearTransactions(t *testing.T) {
	bugs := map[string]func(vfs.Op) error{
		"acknowledge before the journal is synced": func(op vfs.Op) error {
			return skipIf(op.Kind == vfs.OpSync && strings.HasPrefix(op.Name, journalDir))
		},
		"replace the checkpoint before it is synced": func(op vfs.Op) error {
			return skipIf(op.Kind == vfs.OpSync && strings.HasPrefix(op.Name, checkpointName))
		},
	}
	for name, fault := range bugs {
		t.Run(name, func(t *testing.T) {
			seed := testSeed(t)
			for i := range 2000 {
				h := newTxnHistory(seed + uint64(i))
				h.fault = fault
				if err := h.run(); err != nil {
					t.Logf("caught by history %d: %v", i, err)
					return
				}
			}
			t.Fatal("2,000 histories did not see it")
		})
	}
}
