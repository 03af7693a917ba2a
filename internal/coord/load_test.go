package coord

import (
	"strings"
	"testing"
	"time"
)

// What is loaded comes from a disk, and may be anything.

func TestLoadRefusesProducersThatNeverWere(t *testing.T) {
	sound := Producer{ID: 7, Epoch: 1, Kept: 2, TxnFirstOffset: 10, Batches: [BatchesKept]SequenceRange{
		{LastSequence: 4, Count: 5, LastOffset: 14}, {LastSequence: 5, Count: 1, LastOffset: 20}}}
	for name, change := range map[string]func(*Producer){
		"producer -1, epoch":              func(p *Producer) { p.ID = -1 },
		"producer 7, epoch -1":            func(p *Producer) { p.Epoch = -1 },
		"6 batches":                       func(p *Producer) { p.Kept = 6 },
		"-1 batches":                      func(p *Producer) { p.Kept = -1 },
		"begins at offset -2":             func(p *Producer) { p.TxnFirstOffset = -2 },
		"batch of 0 records":              func(p *Producer) { p.Batches[1].Count = 0 },
		"ends at sequence -1":             func(p *Producer) { p.Batches[0].LastSequence = -1 },
		"batch of 16 records":             func(p *Producer) { p.Batches[0].Count = 16 },
		"offset 14 follows 14":            func(p *Producer) { p.Batches[1].LastOffset = 14 },
		"producer 8 comes twice":          func(p *Producer) { p.ID = 8 },
		"begin a transaction at offset 3": func(p *Producer) { p.TxnFirstOffset = 3 },
	} {
		states := NewProducerStates(ProducerConfig{})
		if err := states.Load(Producer{ID: 8, TxnFirstOffset: 3}); err != nil {
			t.Fatal(err)
		}
		p := sound
		change(&p)
		if err := states.Load(p); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
		if err := states.Load(sound); err != nil {
			t.Errorf("after %q: %v", name, err)
		}
		if got := states.LastStable(100); got != 3 {
			t.Errorf("last stable %d, want 3", got)
		}
	}
}

func TestLoadRefusesTransactionsThatNeverWere(t *testing.T) {
	sound := Transaction{ID: "t", ProducerID: 7, LastProducerID: None, LastEpoch: None, State: TxnOngoing, Timeout: time.Minute,
		Partitions: []Partition{{"a", 0}, {"a", 1}}, Groups: []string{"g", "h"}, Started: epoch, Updated: epoch}
	for name, change := range map[string]func(*Transaction){
		"0 bytes":                      func(x *Transaction) { x.ID = "" },
		"32768 bytes":                  func(x *Transaction) { x.ID = strings.Repeat("x", MaxNameBytes+1) },
		"producer id -1":               func(x *Transaction) { x.ProducerID = -1 },
		"epoch -1":                     func(x *Transaction) { x.Epoch = -1 },
		"last producer id 3, epoch -1": func(x *Transaction) { x.LastProducerID = 3 },
		"last producer id -2":          func(x *Transaction) { x.LastProducerID, x.LastEpoch = -2, -2 },
		"may be repeated":              func(x *Transaction) { x.LastProducerID, x.LastEpoch = 3, 0 },
		"state 4":                      func(x *Transaction) { x.State = 4 },
		"state -1":                     func(x *Transaction) { x.State = -1 },
		"timeout -1m0s":                func(x *Transaction) { x.Timeout = -time.Minute },
		"Empty with 2 partitions":      func(x *Transaction) { x.State = TxnEmpty },
		"Ongoing with 0 partitions":    func(x *Transaction) { x.Partitions, x.Groups = nil, nil },
		"open in epoch 32767":          func(x *Transaction) { x.Epoch = 32767 },
		"out of order":                 func(x *Transaction) { x.Partitions = []Partition{{"a", 1}, {"a", 0}} },
		"or groups out of order":       func(x *Transaction) { x.Groups = []string{"h", "g"} },
		`"u" and "t" both have`:        func(x *Transaction) { x.ProducerID = 8 },
	} {
		txns := NewTransactions(TxnConfig{NewProducerID: func() int64 { return 9 }})
		if err := txns.Load(Transaction{ID: "u", ProducerID: 8, LastProducerID: None, LastEpoch: None, Timeout: 1}); err != nil {
			t.Fatal(err)
		}
		x := sound
		change(&x)
		if err := txns.Load(x); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
		if err := txns.Load(sound); err != nil {
			t.Errorf("after %q: %v", name, err)
		}
	}
}

// A later change of the same id replaces the earlier one, also its producer id.
func TestLoadReplacesTransactions(t *testing.T) {
	txns := NewTransactions(TxnConfig{NewProducerID: func() int64 { return 9 }})
	for _, x := range []Transaction{
		{ID: "t", ProducerID: 7, LastProducerID: None, LastEpoch: None, Timeout: 1},
		{ID: "t", ProducerID: 8, Epoch: 3, LastProducerID: None, LastEpoch: None, Timeout: 1},
	} {
		if err := txns.Load(x); err != nil {
			t.Fatal(err)
		}
	}
	if x, ok := txns.ByProducer(8); !ok || x.Epoch != 3 {
		t.Errorf("producer 8: %+v", x)
	}
	if x, ok := txns.ByProducer(7); ok {
		t.Errorf("producer 7 is still %+v", x)
	}
	txns.Forget("t")
	txns.Forget("t")
	if all := txns.All(); len(all) != 0 {
		t.Errorf("not forgotten: %+v", all[0])
	}
}

func TestLoadRefusesGroupsThatNeverWere(t *testing.T) {
	groups := NewGroups(GroupConfig{})
	for _, s := range []SavedGroup{{Group: ""}, {Group: strings.Repeat("x", MaxNameBytes+1)}, {Group: "g", Generation: -1}} {
		if err := groups.Load(s); err == nil {
			t.Errorf("loaded generation %d of a group with %d bytes of name", s.Generation, len(s.Group))
		}
	}
	// Offsets of a group say nothing about its generation.
	for _, s := range []SavedGroup{{Group: "g", Generation: 7, ProtocolType: "consumer"}, {Group: "g"}} {
		if err := groups.Load(s); err != nil {
			t.Fatal(err)
		}
	}
	if d, _ := groups.Describe("g"); d.Generation != 7 || d.ProtocolType != "consumer" || d.State != GroupEmpty {
		t.Errorf("loaded %+v", d)
	}
}
