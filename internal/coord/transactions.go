package coord

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// MaxNameBytes is the length of the longest group, member or transactional id
// that the protocol can express.
const MaxNameBytes = math.MaxInt16

// A TxnConfig bounds transactions. Zero fields take the default.
type TxnConfig struct {
	// MaxTimeout is the longest time-out a client may ask for: Kafka's
	// transaction.max.timeout.ms.
	MaxTimeout time.Duration
	// Expiration is how long an id is remembered that does nothing: Kafka's
	// transactional.id.expiration.ms.
	Expiration time.Duration
	// MaxIDs is how many transactional ids are remembered at most.
	MaxIDs int
	// NewProducerID returns an id that no producer ever had. It is called for
	// answers that may be taken back, so ids may be left out.
	NewProducerID func() int64
}

// The defaults of [TxnConfig].
const (
	DefaultMaxTxnTimeout = 15 * time.Minute
	DefaultTxnExpiration = 7 * 24 * time.Hour
	DefaultMaxTxnIDs     = 100_000
)

// Transactions is the transaction coordinator of one log. It has one owner.
type Transactions struct {
	cfg        TxnConfig
	byID       map[string]*Transaction
	byProducer map[int64]*Transaction
	next       time.Time // nothing is due before; zero if nothing ever is
}

// NewTransactions returns a coordinator that knows no id. cfg.NewProducerID
// must be set.
func NewTransactions(cfg TxnConfig) *Transactions {
	if cfg.MaxTimeout <= 0 {
		cfg.MaxTimeout = DefaultMaxTxnTimeout
	}
	if cfg.Expiration <= 0 {
		cfg.Expiration = DefaultTxnExpiration
	}
	if cfg.MaxIDs <= 0 {
		cfg.MaxIDs = DefaultMaxTxnIDs
	}
	return &Transactions{cfg: cfg, byID: map[string]*Transaction{}, byProducer: map[int64]*Transaction{}}
}

// A TxnChange is what a step changed, to be written before its answer is sent,
// or taken back with Undo.
type TxnChange struct {
	Before *Transaction // nil: the id was not known
	After  *Transaction // nil: the id was forgotten
	Ending *Ending      // nil: no transaction ended
}

// Changed says whether there is something to write.
func (c TxnChange) Changed() bool { return c.Before != c.After }

// Undo takes back the newest step that was not taken back yet.
func (t *Transactions) Undo(c TxnChange) {
	if c.Changed() {
		t.set(c.After, c.Before)
	}
}

// set replaces before by after; either may be nil.
func (t *Transactions) set(before, after *Transaction) TxnChange {
	if before != nil {
		delete(t.byID, before.ID)
		delete(t.byProducer, before.ProducerID)
	}
	if after != nil {
		t.byID[after.ID] = after
		t.byProducer[after.ProducerID] = after
		if due := after.deadline(t.cfg.Expiration); t.next.IsZero() || due.Before(t.next) {
			t.next = due
		}
	}
	return TxnChange{Before: before, After: after}
}

// Load takes a transaction that a step returned before a restart, and replaces
// what was loaded for its id before. It refuses one that no step can have
// returned.
func (t *Transactions) Load(tx Transaction) error {
	if err := tx.check(); err != nil {
		return err
	}
	if other := t.byProducer[tx.ProducerID]; other != nil && other.ID != tx.ID {
		return fmt.Errorf("transactional ids %q and %q both have producer id %d", other.ID, tx.ID, tx.ProducerID)
	}
	t.set(t.byID[tx.ID], &tx)
	return nil
}

// Forget drops an id of which Tick said before a restart that it was forgotten.
func (t *Transactions) Forget(id string) { t.set(t.byID[id], nil) }

// find returns the transaction that a client's request is about.
func (t *Transactions) find(id string, producerID int64, epoch int16) (*Transaction, Code) {
	if id == "" {
		return nil, InvalidRequest
	}
	tx := t.byID[id]
	switch {
	case tx == nil || tx.ProducerID != producerID:
		return nil, InvalidProducerIDMapping
	case !tx.is(producerID, epoch):
		return nil, ProducerFenced
	}
	return tx, OK
}

// AddPartitions makes partitions part of the transaction, which begins with the
// first. The caller has made sure that they exist.
func (t *Transactions) AddPartitions(now time.Time, id string, producerID int64, epoch int16, partitions []Partition) (Code, TxnChange) {
	tx, code := t.find(id, producerID, epoch)
	if code != OK {
		return code, TxnChange{}
	}
	return OK, t.extend(now, tx, partitions, nil)
}

// AddOffsets makes the offsets of a group part of the transaction.
func (t *Transactions) AddOffsets(now time.Time, id string, producerID int64, epoch int16, group string) (Code, TxnChange) {
	tx, code := t.find(id, producerID, epoch)
	switch {
	case code != OK:
		return code, TxnChange{}
	case group == "" || len(group) > MaxNameBytes:
		return InvalidGroupID, TxnChange{}
	}
	return OK, t.extend(now, tx, nil, []string{group})
}

func (t *Transactions) extend(now time.Time, tx *Transaction, partitions []Partition, groups []string) TxnChange {
	after, changed := tx.with(now, partitions, groups)
	if !changed {
		return TxnChange{}
	}
	return t.set(tx, after)
}

// MayAppend says whether a transactional batch may be appended to p: the
// transaction must be open and include p (KIP-890). It changes nothing.
func (t *Transactions) MayAppend(producerID int64, epoch int16, p Partition) Code {
	tx := t.byProducer[producerID]
	switch {
	case tx == nil:
		return InvalidProducerIDMapping
	case !tx.is(producerID, epoch):
		return InvalidProducerEpoch
	case !tx.Has(p):
		return InvalidTxnState
	}
	return OK
}

// BeginAppend is MayAppend for clients that add partitions by appending to
// them (KIP-890, Produce 12). Nothing changes when p is included already.
func (t *Transactions) BeginAppend(now time.Time, producerID int64, epoch int16, p Partition) (Code, TxnChange) {
	code := t.MayAppend(producerID, epoch, p)
	if code != InvalidTxnState {
		return code, TxnChange{}
	}
	return OK, t.extend(now, t.byProducer[producerID], []Partition{p}, nil)
}

// MayCommitOffsets says whether the transaction may commit offsets of group
// that wait for its outcome. It changes nothing.
func (t *Transactions) MayCommitOffsets(id string, producerID int64, epoch int16, group string) Code {
	tx, code := t.find(id, producerID, epoch)
	switch {
	case code == ProducerFenced:
		return InvalidProducerEpoch
	case code != OK:
		return code
	case !tx.HasGroup(group):
		return InvalidTxnState
	}
	return OK
}

// BeginCommitOffsets is MayCommitOffsets for clients that add a group by
// committing its offsets (KIP-890, TxnOffsetCommit 5).
func (t *Transactions) BeginCommitOffsets(now time.Time, id string, producerID int64, epoch int16, group string) (Code, TxnChange) {
	code := t.MayCommitOffsets(id, producerID, epoch, group)
	if code != InvalidTxnState {
		return code, TxnChange{}
	}
	return t.AddOffsets(now, id, producerID, epoch, group)
}

// Get returns what is known of an id, or TransactionalIDNotFound.
func (t *Transactions) Get(id string) (*Transaction, Code) {
	if tx := t.byID[id]; tx != nil {
		return tx, OK
	}
	return nil, TransactionalIDNotFound
}

// ByProducer returns the transactional id that has a producer id now.
func (t *Transactions) ByProducer(producerID int64) (*Transaction, bool) {
	tx, ok := t.byProducer[producerID]
	return tx, ok
}

// All returns what is known, in order of ids.
func (t *Transactions) All() []*Transaction {
	return slices.SortedFunc(maps.Values(t.byID), func(a, b *Transaction) int { return cmp.Compare(a.ID, b.ID) })
}

// NextDeadline returns when Tick has something to do at the earliest, and false
// if it never has.
func (t *Transactions) NextDeadline() (time.Time, bool) { return t.next, !t.next.IsZero() }

// Tick aborts the transactions whose time is over, fencing their producers, and
// forgets the ids that were not used for the expiration time.
func (t *Transactions) Tick(now time.Time) []TxnChange {
	if t.next.IsZero() || now.Before(t.next) {
		return nil
	}
	var due []*Transaction
	t.next = time.Time{}
	for _, tx := range t.byID {
		switch at := tx.deadline(t.cfg.Expiration); {
		case !at.After(now):
			due = append(due, tx)
		case t.next.IsZero() || at.Before(t.next):
			t.next = at
		}
	}
	slices.SortFunc(due, func(a, b *Transaction) int { return cmp.Compare(a.ID, b.ID) })
	var changes []TxnChange
	for _, tx := range due {
		if tx.State == TxnOngoing {
			changes = append(changes, t.fence(now, tx))
		} else {
			changes = append(changes, t.set(tx, nil))
		}
	}
	return changes
}
