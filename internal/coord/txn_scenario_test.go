package coord

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTransactionScenarios(t *testing.T) {
	runScenarios(t, "txns", func(c *command) machine {
		m := &txnMachine{}
		m.last = c.number("next-id", 1000) - 1
		m.txns = NewTransactions(TxnConfig{MaxIDs: int(c.number("max-ids", 0)), MaxTimeout: c.duration("max-timeout", 0),
			Expiration: c.duration("expiration", 0), NewProducerID: func() int64 { m.last++; return m.last }})
		return m
	})
}

// txnMachine is a coordinator. A producer is written as id/epoch:
//
//	init t                timeout=1m         InitProducerID
//	init t given=1000/0                      KIP-360
//	add t 1000/0 orders-0 orders-1           AddPartitionsToTxn
//	offsets t 1000/0 g                       AddOffsetsToTxn
//	append 1000/0 orders-0 [implicit]        may a batch be appended?
//	commit-offsets t 1000/0 g [implicit]     may offsets be committed?
//	end t 1000/0 commit [bump]               EndTxn; abort
//	kill t                                   as an operator
//	set t epoch=32766                        as if it had come so far
//	undo · restart · show
type txnMachine struct {
	txns  *Transactions
	last  int64
	undos []TxnChange
}

func (m *txnMachine) nextDeadline() (time.Time, bool) { return m.txns.NextDeadline() }

func (m *txnMachine) tick(now time.Time) []string {
	var said []string
	for _, c := range m.txns.Tick(now) {
		said = append(said, m.changed(c)...)
	}
	return said
}

func (m *txnMachine) run(now time.Time, c *command) []string {
	switch c.verb {
	case "init":
		q := InitProducerID{ID: c.word(), Timeout: c.duration("timeout", time.Minute)}
		q.ProducerID, q.Epoch = parseProducer(c, c.text("given", "-1/-1"))
		if q.ID == "-" {
			q.ID = ""
		}
		return m.answered(m.txns.InitProducerID(now, q))
	case "add":
		id, producer, epoch := c.word(), int64(0), int16(0)
		producer, epoch = parseProducer(c, c.word())
		var partitions []Partition
		for len(c.words) > 0 {
			partitions = append(partitions, parsePartition(c, c.word()))
		}
		return m.coded(m.txns.AddPartitions(now, id, producer, epoch, partitions))
	case "offsets":
		id := c.word()
		producer, epoch := parseProducer(c, c.word())
		return m.coded(m.txns.AddOffsets(now, id, producer, epoch, c.word()))
	case "append", "commit-offsets":
		return m.may(now, c)
	case "end":
		q := EndTxn{ID: c.word(), Bump: c.has("bump")}
		q.ProducerID, q.Epoch = parseProducer(c, c.word())
		q.Commit = c.word() == "commit"
		return m.answered(m.txns.EndTxn(now, q))
	case "kill":
		return m.coded(m.txns.Abort(now, c.word()))
	}
	return m.runOther(c)
}

func (m *txnMachine) may(now time.Time, c *command) []string {
	implicit := c.has("implicit")
	if c.verb == "append" {
		producer, epoch := parseProducer(c, c.word())
		p := parsePartition(c, c.word())
		if implicit {
			return m.coded(m.txns.BeginAppend(now, producer, epoch, p))
		}
		return []string{m.txns.MayAppend(producer, epoch, p).String()}
	}
	id := c.word()
	producer, epoch := parseProducer(c, c.word())
	if implicit {
		return m.coded(m.txns.BeginCommitOffsets(now, id, producer, epoch, c.word()))
	}
	return []string{m.txns.MayCommitOffsets(id, producer, epoch, c.word()).String()}
}

func (m *txnMachine) runOther(c *command) []string {
	switch c.verb {
	case "set":
		tx, code := m.txns.Get(c.word())
		if code != OK {
			c.t.Fatal(code)
		}
		moved := *tx
		moved.Epoch = int16(c.number("epoch", 0))
		m.load(c, m.txns, &moved)
	case "undo":
		m.txns.Undo(m.undos[len(m.undos)-1])
		m.undos = m.undos[:len(m.undos)-1]
	case "restart":
		next := NewTransactions(m.txns.cfg)
		for _, tx := range m.txns.All() {
			m.load(c, next, tx)
		}
		m.txns, m.undos = next, nil
	case "show":
		said := []string{}
		for _, tx := range m.txns.All() {
			said = append(said, showTxn(tx))
		}
		return said
	default:
		c.t.Fatalf("unknown verb %s", c.verb)
	}
	return nil
}

func (m *txnMachine) load(c *command, into *Transactions, tx *Transaction) {
	if err := into.Load(*tx); err != nil {
		c.t.Fatal(err)
	}
}

func (m *txnMachine) answered(a TxnAnswer, c TxnChange) []string {
	said := a.Code.String()
	if a.Code == OK {
		said = fmt.Sprintf("%d/%d", a.ProducerID, a.Epoch)
	}
	return append(m.changed(c), said)
}

func (m *txnMachine) coded(code Code, c TxnChange) []string {
	return append(m.changed(c), code.String())
}

func (m *txnMachine) changed(c TxnChange) []string {
	if !c.Changed() {
		return nil
	}
	m.undos = append(m.undos, c)
	var said []string
	if e := c.Ending; e != nil {
		how := "abort"
		if e.Commit {
			how = "commit"
		}
		said = append(said, fmt.Sprintf("write %s of %s by %d/%d: %s", how, e.ID, e.ProducerID, e.Epoch, touched(e.Partitions, e.Groups)))
	}
	if c.After == nil {
		return append(said, "forget "+c.Before.ID)
	}
	return append(said, "save "+showTxn(c.After))
}

func showTxn(tx *Transaction) string {
	s := fmt.Sprintf("%s %d/%d %s", tx.ID, tx.ProducerID, tx.Epoch, tx.State)
	if tx.LastEpoch != None {
		s += fmt.Sprintf(" last=%d/%d", tx.LastProducerID, tx.LastEpoch)
	}
	if tx.State != TxnEmpty {
		s += fmt.Sprintf(" started=%s", tx.Started.Sub(epoch))
	}
	if tx.State == TxnOngoing {
		s += ": " + touched(tx.Partitions, tx.Groups)
	}
	return s
}

func touched(partitions []Partition, groups []string) string {
	var all []string
	for _, p := range partitions {
		all = append(all, fmt.Sprintf("%s-%d", p.Topic, p.Index))
	}
	for _, g := range groups {
		all = append(all, "group "+g)
	}
	return strings.Join(all, ", ")
}

func parseProducer(c *command, s string) (int64, int16) {
	id, epoch, ok := strings.Cut(s, "/")
	if !ok {
		c.t.Fatalf("%s: %s is no producer", c.verb, s)
	}
	e, err := strconv.ParseInt(epoch, 10, 16)
	if err != nil {
		c.t.Fatal(err)
	}
	return parseInt(c, id), int16(e)
}

func parsePartition(c *command, s string) Partition {
	i := strings.LastIndex(s, "-")
	return Partition{Topic: s[:i], Index: int32(parseInt(c, s[i+1:]))}
}
