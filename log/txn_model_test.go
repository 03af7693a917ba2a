package log

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/internal/vfs"
	"pgregory.net/rapid"
)

// txnModel is what transactions are to their users: lists of values, each with
// the transaction that it belongs to.
type txnModel struct {
	*txnLog
	r        *rapid.T
	ids      map[string]*modelID
	stored   map[TopicPartition][]modelValue
	offsets  map[string]Offset // of each id's group
	values   int
	lastSent *modelSent
}

// A modelID is a transactional id: who may write under it, and what is open.
type modelID struct {
	now   TxnIdentity
	old   []TxnIdentity // fenced
	open  *modelTransaction
	ended *EndTxnRequest // the last end, to be repeated while nothing came after
	next  ProducerIdentity
}

type modelTransaction struct {
	began    time.Time
	decided  bool
	commit   bool
	offset   Offset
	writeSet map[TopicPartition]bool
}

type modelValue struct {
	value string
	txn   *modelTransaction // nil: none
}

// A modelSent is a batch that was appended, to be sent again.
type modelSent struct {
	id       string
	batch    []byte
	tp       TopicPartition
	base     Offset
	producer ProducerIdentity
}

var modelPartitions = []TopicPartition{a0, a1, b0}

func (m *txnModel) id() *modelID {
	return m.ids[rapid.SampledFrom([]string{"x", "y"}).Draw(m.r, "id")]
}

func (m *txnModel) partition() TopicPartition {
	return rapid.SampledFrom(modelPartitions).Draw(m.r, "partition")
}

// decide ends what an id has open.
func (m *txnModel) decide(id *modelID, commit bool) {
	if t := id.open; t != nil {
		t.decided, t.commit = true, commit
		if commit && t.offset > 0 {
			m.offsets[id.now.TransactionalID] = t.offset
		}
	}
	id.open, id.ended = nil, nil
}

func (m *txnModel) touch(id *modelID) *modelTransaction {
	if id.open == nil {
		id.open = &modelTransaction{began: m.now, writeSet: map[TopicPartition]bool{}}
	}
	id.ended = nil
	return id.open
}

// Init begins a producer, which aborts and fences what was before.
func (m *txnModel) Init(r *rapid.T) {
	m.r = r
	id := m.id()
	if id.now != (TxnIdentity{}) {
		id.old = append(id.old, id.now)
	}
	name := rapidName(m.ids, id)
	m.decide(id, false)
	id.now = m.begin(name)
}

func rapidName(ids map[string]*modelID, id *modelID) string {
	for name, other := range ids {
		if other == id {
			return name
		}
	}
	return ""
}

func (m *txnModel) current(r *rapid.T) *modelID {
	m.r = r
	id := m.id()
	if id.now == (TxnIdentity{}) {
		r.Skip("no producer yet")
	}
	return id
}

func (m *txnModel) Write(r *rapid.T) {
	id, tp := m.current(r), m.partition()
	m.values++
	value := fmt.Sprint(m.values)
	p := id.now.Producer
	sequence := m.after[p][tp]
	o := AppendOptions{Implicit: true}
	if id.open != nil && id.open.writeSet[tp] {
		o.Implicit = rapid.Bool().Draw(r, "implicit")
	}
	if err := m.tryWrite(p, tp, o, value); err != nil {
		r.Fatal(err)
	}
	t := m.touch(id)
	t.writeSet[tp] = true
	m.stored[tp] = append(m.stored[tp], modelValue{value, t})
	_, end, _ := m.Offsets(tp)
	m.lastSent = &modelSent{id.now.TransactionalID, txnBatch(p, sequence, value), tp, end - 1, p}
}

// WriteAgain sends the last batch again: it is found to be there while its
// producer has not gone on.
func (m *txnModel) WriteAgain(r *rapid.T) {
	m.r = r
	s := m.lastSent
	if s == nil {
		r.Skip("nothing sent")
	}
	rs, err := m.AppendBatches([]AppendBatch{{s.tp, slices.Clone(s.batch)}}, AppendOptions{Implicit: true})
	if err != nil {
		r.Fatal(err)
	}
	if m.ids[s.id].now.Producer == s.producer && m.ids[s.id].open != nil {
		if rs[0].Err != nil || !rs[0].Duplicate || rs[0].Base != s.base {
			r.Fatalf("want a duplicate at offset %d, got %+v", s.base, rs[0])
		}
	} else if rs[0].Err == nil && !rs[0].Duplicate {
		r.Fatalf("a late batch was appended: %+v", rs[0])
	}
}

func (m *txnModel) WriteLate(r *rapid.T) {
	id := m.current(r)
	if len(id.old) == 0 {
		r.Skip("nobody is fenced")
	}
	old := rapid.SampledFrom(id.old).Draw(r, "old")
	if err := m.tryWrite(old.Producer, m.partition(), AppendOptions{Implicit: true}, "late"); err == nil {
		r.Fatalf("%+v has written after %+v began", old, id.now)
	}
	if _, err := m.EndTxn(EndTxnRequest{TxnIdentity: old, Commit: true}); !errors.Is(err, ErrFenced) {
		r.Fatalf("%+v ended a transaction of %+v: %v", old, id.now, err)
	}
}

func (m *txnModel) WritePlain(r *rapid.T) {
	m.r = r
	m.values++
	value := fmt.Sprint(m.values)
	tp := m.partition()
	c := m.NewCommitBuilder()
	must(m.t, c.Append(tp.Topic, tp.Partition, &Record{Value: []byte(value)}))
	if _, err := m.Commit(c.Build()); err != nil {
		r.Fatal(err)
	}
	m.stored[tp] = append(m.stored[tp], modelValue{value, nil})
}

func (m *txnModel) Offset(r *rapid.T) {
	id := m.current(r)
	m.values++
	m.txnLog.offsets(id.now, id.now.TransactionalID, a0, Offset(m.values))
	m.touch(id).offset = Offset(m.values)
}

func (m *txnModel) End(r *rapid.T) {
	id := m.current(r)
	q := EndTxnRequest{id.now, rapid.Bool().Draw(r, "commit"), true}
	next, err := m.EndTxn(q)
	if id.open == nil && q.Commit {
		var code *CodeError
		if !errors.As(err, &code) || coord.Code(code.Code) != coord.InvalidTxnState {
			r.Fatalf("end without a transaction: %v", err)
		}
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	m.decide(id, q.Commit)
	id.old = append(id.old, id.now)
	id.now.Producer, id.next, id.ended = next, next, &q
}

// EndAgain repeats the last end, whose answer may have been lost.
func (m *txnModel) EndAgain(r *rapid.T) {
	id := m.current(r)
	if id.ended == nil {
		r.Skip("nothing ended just now")
	}
	if next, err := m.EndTxn(*id.ended); err != nil || next != id.next {
		r.Fatalf("repeated: %+v, %v, want %+v", next, err, id.next)
	}
}

// Wait lets time pass: what is open for too long is aborted.
func (m *txnModel) Wait(r *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(r, "seconds")) * time.Second)
	if err := m.stepTransactions(); err != nil {
		r.Fatal(err)
	}
	m.timeOut()
}

func (m *txnModel) timeOut() {
	for _, id := range m.ids {
		if id.open != nil && !m.now.Before(id.open.began.Add(time.Minute)) {
			m.decide(id, false)
			id.old = append(id.old, id.now)
			id.now = TxnIdentity{}
		}
	}
}

func (m *txnModel) OperatorAborts(r *rapid.T) {
	id := m.current(r)
	if err := m.AbortTransaction(id.now.TransactionalID); (err == nil) != (id.open != nil) {
		r.Fatal(err)
	}
	if id.open != nil {
		m.decide(id, false)
		id.old = append(id.old, id.now)
		id.now = TxnIdentity{}
	}
}

// Restart closes or kills the log; open transactions go on.
func (m *txnModel) Restart(r *rapid.T) {
	m.r = r
	if rapid.Bool().Draw(r, "killed") {
		m.mem = m.mem.(*vfs.Mem).KillProcess()
	} else if err := m.Close(); err != nil {
		r.Fatal(err)
	}
	m.open()
}

func (m *txnModel) Flush(r *rapid.T) {
	if err := m.flush(); err != nil {
		r.Fatal(err)
	}
}

// Check compares everything that readers see.
func (m *txnModel) Check(r *rapid.T) {
	for _, tp := range modelPartitions {
		var all, committed []string
		stable := true
		for _, v := range m.stored[tp] {
			all = append(all, v.value)
			stable = stable && (v.txn == nil || v.txn.decided)
			if stable && (v.txn == nil || v.txn.commit) {
				committed = append(committed, v.value)
			}
		}
		v, err := viewOf(m.Broker, tp)
		if err != nil {
			r.Fatal(err)
		}
		if !slices.Equal(v.all, all) || !slices.Equal(v.committed, committed) {
			r.Fatalf("%s: want %v, committed %v\ngot %v, committed %v", tp, all, committed, v.all, v.committed)
		}
		if got := readStable(m.t, m.Broker, tp); got != strings.Join(committed, " ") {
			r.Fatalf("%s: a consumer of committed records reads %q, want %v", tp, got, committed)
		}
	}
	for name := range m.ids {
		if o, _ := m.Committed(name, a0); o.Offset != m.offsets[name] {
			r.Fatalf("offset of %s is %d, want %d", name, o.Offset, m.offsets[name])
		}
	}
}

// readStable returns what a consumer of committed records gets.
func readStable(t testing.TB, b *Broker, tp TopicPartition) string {
	t.Helper()
	c := b.NewConsumer()
	defer c.Close()
	c.ReadCommitted()
	must(t, c.Assign(tp, 0))
	return fetchValues(t, c)
}

func fetchValues(t testing.TB, c *Consumer) string {
	t.Helper()
	var values []string
	for {
		fetches, err := c.Fetch(1 << 20)
		must(t, err)
		if len(fetches) == 0 {
			return strings.Join(values, " ")
		}
		for i := range fetches {
			for r := (Record{}); fetches[i].Records.Next(&r); {
				values = append(values, string(r.Value))
			}
			must(t, fetches[i].Records.Err())
		}
	}
}

// TestTransactionsAgainstModel runs random requests of several producers, with
// restarts in between.
func TestTransactionsAgainstModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := newTxnLog(t)
		m := &txnModel{txnLog: l, r: r, ids: map[string]*modelID{"x": {}, "y": {}},
			stored: map[TopicPartition][]modelValue{}, offsets: map[string]Offset{}}
		r.Repeat(map[string]func(*rapid.T){
			"": m.Check, "init": m.Init, "write": m.Write, "write again": m.WriteAgain, "write late": m.WriteLate,
			"write plain": m.WritePlain, "offset": m.Offset, "end": m.End, "end again": m.EndAgain, "wait": m.Wait,
			"operator aborts": m.OperatorAborts, "restart": m.Restart, "flush": m.Flush,
		})
		must(t, m.Close())
	})
}

// TestProducersAtTheSameTime lets goroutines write transactions to the same
// partitions: each is there as a whole, or not at all.
func TestProducersAtTheSameTime(t *testing.T) {
	const producers, transactions = 4, 25
	b := open(t, vfs.NewMem(), Config{})
	for topic, n := range map[string]int32{"a": 2, "b": 1} {
		_, err := b.CreateTopic(topic, TopicConfig{Partitions: n})
		must(t, err)
	}
	errs := make([]error, producers)
	var all sync.WaitGroup
	for i := range producers {
		all.Go(func() {
			p, err := b.NewTransactionalProducer(t.Context(), TransactionalConfig{ID: fmt.Sprint("p", i)})
			for n := 0; n < transactions && err == nil; n++ {
				err = p.Begin()
				for _, tp := range modelPartitions {
					err = errors.Join(err, p.Produce(t.Context(), tp.Topic, Record{Key: keyTo(tp), Value: fmt.Appendf(nil, "%d/%d", i, n)}))
				}
				if n%3 == 2 {
					err = errors.Join(err, p.Abort(t.Context()))
				} else {
					err = errors.Join(err, p.Commit(t.Context()))
				}
			}
			errs[i] = err
		})
	}
	all.Wait()
	must(t, errs...)
	for _, tp := range modelPartitions {
		got := strings.Fields(readStable(t, b, tp))
		slices.Sort(got)
		var want []string
		for i := range producers {
			for n := range transactions {
				if n%3 != 2 {
					want = append(want, fmt.Sprintf("%d/%d", i, n))
				}
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: want %v, got %v", tp, want, got)
		}
		if v, err := viewOf(b, tp); err != nil || v.markers != producers*transactions {
			t.Fatalf("%s: %d markers, want %d, %v", tp, v.markers, producers*transactions, err)
		}
	}
}
