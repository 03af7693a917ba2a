package log

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/internal/vfs"
)

// txnStart is when the clock of the tests begins.
var txnStart = time.UnixMilli(1_700_000_000_000)

// txnLog is a log without goroutines whose clock is set by hand.
type txnLog struct {
	*Broker
	t     testing.TB
	mem   vfs.FS
	now   time.Time
	cfg   Config
	after map[ProducerIdentity]map[TopicPartition]int32 // sequences
}

func newTxnLog(t testing.TB) *txnLog {
	l := &txnLog{t: t, mem: vfs.NewMem(), now: txnStart, after: map[ProducerIdentity]map[TopicPartition]int32{}}
	l.cfg = Config{stepped: true, Now: func() time.Time { return l.now }}
	l.open()
	for _, topic := range []string{"a", "b"} {
		if _, err := l.CreateTopic(topic, TopicConfig{Partitions: 2}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *txnLog) open() {
	l.t.Helper()
	l.Broker = open(l.t, l.mem, l.cfg)
}

// kill opens what the death of the process leaves.
func (l *txnLog) kill() {
	l.t.Helper()
	l.mem = l.mem.(*vfs.Mem).KillProcess()
	l.open()
}

// begin gives a transactional id its next producer.
func (l *txnLog) begin(id string) TxnIdentity {
	l.t.Helper()
	p, err := l.InitProducerID(InitProducerIDRequest{TransactionalID: id, Timeout: time.Minute, Current: NoProducer})
	if err != nil {
		l.t.Fatal(err)
	}
	return TxnIdentity{id, p}
}

// txnBatch encodes one batch of a transaction.
func txnBatch(p ProducerIdentity, sequence int32, values ...string) []byte {
	var b batch.Builder
	for _, v := range values {
		b.Append(txnStart.UnixMilli(), []byte("k"), []byte(v), nil)
	}
	b.SetProducer(p.ID, p.Epoch, sequence)
	b.SetTransactional(true)
	return b.Finish()
}

// tryWrite appends values to one partition.
func (l *txnLog) tryWrite(p ProducerIdentity, tp TopicPartition, o AppendOptions, values ...string) error {
	sequences := l.after[p]
	if sequences == nil {
		sequences = map[TopicPartition]int32{}
		l.after[p] = sequences
	}
	rs, err := l.AppendBatches([]AppendBatch{{tp, txnBatch(p, sequences[tp], values...)}}, o)
	if err == nil {
		err = rs[0].Err
	}
	if err == nil {
		sequences[tp] += int32(len(values))
	}
	return err
}

func (l *txnLog) write(txn TxnIdentity, tp TopicPartition, values ...string) {
	l.t.Helper()
	if err := l.tryWrite(txn.Producer, tp, AppendOptions{Implicit: true}, values...); err != nil {
		l.t.Fatal(err)
	}
}

func (l *txnLog) end(txn TxnIdentity, commit bool) TxnIdentity {
	l.t.Helper()
	p, err := l.EndTxn(EndTxnRequest{TxnIdentity: txn, Commit: commit, Bump: true})
	if err != nil {
		l.t.Fatal(err)
	}
	return TxnIdentity{txn.TransactionalID, p}
}

func (l *txnLog) offsets(txn TxnIdentity, group string, tp TopicPartition, o Offset) {
	l.t.Helper()
	refused, err := l.CommitTxnOffsets(TxnOffsetsRequest{TxnIdentity: txn, Group: group, Implicit: true,
		Offsets: []GroupOffset{{tp, CommittedOffset{Offset: o, LeaderEpoch: -1}}}})
	if err != nil || refused != nil {
		l.t.Fatal(refused, err)
	}
}

// wantCode fails unless err is an answer with one of Kafka's codes.
func (l *txnLog) wantCode(err error, want coord.Code) {
	l.t.Helper()
	var code *CodeError
	if !errors.As(err, &code) || coord.Code(code.Code) != want {
		l.t.Fatalf("want %v, got %v", want, err)
	}
}

// wantRead compares what readers of committed records and of all records see,
// and checks that the last stable offset is that of the model.
func (l *txnLog) wantRead(tp TopicPartition, committed, all string) {
	l.t.Helper()
	v, err := viewOf(l.Broker, tp)
	if err != nil {
		l.t.Fatal(err)
	}
	if got := strings.Join(v.committed, " "); got != committed {
		l.t.Fatalf("%s committed: want %q, got %q", tp, committed, got)
	}
	if got := strings.Join(v.all, " "); got != all {
		l.t.Fatalf("%s: want %q, got %q", tp, all, got)
	}
}

var a0, a1, b0 = TopicPartition{"a", 0}, TopicPartition{"a", 1}, TopicPartition{"b", 0}

func TestTransactionCommits(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.write(txn, a0, "1", "2")
	l.write(txn, b0, "3")
	l.wantRead(a0, "", "1 2")
	l.offsets(txn, "g", a1, 7)
	l.offsets(txn, "g", a1, 9) // the later one counts
	if _, found := l.Committed("g", a1); found {
		t.Fatal("an offset was committed before its transaction")
	}
	next := l.end(txn, true)
	l.wantRead(a0, "1 2", "1 2")
	l.wantRead(b0, "3", "3")
	if o, _ := l.Committed("g", a1); o.Offset != 9 || o.TimestampMillis != txnStart.UnixMilli() {
		t.Fatalf("committed offset is %+v", o)
	}
	if next.Producer != (ProducerIdentity{txn.Producer.ID, txn.Producer.Epoch + 1}) {
		t.Fatalf("%+v goes on as %+v", txn, next)
	}
	l.kill()
	l.wantRead(a0, "1 2", "1 2")
	l.write(next, a0, "4")
	l.wantRead(a0, "1 2", "1 2 4")
}

func TestTransactionAborts(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.write(txn, a0, "1")
	produce(t, l.Broker, "b", "plain")
	l.offsets(txn, "g", a1, 7)
	next := l.end(txn, false)
	l.write(next, a0, "2")
	next = l.end(next, true)
	l.wantRead(a0, "2", "1 2")
	if _, found := l.Committed("g", a1); found {
		t.Fatal("an offset of an aborted transaction was committed")
	}
	l.kill()
	l.wantRead(a0, "2", "1 2")
	l.offsets(next, "g", a1, 8)
	l.end(next, true)
	if o, _ := l.Committed("g", a1); o.Offset != 8 {
		t.Fatalf("committed offset is %+v", o)
	}
}

// TestOpenTransactionGoesOn closes and kills the log while a transaction is open.
func TestOpenTransactionGoesOn(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.write(txn, a0, "1")
	l.offsets(txn, "g", a1, 7)
	must(t, l.Close())
	l.open()
	l.write(txn, a0, "2")
	l.kill()
	l.kill()
	l.wantRead(a0, "", "1 2")
	l.end(txn, true)
	l.wantRead(a0, "1 2", "1 2")
	if o, _ := l.Committed("g", a1); o.Offset != 7 {
		t.Fatalf("committed offset is %+v", o)
	}
}

// TestZombieIsFenced begins a second producer while the first has a transaction
// open.
func TestZombieIsFenced(t *testing.T) {
	l := newTxnLog(t)
	old := l.begin("x")
	l.write(old, a0, "zombie")
	l.offsets(old, "g", a1, 7)
	fresh := l.begin("x")
	l.wantRead(a0, "", "zombie") // aborted with the answer
	if err := l.tryWrite(old.Producer, a0, AppendOptions{Implicit: true}, "late"); !errors.Is(err, ErrFenced) {
		t.Fatalf("late write: %v", err)
	}
	if err := l.tryWrite(old.Producer, b0, AppendOptions{Implicit: true}, "late"); !errors.Is(err, ErrFenced) {
		t.Fatalf("late write to another partition: %v", err)
	}
	_, err := l.EndTxn(EndTxnRequest{TxnIdentity: old, Commit: true})
	l.wantCode(err, coord.ProducerFenced)
	_, err = l.CommitTxnOffsets(TxnOffsetsRequest{TxnIdentity: old, Group: "g", Implicit: true})
	l.wantCode(err, coord.InvalidProducerEpoch)
	l.wantCode(l.AddOffsetsToTxn(old, "g"), coord.ProducerFenced)
	l.write(fresh, a0, "2")
	l.end(fresh, true)
	l.wantRead(a0, "2", "zombie 2")
	if _, found := l.Committed("g", a1); found {
		t.Fatal("an offset of the fenced producer was committed")
	}
}

// TestEndIsRepeated sends the end of a transaction again, as a client does that
// has not heard the answer, also after a restart.
func TestEndIsRepeated(t *testing.T) {
	for _, bump := range []bool{false, true} {
		t.Run(fmt.Sprintf("bump=%v", bump), func(t *testing.T) {
			l := newTxnLog(t)
			txn := l.begin("x")
			l.write(txn, a0, "1")
			q := EndTxnRequest{TxnIdentity: txn, Commit: true, Bump: bump}
			first, err := l.EndTxn(q)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if again, err := l.EndTxn(q); err != nil || again != first {
					t.Fatalf("first %+v, again %+v, %v", first, again, err)
				}
				l.kill()
			}
			q.Commit = false
			_, err = l.EndTxn(q)
			l.wantCode(err, coord.InvalidTxnState)
			l.wantRead(a0, "1", "1")
			if v, _ := viewOf(l.Broker, a0); v.markers != 1 {
				t.Fatalf("%d markers, want 1", v.markers)
			}
		})
	}
}

// TestExplicitPartitions is how older clients do it: what was not added may not
// be written.
func TestExplicitPartitions(t *testing.T) {
	l := newTxnLog(t)
	if _, err := l.CreateTopic("mine", TopicConfig{Partitions: 1, Internal: true}); err != nil {
		t.Fatal(err)
	}
	txn := l.begin("x")
	l.wantCode(l.tryWrite(txn.Producer, a0, AppendOptions{}, "1"), coord.InvalidTxnState)
	refused, err := l.AddPartitionsToTxn(txn, []TopicPartition{a0, {"mine", 0}, {"a", 2}})
	if len(refused) != 3 || refused[0] != nil || !errors.Is(refused[1], ErrInternalTopic) || !errors.Is(refused[2], ErrUnknownTopic) || err == nil {
		t.Fatalf("refused %v, %v", refused, err)
	}
	l.wantCode(l.tryWrite(txn.Producer, a0, AppendOptions{}, "1"), coord.InvalidTxnState)
	if refused, err := l.AddPartitionsToTxn(txn, []TopicPartition{a0, b0}); err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	if err := l.tryWrite(txn.Producer, a0, AppendOptions{}, "1"); err != nil {
		t.Fatal(err)
	}
	l.wantCode(l.tryWrite(txn.Producer, a1, AppendOptions{}, "1"), coord.InvalidTxnState)
	q := TxnOffsetsRequest{TxnIdentity: txn, Group: "g", Offsets: []GroupOffset{{a0, CommittedOffset{Offset: 1}}}}
	_, err = l.CommitTxnOffsets(q)
	l.wantCode(err, coord.InvalidTxnState)
	if err := l.AddOffsetsToTxn(txn, "g"); err != nil {
		t.Fatal(err)
	}
	q.Offsets = append(q.Offsets, GroupOffset{TopicPartition{"no", 0}, CommittedOffset{}},
		GroupOffset{b0, CommittedOffset{Metadata: strings.Repeat("m", maxMetadataBytes+1)}})
	refused, err = l.CommitTxnOffsets(q)
	if err != nil || len(refused) != 3 || refused[0] != nil || !errors.Is(refused[1], ErrUnknownTopic) {
		t.Fatal(refused, err)
	}
	l.wantCode(refused[2], codeMetadataTooLarge)
	if _, err := l.EndTxn(EndTxnRequest{TxnIdentity: txn, Commit: true}); err != nil {
		t.Fatal(err)
	}
	l.wantRead(a0, "1", "1")
	if o, _ := l.Committed("g", a0); o.Offset != 1 {
		t.Fatalf("committed offset is %+v", o)
	}
	if v, _ := viewOf(l.Broker, b0); v.markers != 1 {
		t.Fatalf("%d markers in a partition that was added only, want 1", v.markers)
	}
}

// TestEpochsRunOut ends a transaction under the last epoch: its producer goes on
// under another id, and what waited for the outcome is not left behind.
func TestEpochsRunOut(t *testing.T) {
	for _, commit := range []bool{false, true} {
		t.Run(fmt.Sprintf("commit=%v", commit), func(t *testing.T) {
			l := newTxnLog(t)
			txn := l.begin("x")
			l.loadEpoch("x", math.MaxInt16-1)
			txn.Producer.Epoch = math.MaxInt16 - 1
			l.write(txn, a0, "1")
			l.offsets(txn, "g", a1, 7)
			next := l.end(txn, commit)
			if next.Producer.ID == txn.Producer.ID || next.Producer.Epoch != 0 {
				t.Fatalf("%+v goes on as %+v", txn, next)
			}
			l.kill()
			if n := len(l.txnOffsets); n != 0 {
				t.Fatalf("offsets of %d transactions wait after a restart, want none", n)
			}
			l.write(next, a0, "2")
			next = l.end(next, true)
			l.wantRead(a0, map[bool]string{true: "1 2", false: "2"}[commit], "1 2")
			if _, found := l.Committed("g", a1); found != commit {
				t.Fatalf("offset committed: %v", found)
			}
			if another := l.begin("y"); another.Producer.ID == next.Producer.ID {
				t.Fatal("two producers with one id")
			}
		})
	}
}

// loadEpoch sets the epoch of a transactional id, as years of use would.
func (l *txnLog) loadEpoch(id string, epoch int16) {
	l.t.Helper()
	err := l.journal.Exclusive(func() error {
		tx, _ := l.txns.Get(id)
		moved := *tx
		moved.Epoch = epoch
		return l.txns.Load(moved)
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func TestProducerIDsAreNeverGivenTwice(t *testing.T) {
	l := newTxnLog(t)
	given := map[int64]bool{}
	for i := range 20 {
		p, err := l.InitProducerID(InitProducerIDRequest{Current: NoProducer})
		if err != nil || given[p.ID] || p.Epoch != 0 {
			t.Fatalf("%+v, %v after %v", p, err, given)
		}
		given[p.ID] = true
		if txn := l.begin(fmt.Sprint("x", i)); given[txn.Producer.ID] {
			t.Fatalf("%+v after %v", txn, given)
		} else {
			given[txn.Producer.ID] = true
		}
		if i%3 == 0 {
			l.kill()
		}
	}
}

// TestTopicIsDeletedMeanwhile ends a transaction one topic of which is gone.
func TestTopicIsDeletedMeanwhile(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.write(txn, a0, "1")
	l.write(txn, b0, "2")
	l.offsets(txn, "g", a0, 1)
	l.offsets(txn, "g", b0, 1)
	if err := l.DeleteTopic("a"); err != nil {
		t.Fatal(err)
	}
	l.kill()
	l.end(txn, true)
	l.wantRead(b0, "2", "2")
	if o, _ := l.Committed("g", b0); o.Offset != 1 {
		t.Fatalf("committed offset is %+v", o)
	}
	l.kill()
	l.wantRead(b0, "2", "2")
}

func TestOperatorAborts(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.wantCode(l.AbortTransaction("x"), coord.InvalidTxnState)
	l.wantCode(l.AbortTransaction("y"), coord.TransactionalIDNotFound)
	l.write(txn, a0, "1")
	if err := l.AbortTransaction("x"); err != nil {
		t.Fatal(err)
	}
	l.wantRead(a0, "", "1")
	_, err := l.EndTxn(EndTxnRequest{TxnIdentity: txn, Commit: true})
	l.wantCode(err, coord.ProducerFenced)
}

func TestTransactionsAreDescribed(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.begin("w")
	l.now = l.now.Add(time.Second)
	l.write(txn, b0, "1")
	l.write(txn, a0, "2", "3")
	l.offsets(txn, "g", a1, 7)
	for range 2 {
		list, err := l.ListTransactions()
		if err != nil || len(list) != 2 || list[0].TransactionalID != "w" || list[0].State != "Empty" {
			t.Fatalf("%+v, %v", list, err)
		}
		d, err := l.DescribeTransaction("x")
		want := "{TransactionalID:x Producer:{ID:0 Epoch:0} State:Ongoing Timeout:1m0s Started:" + d.Started.String() +
			" Partitions:[a-0 b-0] Groups:[g]}"
		if got := fmt.Sprintf("%+v", d); err != nil || got != want || !d.Started.Equal(txnStart.Add(time.Second)) {
			t.Fatalf("want %s, got %s, %v", want, got, err)
		}
		ps, err := l.DescribeProducers(a0)
		if want := "[{Producer:{ID:0 Epoch:0} LastSequence:1 LastUsedMillis:1700000001000 TxnStart:0}]"; err != nil || fmt.Sprintf("%+v", ps) != want {
			t.Fatalf("want %s, got %+v, %v", want, ps, err)
		}
		l.kill()
	}
	_, err := l.DescribeTransaction("y")
	l.wantCode(err, coord.TransactionalIDNotFound)
	_, err = l.DescribeProducers(TopicPartition{"no", 0})
	if !errors.Is(err, ErrUnknownTopic) {
		t.Fatal(err)
	}
	beside, err := openReadOnlyFS(l.mem, ".", l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	if d, err := beside.DescribeTransaction("x"); err != nil || d.State != "Ongoing" {
		t.Fatalf("beside the owner: %+v, %v", d, err)
	}
	if _, err := beside.InitProducerID(InitProducerIDRequest{Current: NoProducer}); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("beside the owner: %v", err)
	}
}
