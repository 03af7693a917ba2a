package verify

import "fmt"

// States of a transactional id.
const (
	txnEmpty = iota
	txnOngoing
	txnCommitted
	txnAborted
)

const (
	none            = -1 // an id, an epoch or an offset that is not there
	maxClientEpoch  = 1<<15 - 2
	maxTxnNameBytes = 1<<15 - 1
)

// A txn is what is known of a transactional id.
type txn struct {
	name       string
	producerID int64
	state      byte
	partitions map[txnPartition]bool
}

type txnPartition struct {
	topic  string
	number int32
}

func (v *verifier) producerIDEntry(s *stream) error {
	next := s.i64()
	if s.err == nil && next < 0 {
		return fmt.Errorf("producer ids below %d were given away", next)
	}
	v.nextProducerID = max(v.nextProducerID, next)
	return s.err
}

func (v *verifier) txnEntry(s *stream) error {
	t := &txn{name: s.string(), partitions: map[txnPartition]bool{}}
	t.producerID = s.i64()
	epoch, lastID, lastEpoch := s.i16(), s.i64(), s.i16()
	t.state = s.u8()
	timeout := s.i64()
	s.i64() // started
	s.i64() // updated
	partitions, err := counted(s, 6, func() txnPartition { return txnPartition{s.string(), s.i32()} })
	if err != nil {
		return err
	}
	groups, err := counted(s, 2, s.string)
	if err != nil {
		return err
	}
	for i, p := range partitions {
		if i > 0 && (p.topic < partitions[i-1].topic || p.topic == partitions[i-1].topic && p.number <= partitions[i-1].number) {
			return fmt.Errorf("transactional id %q: partition %s-%d is out of order", t.name, p.topic, p.number)
		}
		t.partitions[p] = true
	}
	for i, g := range groups {
		if i > 0 && g <= groups[i-1] {
			return fmt.Errorf("transactional id %q: group %q is out of order", t.name, g)
		}
	}
	open := len(partitions)+len(groups) > 0
	switch {
	case t.name == "" || len(t.name) > maxTxnNameBytes:
		return fmt.Errorf("a transactional id of %d bytes", len(t.name))
	case t.producerID < 0 || t.producerID >= v.nextProducerID || epoch < 0 || lastID < none || lastID >= v.nextProducerID || lastEpoch < none || (lastID == none) != (lastEpoch == none):
		return fmt.Errorf("transactional id %q: producer id %d, epoch %d, before %d, epoch %d; ids below %d were given away",
			t.name, t.producerID, epoch, lastID, lastEpoch, v.nextProducerID)
	case t.state > txnAborted || open != (t.state == txnOngoing) || timeout <= 0:
		return fmt.Errorf("transactional id %q: state %d with %d partitions and %d groups, timeout %d ms", t.name, t.state, len(partitions), len(groups), timeout)
	case open && (lastEpoch != none || epoch > maxClientEpoch):
		return fmt.Errorf("transactional id %q: open in epoch %d, epoch %d may be repeated", t.name, epoch, lastEpoch)
	}
	if before := v.txns[t.name]; before != nil {
		if !open {
			delete(v.pending, before.producerID)
		}
		if v.byProducer[before.producerID] == before {
			delete(v.byProducer, before.producerID)
		}
	}
	v.txns[t.name], v.byProducer[t.producerID] = t, t
	return nil
}

func (v *verifier) txnGoneEntry(s *stream) error {
	name := s.string()
	if t := v.txns[name]; t != nil {
		delete(v.txns, name)
		delete(v.byProducer, t.producerID)
	}
	return s.err
}

// txnOffsetEntry notes an offset that is committed with a transaction. Its topic
// may be gone by now.
func (v *verifier) txnOffsetEntry(s *stream) error {
	producerID := s.i64()
	s.groupOffset()
	if s.err == nil {
		v.pending[producerID] = true
	}
	return s.err
}

// checkTxns looks whether every open transaction has somebody who may end it.
// Readers of committed records would wait at one for ever.
func (v *verifier) checkTxns(path string) {
	for producerID := range v.pending {
		if t := v.byProducer[producerID]; t == nil || t.state != txnOngoing {
			v.report.problem(path, 0, "producer %d has offsets in a transaction, and none is open", producerID)
		}
	}
	for _, t := range v.sortedTopics() {
		for _, p := range t.partitions {
			for producerID, state := range p.now {
				if state.txnFirst == none {
					continue
				}
				owner := v.byProducer[producerID]
				if owner == nil || owner.state != txnOngoing || !owner.partitions[txnPartition{t.name, p.number}] {
					v.report.problem(path, 0, "partition %s has an open transaction of producer %d from offset %d on, which no transactional id knows of", p, producerID, state.txnFirst)
				}
			}
		}
	}
}
