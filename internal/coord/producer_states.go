package coord

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"
)

// A ProducerConfig bounds what a partition remembers. Zero fields take the
// default.
type ProducerConfig struct {
	// Expiration is how long a producer that appends nothing is remembered:
	// Kafka's producer.id.expiration.ms.
	Expiration time.Duration
	// MaxProducers is how many are remembered. The one that appended least
	// recently makes room for another, unless its transaction is open.
	MaxProducers int
}

// The defaults of [ProducerConfig].
const (
	DefaultProducerExpiration = 24 * time.Hour
	DefaultMaxProducers       = 100_000
)

// ProducerStates is what one partition knows of its producers: it finds
// batches that come twice, out of order or from a fenced producer, and keeps
// the open transactions. It has one owner.
//
// For each batch, in the order of offsets: Check, then Append. Together they
// cost one map lookup, and allocate nothing for a producer that is known.
type ProducerStates struct {
	cfg    ProducerConfig
	byID   map[int64]*producerState
	found  *producerState // by the last lookup
	oldest *producerState // list in order of use
	newest *producerState
	open   []openTxn // by first offset
}

type producerState struct {
	Producer
	older, newer *producerState
}

type openTxn struct{ first, producer int64 }

// NewProducerStates returns the states of a partition that knows no producer.
func NewProducerStates(cfg ProducerConfig) *ProducerStates {
	if cfg.Expiration <= 0 {
		cfg.Expiration = DefaultProducerExpiration
	}
	if cfg.MaxProducers <= 0 {
		cfg.MaxProducers = DefaultMaxProducers
	}
	return &ProducerStates{cfg: cfg, byID: map[int64]*producerState{}}
}

// A Verdict says whether a batch may be appended.
type Verdict struct {
	Code Code
	// Duplicate says that the batch is in the log already, as Original; the
	// client is answered with its offsets, and nothing is appended.
	Duplicate bool
	Original  SequenceRange
}

// Check says whether b may be appended. It changes nothing.
func (s *ProducerStates) Check(b ProducerBatch) Verdict {
	if code := b.fault(); code != OK {
		return Verdict{Code: code}
	}
	p := s.lookup(b.ProducerID)
	if p == nil {
		if b.FromZero && b.BaseSequence != 0 {
			return Verdict{Code: OutOfOrderSequence}
		}
		if len(s.byID) >= s.cfg.MaxProducers && s.leastUsed() == nil {
			return Verdict{Code: ThrottlingQuotaExceeded}
		}
		return Verdict{}
	}
	if r := p.find(&b); r != nil {
		return Verdict{Duplicate: true, Original: *r}
	}
	return Verdict{Code: p.follows(&b)}
}

// A ProducerUndo takes one Append or End back.
type ProducerUndo struct {
	before  Producer
	known   bool           // whether there was a before
	evicted *producerState // what made room
}

// Append notes that b was given offsets that begin at first. It does not check
// b, so that recovery can repeat what was once allowed.
func (s *ProducerStates) Append(b ProducerBatch, first int64, now time.Time) ProducerUndo {
	p, undo := s.use(b.ProducerID, now)
	p.bump(b.Epoch)
	p.add(b.sequences(first + int64(b.Count) - 1))
	if b.Transactional && p.TxnFirstOffset == None {
		s.setOpen(p, first)
	}
	return undo
}

// An EndedTxn is what a marker ended in a partition.
type EndedTxn struct {
	ProducerID  int64
	FirstOffset int64 // None: the producer had appended nothing here
	LastOffset  int64 // of the marker
	LastStable  int64 // the partition's last stable offset after it
	Aborted     bool
}

// MayEnd says whether a marker of this epoch is let in: any but those of an
// older epoch than the partition knows. It changes nothing.
func (s *ProducerStates) MayEnd(producerID int64, epoch int16) Code {
	if producerID < 0 || epoch < 0 {
		return InvalidRecord
	}
	if p := s.lookup(producerID); p != nil && epoch < p.Epoch {
		return InvalidProducerEpoch
	}
	return OK
}

// End notes that a marker was given an offset. A producer that is not known
// becomes known, so that its older epochs are refused from here on.
func (s *ProducerStates) End(producerID int64, epoch int16, commit bool, offset int64, now time.Time) (EndedTxn, ProducerUndo) {
	p, undo := s.use(producerID, now)
	ended := EndedTxn{ProducerID: producerID, FirstOffset: p.TxnFirstOffset, LastOffset: offset, Aborted: !commit}
	s.setOpen(p, None)
	p.bump(epoch)
	ended.LastStable = s.LastStable(offset + 1)
	return ended, undo
}

// Undo takes back the newest step that was not taken back yet.
func (s *ProducerStates) Undo(u ProducerUndo) {
	p := s.lookup(u.before.ID)
	if p != nil {
		s.setOpen(p, None)
	}
	switch {
	case u.known:
		if p == nil { // it has expired since
			p = s.insert(u.before.ID)
		}
		first := u.before.TxnFirstOffset
		p.Producer = u.before
		p.TxnFirstOffset = None
		s.setOpen(p, first)
	case p != nil:
		s.forget(p)
	}
	if u.evicted != nil {
		s.byID[u.evicted.ID] = u.evicted
		s.linkOldest(u.evicted)
	}
}

// LastStable returns the offset below which every transaction is decided, in a
// partition that ends at end.
func (s *ProducerStates) LastStable(end int64) int64 {
	if len(s.open) > 0 {
		return s.open[0].first
	}
	return end
}

// Expire forgets the producers that appended nothing for the expiration time,
// and returns how many. Those whose transaction is open stay.
func (s *ProducerStates) Expire(now time.Time) int {
	limit := now.Add(-s.cfg.Expiration).UnixMilli()
	n := 0
	for p := s.oldest; p != nil; {
		next := p.newer
		if p.TxnFirstOffset == None {
			if p.LastUsedMillis > limit {
				break
			}
			s.forget(p)
			n++
		}
		p = next
	}
	return n
}

// Len returns how many producers are known.
func (s *ProducerStates) Len() int { return len(s.byID) }

// Get returns what is known of a producer.
func (s *ProducerStates) Get(producerID int64) (Producer, bool) {
	if p := s.lookup(producerID); p != nil {
		return p.Producer, true
	}
	return Producer{}, false
}

// All returns the producers, the one that appended least recently first: the
// order in which Load takes them.
func (s *ProducerStates) All() iter.Seq[Producer] {
	return func(yield func(Producer) bool) {
		for p := s.oldest; p != nil; p = p.newer {
			if !yield(p.Producer) {
				return
			}
		}
	}
}

// Load takes a producer that All returned before a restart. It refuses one that
// All cannot have returned.
func (s *ProducerStates) Load(p Producer) error {
	if err := p.check(); err != nil {
		return err
	}
	if s.lookup(p.ID) != nil {
		return fmt.Errorf("producer %d comes twice", p.ID)
	}
	if p.TxnFirstOffset != None {
		if i, found := s.findOpen(p.TxnFirstOffset); found {
			return fmt.Errorf("producers %d and %d both begin a transaction at offset %d",
				s.open[i].producer, p.ID, p.TxnFirstOffset)
		}
	}
	state := s.insert(p.ID)
	state.Producer = p
	state.TxnFirstOffset = None
	s.setOpen(state, p.TxnFirstOffset)
	return nil
}

func (s *ProducerStates) lookup(id int64) *producerState {
	if s.found != nil && s.found.ID == id {
		return s.found
	}
	p := s.byID[id]
	if p != nil {
		s.found = p
	}
	return p
}

// use returns the state of a producer, which is the newest then, and what to
// put back.
func (s *ProducerStates) use(id int64, now time.Time) (*producerState, ProducerUndo) {
	p := s.lookup(id)
	if p != nil {
		undo := ProducerUndo{before: p.Producer, known: true}
		if s.newest != p {
			s.unlink(p)
			s.linkNewest(p)
		}
		p.LastUsedMillis = now.UnixMilli()
		return p, undo
	}
	undo := ProducerUndo{before: Producer{ID: id}}
	if len(s.byID) >= s.cfg.MaxProducers {
		if undo.evicted = s.leastUsed(); undo.evicted != nil {
			s.forget(undo.evicted)
		}
	}
	p = s.insert(id)
	p.LastUsedMillis = now.UnixMilli()
	return p, undo
}

// setOpen moves p's open transaction, which offset None ends.
func (s *ProducerStates) setOpen(p *producerState, first int64) {
	if p.TxnFirstOffset != None {
		if i, found := s.findOpen(p.TxnFirstOffset); found {
			s.open = slices.Delete(s.open, i, i+1)
		}
	}
	p.TxnFirstOffset = first
	if first != None {
		i, _ := s.findOpen(first)
		s.open = slices.Insert(s.open, i, openTxn{first: first, producer: p.ID})
	}
}

func (s *ProducerStates) findOpen(first int64) (int, bool) {
	if n := len(s.open); n == 0 || s.open[n-1].first < first {
		return n, false
	}
	return slices.BinarySearchFunc(s.open, first, func(o openTxn, at int64) int { return cmp.Compare(o.first, at) })
}
