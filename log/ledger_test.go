package log

import (
	"fmt"
	"maps"
	"slices"
)

// A ledger is what a log is to those who use it: topics of partitions of
// records, and what groups and producers have been told. It knows nothing of
// files. A ledger does not change; each operation has one of its own.
type ledger struct {
	topics    map[string]*ledgerTopic
	offsets   map[string]map[TopicPartition]Offset
	outcomes  map[int]ledgerOutcome // of transactions, counted from 1
	txns      map[string]ledgerTxn  // by transactional id
	producers [2]ledgerProducer     // idempotent
	cleaned   bool                  // retention may have moved starts since
}

type ledgerTopic struct {
	cfg        TopicConfig
	partitions []ledgerPartition
}

type ledgerPartition struct {
	start   Offset
	records []ledgerRecord // by offset, from 0, also those that were deleted
}

type ledgerRecord struct {
	key, value string // a value of "" is a tombstone
	millis     int64
	txn        int  // or 0
	marker     bool // of the end of txn, which no reader sees
}

type ledgerOutcome int

const (
	ledgerOpen ledgerOutcome = iota
	ledgerCommitted
	ledgerAborted
)

// A ledgerTxn is a transactional id.
type ledgerTxn struct {
	known      bool // the identity is; or else the id has to begin anew
	identity   TxnIdentity
	open       int                      // transaction, or 0
	partitions map[TopicPartition]int32 // of it, and how many records each has of it
	offset     Offset                   // that waits for its end, or 0
}

// A ledgerProducer is an idempotent producer.
type ledgerProducer struct {
	known    bool
	identity ProducerIdentity
	next     map[TopicPartition]int32 // sequence
	sent     *ledgerSent              // last, to be sent again
}

type ledgerSent struct {
	tp       TopicPartition
	records  []ledgerRecord
	sequence int32
	base     Offset
}

// clone returns a ledger to be changed: what it shares with l is replaced, or
// appended to behind what l has.
func (l *ledger) clone() *ledger {
	c := *l
	c.cleaned = false
	c.topics = make(map[string]*ledgerTopic, len(l.topics))
	for name, t := range l.topics {
		copied := ledgerTopic{t.cfg, slices.Clone(t.partitions)}
		for i := range copied.partitions {
			copied.partitions[i].records = slices.Clip(copied.partitions[i].records)
		}
		c.topics[name] = &copied
	}
	c.offsets = make(map[string]map[TopicPartition]Offset, len(l.offsets))
	for group, offsets := range l.offsets {
		c.offsets[group] = maps.Clone(offsets)
	}
	c.outcomes = maps.Clone(l.outcomes)
	c.txns = maps.Clone(l.txns)
	for id, t := range c.txns {
		t.partitions = maps.Clone(t.partitions)
		c.txns[id] = t
	}
	for i := range c.producers {
		c.producers[i].next = maps.Clone(c.producers[i].next)
	}
	return &c
}

func newLedger() *ledger {
	return &ledger{
		topics: map[string]*ledgerTopic{}, offsets: map[string]map[TopicPartition]Offset{},
		outcomes: map[int]ledgerOutcome{}, txns: map[string]ledgerTxn{},
	}
}

func (l *ledger) partition(tp TopicPartition) *ledgerPartition {
	return &l.topics[tp.Topic].partitions[tp.Partition]
}

// partitions returns all there are, in order.
func (l *ledger) partitions() (tps []TopicPartition) {
	for _, name := range slices.Sorted(maps.Keys(l.topics)) {
		for p := range l.topics[name].partitions {
			tps = append(tps, TopicPartition{name, int32(p)})
		}
	}
	return tps
}

func (l *ledger) append(tp TopicPartition, records ...ledgerRecord) {
	p := l.partition(tp)
	p.records = append(p.records, records...)
}

func (l *ledger) setOffset(group string, tp TopicPartition, o Offset) {
	if l.offsets[group] == nil {
		l.offsets[group] = map[TopicPartition]Offset{}
	}
	l.offsets[group][tp] = o
}

func (l *ledger) deleteTopic(name string) {
	delete(l.topics, name)
	for group, offsets := range l.offsets {
		maps.DeleteFunc(offsets, func(tp TopicPartition, _ Offset) bool { return tp.Topic == name })
		if len(offsets) == 0 {
			delete(l.offsets, group)
		}
	}
	for i := range l.producers {
		p := &l.producers[i]
		maps.DeleteFunc(p.next, func(tp TopicPartition, _ int32) bool { return tp.Topic == name })
		if p.sent != nil && p.sent.tp.Topic == name {
			p.sent = nil
		}
	}
}

// endTxn ends what an id has open, if anything.
func (l *ledger) endTxn(id string, commit bool, millis int64) {
	t := l.txns[id]
	if t.open == 0 {
		return
	}
	l.outcomes[t.open] = ledgerAborted
	if commit {
		l.outcomes[t.open] = ledgerCommitted
	}
	for tp := range t.partitions {
		l.append(tp, ledgerRecord{txn: t.open, marker: true, millis: millis})
	}
	if commit && t.offset > 0 {
		if _, ok := l.topics[ledgerTxnOffsets.Topic]; ok {
			l.setOffset("txn-"+id, ledgerTxnOffsets, t.offset)
		}
	}
	l.txns[id] = ledgerTxn{identity: t.identity, known: t.known}
}

// ledgerTxnOffsets is what transactions commit offsets of. Its topic is never
// deleted.
var ledgerTxnOffsets = TopicPartition{"t0", 0}

// stableEnd is the last stable offset.
func (l *ledger) stableEnd(p *ledgerPartition) Offset {
	for i, r := range p.records {
		if r.txn > 0 && l.outcomes[r.txn] == ledgerOpen {
			return max(p.start, Offset(i))
		}
	}
	return Offset(len(p.records))
}

// forget makes those who write begin anew: what they were told may be lost.
func (l *ledger) forget() *ledger {
	c := l.clone()
	for id, t := range c.txns {
		t.known = false
		c.txns[id] = t
	}
	c.producers = [2]ledgerProducer{}
	c.cleaned = l.cleaned
	return c
}

// compare says how the log differs from the ledger, if it does.
func (l *ledger) compare(b *Broker) error {
	ds := b.Topics()
	if len(ds) != len(l.topics) {
		return fmt.Errorf("%d topics, want %d", len(ds), len(l.topics))
	}
	for i := range ds {
		if err := l.compareTopic(b, &ds[i]); err != nil {
			return fmt.Errorf("topic %s: %w", ds[i].Name, err)
		}
	}
	groups := map[string]bool{}
	for group := range l.offsets {
		groups[group] = true
	}
	for _, group := range ledgerGroups {
		groups[group] = true
	}
	for group := range groups {
		got := map[TopicPartition]Offset{}
		for _, o := range b.GroupOffsets(group) {
			got[o.TopicPartition] = o.Offset
		}
		if !maps.Equal(got, l.offsets[group]) {
			return fmt.Errorf("offsets of group %s: %v, want %v", group, got, l.offsets[group])
		}
	}
	return nil
}

func (l *ledger) compareTopic(b *Broker, d *TopicDescription) error {
	t := l.topics[d.Name]
	if t == nil {
		return fmt.Errorf("should not be there")
	}
	if d.Config != t.cfg {
		return fmt.Errorf("config %+v, want %+v", d.Config, t.cfg)
	}
	if len(d.Partitions) != len(t.partitions) {
		return fmt.Errorf("%d partitions, want %d", len(d.Partitions), len(t.partitions))
	}
	for i := range d.Partitions {
		got, want := &d.Partitions[i], &t.partitions[i]
		startMayMove := l.cleaned && t.cfg.deletes()
		switch {
		case got.End != Offset(len(want.records)):
			return fmt.Errorf("partition %d ends at %d, want %d", i, got.End, len(want.records))
		case got.Start < want.start || got.Start > want.start && !startMayMove:
			return fmt.Errorf("partition %d starts at %d, want %d", i, got.Start, want.start)
		case got.StableEnd < l.stableEnd(want) || got.StableEnd > max(got.Start, l.stableEnd(want)):
			return fmt.Errorf("partition %d: last stable offset %d, want %d", i, got.StableEnd, l.stableEnd(want))
		}
		for _, committed := range []bool{false, true} {
			if err := l.comparePartition(b, TopicPartition{d.Name, int32(i)}, got, committed); err != nil {
				return err
			}
		}
	}
	return nil
}

// comparePartition reads a partition. Of a compacted one records may be missing,
// but none that is the last of its key.
func (l *ledger) comparePartition(b *Broker, tp TopicPartition, d *PartitionDescription, committed bool) error {
	want := l.partition(tp)
	at := d.Start
	err := scan(b, tp, committed, func(r *Record) error {
		for ; at < r.Offset; at++ {
			if err := l.mayMiss(tp, at, d.StableEnd, committed); err != nil {
				return err
			}
		}
		at++
		w := want.records[r.Offset]
		seen := !committed || r.Offset < d.StableEnd && (w.txn == 0 || l.outcomes[w.txn] == ledgerCommitted)
		if w.marker || !seen {
			return fmt.Errorf("a reader (of committed records: %v) sees %+v", committed, w)
		}
		if string(r.Key) != w.key || string(r.Value) != w.value || (r.Value == nil) != (w.value == "") || r.TimestampMillis != w.millis {
			return fmt.Errorf("record %.20q=%.20q at time %d, want %.20q=%.20q at %d", r.Key, r.Value, r.TimestampMillis, w.key, w.value, w.millis)
		}
		return nil
	})
	for ; err == nil && at < d.End; at++ {
		err = l.mayMiss(tp, at, d.StableEnd, committed)
	}
	return err
}

// mayMiss says that a record should have been seen, unless it need not be.
func (l *ledger) mayMiss(tp TopicPartition, o, stableEnd Offset, committed bool) error {
	p := l.partition(tp)
	r := p.records[o]
	aborted := r.txn > 0 && l.outcomes[r.txn] == ledgerAborted
	if r.marker || committed && (o >= stableEnd || aborted) {
		return nil
	}
	if l.topics[tp.Topic].cfg.compacts() && o < stableEnd {
		if aborted || r.value == "" {
			return nil
		}
		for later := o + 1; later < stableEnd; later++ {
			n := p.records[later]
			if n.key == r.key && !n.marker && (n.txn == 0 || l.outcomes[n.txn] == ledgerCommitted) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s: record %.20q=%.20q at offset %d is missing (reader of committed records: %v)", tp, r.key, r.value, o, committed)
}

// adoptStarts takes over what retention has moved.
func (l *ledger) adoptStarts(b *Broker) *ledger {
	c := l.clone()
	for _, tp := range c.partitions() {
		if start, _, err := b.Offsets(tp); err == nil && c.topics[tp.Topic].cfg.deletes() {
			c.partition(tp).start = max(c.partition(tp).start, start)
		}
	}
	return c
}
