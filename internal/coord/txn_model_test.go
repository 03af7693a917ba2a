package coord

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type producerIdentity struct {
	id    int64
	epoch int16
}

// txnModel knows who was told what, and lets zombies try everything.
type txnModel struct {
	t       *rapid.T
	txns    *Transactions
	now     time.Time
	last    int64
	told    map[string][]producerIdentity // by transactional id, in order; the last is the true one
	open    map[string]map[Partition]bool // what must be ended
	changes []TxnChange
}

// TestTransactionsFence runs producers and their zombies at random. Only the
// identity that was answered last may change anything, none is answered to two,
// and what was begun is ended once.
func TestTransactionsFence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &txnModel{t: t, now: epoch, told: map[string][]producerIdentity{}, open: map[string]map[Partition]bool{}}
		m.txns = NewTransactions(TxnConfig{Expiration: time.Hour, NewProducerID: func() int64 { m.last++; return m.last }})
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			m.step()
		}
		m.pass(2 * DefaultMaxTxnTimeout)
		for _, tx := range m.txns.All() {
			if tx.State == TxnOngoing {
				t.Fatalf("%s is open for ever", tx.ID)
			}
		}
		m.pass(2 * time.Hour)
		if len(m.txns.byID) != 0 || len(m.txns.byProducer) != 0 {
			t.Fatalf("not forgotten: %v", m.txns.byID)
		}
	})
}

func (m *txnModel) step() {
	t := m.t
	id := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id")
	who := producerIdentity{id: 1 << 40} // a stranger
	if told := m.told[id]; len(told) > 0 {
		who = told[len(told)-1-rapid.IntRange(0, min(2, len(told)-1)).Draw(t, "zombie")]
	}
	p := Partition{Topic: "orders", Index: int32(rapid.IntRange(0, 2).Draw(t, "partition"))}
	before := m.txns.All()
	m.changes = nil
	switch rapid.SampledFrom([]string{"init", "recover", "add", "append", "implicit", "end", "end", "bump", "bump", "abort", "far", "pass", "restart"}).Draw(t, "step") {
	case "init":
		a, c := m.txns.InitProducerID(m.now, InitProducerID{ID: id, Timeout: time.Minute, ProducerID: None, Epoch: None})
		m.tell(id, a, c, false)
	case "recover":
		a, c := m.txns.InitProducerID(m.now, InitProducerID{ID: id, Timeout: time.Minute, ProducerID: who.id, Epoch: who.epoch})
		m.tell(id, a, c, true)
	case "add":
		code, c := m.txns.AddPartitions(m.now, id, who.id, who.epoch, []Partition{p})
		m.began(id, who, p, code, c)
	case "append":
		if code := m.txns.MayAppend(who.id, who.epoch, p); (code == OK) != (m.isTrue(id, who) && m.open[id][p]) {
			t.Fatalf("append by %v: %s", who, code)
		}
	case "implicit":
		code, c := m.txns.BeginAppend(m.now, who.id, who.epoch, p)
		m.began(id, who, p, code, c)
	case "end":
		commit := rapid.Bool().Draw(t, "commit")
		a, c := m.txns.EndTxn(m.now, EndTxn{ID: id, ProducerID: who.id, Epoch: who.epoch, Commit: commit})
		if a.Code == OK && !m.isTrue(id, who) {
			t.Fatalf("zombie %v ended a transaction", who)
		}
		m.note(c)
	case "bump":
		commit := rapid.Bool().Draw(t, "commit")
		a, c := m.txns.EndTxn(m.now, EndTxn{ID: id, ProducerID: who.id, Epoch: who.epoch, Commit: commit, Bump: true})
		if c.Changed() && !m.isTrue(id, who) {
			t.Fatalf("zombie %v ended a transaction", who)
		}
		m.tell(id, a, c, true)
	case "abort":
		code, c := m.txns.Abort(m.now, id)
		if code == OK {
			m.told[id] = append(m.told[id], producerIdentity{id: None})
		}
		m.note(c)
	case "far":
		m.far(id)
	case "pass":
		m.pass(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
		return
	case "restart":
		m.restart()
		return
	}
	m.undoAndRedo(before)
}

// far lets an identity come close to the end of its epochs.
func (m *txnModel) far(id string) {
	if tx, code := m.txns.Get(id); code == OK && tx.Epoch < lastClientEpoch-2 && tx.State != TxnOngoing && m.isTrue(id, producerIdentity{tx.ProducerID, tx.Epoch}) {
		moved := *tx
		moved.Epoch = lastClientEpoch - int16(rapid.IntRange(0, 2).Draw(m.t, "left"))
		moved.LastProducerID, moved.LastEpoch = None, None
		if err := m.txns.Load(moved); err != nil {
			m.t.Fatal(err)
		}
		m.told[id] = append(m.told[id], producerIdentity{moved.ProducerID, moved.Epoch})
	}
	m.changes = nil
}

func (m *txnModel) isTrue(id string, who producerIdentity) bool {
	told := m.told[id]
	return who.id != None && len(told) > 0 && told[len(told)-1] == who
}

// tell notes an answer with an identity. A repetition is answered with what is
// true already; anything else must be new.
func (m *txnModel) tell(id string, a TxnAnswer, c TxnChange, mayRepeat bool) {
	m.note(c)
	if a.Code != OK {
		return
	}
	got := producerIdentity{a.ProducerID, a.Epoch}
	if got.epoch == math.MaxInt16 || got.epoch < 0 {
		m.t.Fatalf("%v was answered", got)
	}
	if mayRepeat && !c.Changed() {
		if !m.isTrue(id, got) {
			m.t.Fatalf("%v is repeated, but not true", got)
		}
		return
	}
	for _, all := range m.told {
		for _, old := range all {
			if old.id == got.id && old.epoch >= got.epoch {
				m.t.Fatalf("%v comes after %v", got, old)
			}
		}
	}
	m.told[id] = append(m.told[id], got)
}

func (m *txnModel) began(id string, who producerIdentity, p Partition, code Code, c TxnChange) {
	if (code == OK) != m.isTrue(id, who) {
		m.t.Fatalf("%v added a partition: %s, of %v", who, code, m.told[id])
	}
	m.note(c)
	if code == OK {
		if m.open[id] == nil {
			m.open[id] = map[Partition]bool{}
		}
		m.open[id][p] = true
	}
}

// note checks that an ending ends all that was begun.
func (m *txnModel) note(c TxnChange) {
	m.changes = nil
	if c.Changed() {
		m.changes = []TxnChange{c}
	}
	e := c.Ending
	if e == nil {
		return
	}
	if len(e.Partitions) == 0 || len(e.Partitions) != len(m.open[e.ID]) {
		m.t.Fatalf("ending %+v, begun %v", e, m.open[e.ID])
	}
	for _, p := range e.Partitions {
		if !m.open[e.ID][p] {
			m.t.Fatalf("ending %+v, begun %v", e, m.open[e.ID])
		}
	}
	if e.ProducerID != c.Before.ProducerID || e.Epoch < c.Before.Epoch {
		m.t.Fatalf("markers by %d/%d of a transaction by %d/%d", e.ProducerID, e.Epoch, c.Before.ProducerID, c.Before.Epoch)
	}
	delete(m.open, e.ID)
}

func (m *txnModel) pass(d time.Duration) {
	end := m.now.Add(d)
	for {
		at, ok := m.txns.NextDeadline()
		if !ok || at.After(end) {
			break
		}
		m.now = at
		for _, c := range m.txns.Tick(at) {
			if c.After == nil {
				delete(m.told, c.Before.ID)
			} else {
				m.told[c.After.ID] = append(m.told[c.After.ID], producerIdentity{id: None})
			}
			m.note(c)
		}
	}
	m.now = end
}

func (m *txnModel) restart() {
	next := NewTransactions(m.txns.cfg)
	for _, tx := range m.txns.All() {
		if err := next.Load(*tx); err != nil {
			m.t.Fatal(err)
		}
	}
	m.txns = next
}

// undoAndRedo takes the step back and compares, and then lets it stand.
func (m *txnModel) undoAndRedo(before []*Transaction) {
	for _, c := range m.changes {
		after := m.txns.All()
		m.txns.Undo(c)
		if diff := cmp.Diff(before, m.txns.All()); diff != "" {
			m.t.Fatalf("undone (-before +after):\n%s", diff)
		}
		m.txns.Undo(TxnChange{Before: c.After, After: c.Before})
		if diff := cmp.Diff(after, m.txns.All()); diff != "" {
			m.t.Fatalf("done again (-want +got):\n%s", diff)
		}
	}
	if len(m.txns.byID) != len(m.txns.byProducer) {
		m.t.Fatalf("%d transactional ids, %d producer ids", len(m.txns.byID), len(m.txns.byProducer))
	}
}
