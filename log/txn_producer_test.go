package log

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/coord"
)

func (l *txnLog) producer(id string) *TransactionalProducer {
	l.t.Helper()
	p, err := l.NewTransactionalProducer(l.t.Context(), TransactionalConfig{ID: id})
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// must fails the test at the first error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

func TestTransactionalProducer(t *testing.T) {
	l := newTxnLog(t)
	ctx := t.Context()
	p := l.producer("x")
	at := func(partition int32, value string) Record {
		for i := 0; ; i++ {
			if key := []byte(fmt.Sprint(i)); Partition(key, 2) == partition {
				return Record{Key: key, Value: []byte(value), Headers: []Header{{"h", []byte("v")}}}
			}
		}
	}
	must(t, p.Begin(),
		p.Produce(ctx, "a", at(0, "1"), at(1, "2"), at(0, "3")),
		p.Produce(ctx, "b", at(0, "4")),
		p.SendOffsets(ctx, "g", GroupMembership{}, GroupOffset{a1, CommittedOffset{Offset: 5}}))
	l.wantRead(a0, "", "1 3")
	must(t, p.Commit(ctx))
	l.wantRead(a0, "1 3", "1 3")
	l.wantRead(a1, "2", "2")
	l.wantRead(b0, "4", "4")
	if o, _ := l.Committed("g", a1); o.Offset != 5 {
		t.Fatalf("committed offset is %+v", o)
	}
	must(t, p.Begin(), p.Produce(ctx, "a", at(0, "5")), p.Abort(ctx))
	must(t, p.Begin(), p.Commit(ctx), p.Begin(), p.Abort(ctx)) // with nothing in them
	must(t, p.Begin(), p.Produce(ctx, "a", at(0, "6")), p.Produce(ctx, "a", at(0, "7")), p.Commit(ctx))
	l.wantRead(a0, "1 3 6 7", "1 3 5 6 7")
	if r := recordsOf(t, l.Broker, b0); len(r) != 1 || r[0].TimestampMillis != txnStart.UnixMilli() || r[0].Headers[0].Key != "h" {
		t.Fatalf("records of b-0: %+v", r)
	}
}

// TestReadCommittedConsumer reads what transactions wrote as an application
// does.
func TestReadCommittedConsumer(t *testing.T) {
	l := newTxnLog(t)
	ctx := t.Context()
	x, y := l.producer("x"), l.producer("y")
	send := func(p *TransactionalProducer, value string) {
		t.Helper()
		must(t, p.Produce(ctx, "a", Record{Key: []byte("0"), Value: []byte(value)}))
	}
	c := l.NewConsumer()
	defer c.Close()
	c.ReadCommitted()
	tp := TopicPartition{"a", Partition([]byte("0"), 2)}
	must(t, c.Assign(tp, 0), x.Begin(), y.Begin())
	read := func() string { return fetchValues(t, c) }
	send(x, "x1")
	send(y, "y1")
	send(x, "x2")
	must(t, y.Commit(ctx))
	if got := read(); got != "" {
		t.Fatalf("read %q behind an open transaction", got)
	}
	must(t, x.Abort(ctx))
	if got := read(); got != "y1" {
		t.Fatalf("read %q, want y1", got)
	}
	must(t, x.Begin())
	send(x, "x3")
	must(t, x.Commit(ctx))
	if got := read(); got != "x3" {
		t.Fatalf("read %q, want x3", got)
	}
}

func TestTransactionalProducerIsFenced(t *testing.T) {
	ctx := context.Background()
	r := Record{Key: []byte("0"), Value: []byte("v")}
	fences := map[string]func(*testing.T, *txnLog){
		"by a newer producer": func(_ *testing.T, l *txnLog) { l.producer("x") },
		"by its timeout": func(t *testing.T, l *txnLog) {
			l.now = l.now.Add(DefaultTransactionTimeout)
			must(t, l.stepTransactions())
		},
		"by an operator": func(t *testing.T, l *txnLog) { must(t, l.AbortTransaction("x")) },
		"by a newer producer with another id": func(t *testing.T, l *txnLog) {
			must(t, l.AbortTransaction("x"))
			l.loadEpoch("x", 32766)
			l.producer("x")
		},
	}
	steps := map[string]func(p *TransactionalProducer) error{
		"produce": func(p *TransactionalProducer) error { return p.Produce(ctx, "a", r) },
		"offsets": func(p *TransactionalProducer) error {
			return p.SendOffsets(ctx, "g", GroupMembership{}, GroupOffset{a0, CommittedOffset{Offset: 5}})
		},
		"commit": func(p *TransactionalProducer) error { return p.Commit(ctx) },
		"abort":  func(p *TransactionalProducer) error { return p.Abort(ctx) },
	}
	for how, fence := range fences {
		for name, step := range steps {
			t.Run(name+" "+how, func(t *testing.T) {
				l := newTxnLog(t)
				p := l.producer("x")
				must(t, p.Begin(), p.Produce(ctx, "a", r))
				fence(t, l)
				if err := step(p); !errors.Is(err, ErrFenced) {
					t.Fatalf("want ErrFenced, got %v", err)
				}
				for name, err := range map[string]error{"begin": p.Begin(), "commit": p.Commit(ctx), "abort": p.Abort(ctx)} {
					if !errors.Is(err, ErrFenced) {
						t.Fatalf("%s: want ErrFenced, got %v", name, err)
					}
				}
				l.wantRead(TopicPartition{"a", Partition(r.Key, 2)}, "", "v")
			})
		}
	}
}

func TestTransactionalProducerMistakes(t *testing.T) {
	l := newTxnLog(t)
	ctx := t.Context()
	if _, err := l.NewTransactionalProducer(ctx, TransactionalConfig{}); err == nil {
		t.Fatal("a producer without an id was made")
	}
	_, err := l.NewTransactionalProducer(ctx, TransactionalConfig{ID: "x", Timeout: time.Hour})
	l.wantCode(err, coord.InvalidTransactionTimeout)
	p := l.producer("x")
	r := Record{Key: []byte("0"), Value: []byte("v")}
	if err := p.Produce(ctx, "a", r); !errors.Is(err, ErrTransactionState) {
		t.Fatalf("produce before begin: %v", err)
	}
	if err := p.Commit(ctx); !errors.Is(err, ErrTransactionState) {
		t.Fatalf("commit before begin: %v", err)
	}
	must(t, p.Begin())
	if err := p.Begin(); !errors.Is(err, ErrTransactionState) {
		t.Fatalf("begin twice: %v", err)
	}
	failures := map[error]func() error{
		ErrUnknownTopic:   func() error { return p.Produce(ctx, "no", r) },
		ErrRecordTooLarge: func() error { return p.Produce(ctx, "a", r, Record{Value: make([]byte, DefaultMaxMessageBytes)}) },
		ErrFenced: func() error { // the member, not the producer
			return p.SendOffsets(ctx, "g", GroupMembership{MemberID: "m", Generation: 3}, GroupOffset{a0, CommittedOffset{Offset: 1}})
		},
	}
	for want, fail := range failures {
		must(t, p.Produce(ctx, "a", r))
		if err := fail(); !errors.Is(err, want) {
			t.Fatalf("want %v, got %v", want, err)
		}
		if err := p.Commit(ctx); !errors.Is(err, ErrAbortOnly) {
			t.Fatalf("commit after %v: %v", want, err)
		}
		must(t, p.Abort(ctx), p.Begin())
	}
	must(t, p.Produce(ctx, "a", r), p.Commit(ctx))
	l.wantRead(TopicPartition{"a", Partition(r.Key, 2)}, "v", "v v v v")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	must(t, p.Begin(), p.Produce(ctx, "a", r))
	if err := p.Commit(cancelled); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	must(t, p.Commit(ctx))
}

// TestLargeCallIsSplit produces more than a batch may hold.
func TestLargeCallIsSplit(t *testing.T) {
	l := newTxnLog(t)
	if _, err := l.CreateTopic("small", TopicConfig{Partitions: 1, MaxMessageBytes: 200}); err != nil {
		t.Fatal(err)
	}
	p := l.producer("x")
	var rs []Record
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("%030d", i))
		rs = append(rs, Record{Value: []byte(want[i])})
	}
	must(t, p.Begin(), p.Produce(t.Context(), "small", rs...), p.Produce(t.Context(), "small", rs[0]), p.Commit(t.Context()))
	want = append(want, want[0])
	l.wantRead(TopicPartition{"small", 0}, strings.Join(want, " "), strings.Join(want, " "))
}

// TestMembersCommitTheirOffsets ends a transaction while the group has members.
func TestMembersCommitTheirOffsets(t *testing.T) {
	l := newTxnLog(t)
	ctx := t.Context()
	fence, err := l.ClaimGroup("g")
	must(t, err)
	p := l.producer("x")
	member := GroupMembership{MemberID: fence.Member, Generation: fence.Generation}
	must(t, p.Begin(), p.SendOffsets(ctx, "g", member, GroupOffset{a0, CommittedOffset{Offset: 5}}), p.Commit(ctx))
	if o, _ := l.Committed("g", a0); o.Offset != 5 {
		t.Fatalf("committed offset is %+v", o)
	}
	must(t, p.Begin())
	_, err = l.ClaimGroup("g")
	must(t, err)
	if err := p.SendOffsets(ctx, "g", member, GroupOffset{a0, CommittedOffset{Offset: 6}}); !errors.Is(err, ErrFenced) {
		t.Fatalf("offsets of a member that was replaced: %v", err)
	}
	must(t, p.Abort(ctx), p.Begin())
}
