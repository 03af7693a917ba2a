package coord

import (
	"strings"
	"testing"
)

// What happens with every batch, heartbeat and commit allocates nothing.
func TestHotPathAllocatesNothing(t *testing.T) {
	states := NewProducerStates(ProducerConfig{})
	b := ProducerBatch{ProducerID: 7, Count: 10, Transactional: true}
	offset := int64(0)
	appendOne := func() {
		if v := states.Check(b); v.Code != OK || v.Duplicate {
			t.Fatalf("%+v", v)
		}
		states.Append(b, offset, epoch)
		b.BaseSequence += b.Count
		offset += int64(b.Count)
	}
	appendOne()

	txns := NewTransactions(TxnConfig{NewProducerID: func() int64 { return 7 }})
	txns.InitProducerID(epoch, InitProducerID{ID: "t", Timeout: DefaultMaxTxnTimeout, ProducerID: None, Epoch: None})
	p := Partition{Topic: "orders", Index: 3}
	begin := func() {
		if code, _ := txns.BeginAppend(epoch, 7, 0, p); code != OK {
			t.Fatal(code)
		}
	}
	begin()

	groups := NewGroups(GroupConfig{})
	generation, _, _ := groups.Claim(epoch, "g", "r1")
	who := Membership{Group: "g", MemberID: "r1", Generation: generation}
	for name, f := range map[string]func(){
		"append":       appendOne,
		"begin append": begin,
		"heartbeat":    func() { groups.Heartbeat(epoch, who) },
		"commit":       func() { groups.CommitOffsets(epoch, who) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkAppend is the work for each batch of a producer that is known.
func BenchmarkAppend(b *testing.B) {
	states := NewProducerStates(ProducerConfig{})
	for id := range int64(1000) {
		states.Append(ProducerBatch{ProducerID: id, Count: 1}, id, epoch)
	}
	batch := ProducerBatch{Count: 1, BaseSequence: 1}
	offset := int64(1000)
	for b.Loop() {
		if v := states.Check(batch); v.Code != OK || v.Duplicate {
			b.Fatalf("%+v", v)
		}
		states.Append(batch, offset, epoch)
		offset++
		if batch.ProducerID++; batch.ProducerID == 1000 {
			batch.ProducerID = 0
			batch.BaseSequence++
		}
	}
}

func TestNamesAreKafkas(t *testing.T) {
	for code, want := range map[Code]string{OK: "NONE", UnknownMemberID: "UNKNOWN_MEMBER_ID", 12345: "code 12345"} {
		if got := code.String(); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
	for code := range codeNames {
		if strings.HasPrefix(code.String(), "code ") {
			t.Errorf("%d has no name", code)
		}
	}
	if got := TxnState(9).String() + ", " + GroupState(9).String(); got != "state 9, state 9" {
		t.Errorf("got %s", got)
	}
}
