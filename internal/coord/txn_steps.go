package coord

import "time"

// An InitProducerID asks for an identity.
type InitProducerID struct {
	ID      string // empty: no transactions, only idempotence
	Timeout time.Duration
	// ProducerID and Epoch are what a client has that recovers from an error
	// (KIP-360); None and None from one that begins.
	ProducerID int64
	Epoch      int16
}

// A TxnAnswer is what a client hears once the change is written.
type TxnAnswer struct {
	Code       Code
	ProducerID int64 // None unless the code is OK
	Epoch      int16
}

func refuse(code Code) TxnAnswer { return TxnAnswer{Code: code, ProducerID: None, Epoch: None} }

func (t *Transaction) answer() TxnAnswer { return TxnAnswer{ProducerID: t.ProducerID, Epoch: t.Epoch} }

// InitProducerID gives a producer its id and epoch. With a transactional id,
// the epochs that were given for it before are fenced from here on, and a
// transaction they left open is aborted: the change has an Ending then.
func (t *Transactions) InitProducerID(now time.Time, q InitProducerID) (TxnAnswer, TxnChange) {
	given := q.ProducerID != None
	switch {
	case given != (q.Epoch != None) || q.ProducerID < None || q.Epoch < None || len(q.ID) > MaxNameBytes:
		return refuse(InvalidRequest), TxnChange{}
	case q.ID == "":
		return TxnAnswer{ProducerID: t.cfg.NewProducerID()}, TxnChange{}
	case q.Timeout <= 0 || q.Timeout > t.cfg.MaxTimeout:
		return refuse(InvalidTransactionTimeout), TxnChange{}
	}
	tx := t.byID[q.ID]
	if tx == nil {
		return t.create(now, q)
	}
	if given && tx.repeats(q.ProducerID, q.Epoch) {
		return tx.answer(), TxnChange{}
	}
	if given && !tx.is(q.ProducerID, q.Epoch) {
		return refuse(ProducerFenced), TxnChange{}
	}
	after := t.bumped(tx)
	if !given {
		after.LastProducerID, after.LastEpoch = None, None
	}
	after.State, after.Timeout, after.Updated = TxnEmpty, q.Timeout, now
	after.Partitions, after.Groups = nil, nil
	change := t.set(tx, after)
	if tx.State == TxnOngoing {
		change.Ending = tx.ending(tx.Epoch+1, false)
	}
	return after.answer(), change
}

func (t *Transactions) create(now time.Time, q InitProducerID) (TxnAnswer, TxnChange) {
	if len(t.byID) >= t.cfg.MaxIDs {
		return refuse(ThrottlingQuotaExceeded), TxnChange{}
	}
	tx := &Transaction{ID: q.ID, ProducerID: t.cfg.NewProducerID(), LastProducerID: None, LastEpoch: None,
		Timeout: q.Timeout, Updated: now}
	return tx.answer(), t.set(nil, tx)
}

// bumped returns a copy with the next epoch, which belongs to another producer
// id when this one's are used up. The present pair may be repeated.
func (t *Transactions) bumped(tx *Transaction) *Transaction {
	after := *tx
	after.LastProducerID, after.LastEpoch = tx.ProducerID, tx.Epoch
	if tx.Epoch >= lastClientEpoch {
		after.ProducerID, after.Epoch = t.cfg.NewProducerID(), 0
	} else {
		after.Epoch++
	}
	return &after
}

// An EndTxn asks for the end of a transaction.
type EndTxn struct {
	ID         string
	ProducerID int64
	Epoch      int16
	Commit     bool
	// Bump asks for the next epoch with the answer (KIP-890, EndTxn 5), so that
	// nothing of this transaction can come late into the next.
	Bump bool
}

// EndTxn commits or aborts: the change has an Ending then, to be written with
// it. A repetition of the request that ended the transaction is answered as
// that was.
func (t *Transactions) EndTxn(now time.Time, q EndTxn) (TxnAnswer, TxnChange) {
	if q.Bump {
		if tx := t.byID[q.ID]; tx != nil && tx.State >= TxnCompleteCommit && tx.repeats(q.ProducerID, q.Epoch) {
			if q.Commit != (tx.State == TxnCompleteCommit) {
				return refuse(InvalidTxnState), TxnChange{}
			}
			return tx.answer(), TxnChange{}
		}
	}
	tx, code := t.find(q.ID, q.ProducerID, q.Epoch)
	if code != OK {
		return refuse(code), TxnChange{}
	}
	if tx.State != TxnOngoing && !(q.Bump && !q.Commit) {
		return tx.endedBefore(q), TxnChange{}
	}
	after := tx.ended(now, q.Commit)
	markers := q.Epoch
	if q.Bump {
		bumped := t.bumped(tx)
		after.ProducerID, after.Epoch = bumped.ProducerID, bumped.Epoch
		after.LastProducerID, after.LastEpoch = bumped.LastProducerID, bumped.LastEpoch
		markers++
	}
	change := t.set(tx, after)
	if tx.State == TxnOngoing {
		change.Ending = tx.ending(markers, q.Commit)
	}
	return after.answer(), change
}

// endedBefore answers a request to end what is not open. Without bumps a
// repetition cannot be told from a second request, and the same outcome is OK.
func (t *Transaction) endedBefore(q EndTxn) TxnAnswer {
	same := t.State == TxnCompleteCommit && q.Commit || t.State == TxnCompleteAbort && !q.Commit
	if same && !q.Bump {
		return t.answer()
	}
	return refuse(InvalidTxnState)
}

// Abort ends an open transaction and fences its producer, as an operator asks.
func (t *Transactions) Abort(now time.Time, id string) (Code, TxnChange) {
	tx := t.byID[id]
	switch {
	case tx == nil:
		return TransactionalIDNotFound, TxnChange{}
	case tx.State != TxnOngoing:
		return InvalidTxnState, TxnChange{}
	}
	return OK, t.fence(now, tx)
}

// fence aborts an open transaction under an epoch that no client is given for
// it, so that its producer can do nothing more.
func (t *Transactions) fence(now time.Time, tx *Transaction) TxnChange {
	after := tx.ended(now, false)
	after.Epoch++ // at most lastClientEpoch+1: an open transaction has a client's epoch
	change := t.set(tx, after)
	change.Ending = tx.ending(after.Epoch, false)
	return change
}
