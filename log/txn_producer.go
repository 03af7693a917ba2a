package log

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/coord"
)

// A TransactionalConfig sets up a [TransactionalProducer].
type TransactionalConfig struct {
	// ID is the transactional id, of 1 to 32767 bytes. Of all producers with
	// the same ID the newest alone may write.
	ID string

	// Timeout is how long a transaction may stay open before the log aborts it
	// and fences the producer; at most [Config.MaxTransactionTimeout]. Default
	// 1 minute.
	Timeout time.Duration
}

// DefaultTransactionTimeout is the default of [TransactionalConfig].
const DefaultTransactionTimeout = time.Minute

// A TransactionalProducer appends records in Kafka's transactions: those who
// read everything see a record at once, those who read what is committed see
// all of a transaction when it commits, or nothing of it.
//
// It is for transactions that stay open for long or are larger than memory, and
// for records that somebody shall see before they are committed. A [Commit]
// that a [CommitBuilder] gathers is cheaper, as atomic, and needs no abort:
// until it is there nothing of it is in the log.
//
// Once another producer has begun with the same ID, or the log has aborted a
// transaction for its timeout, the next call that asks the log fails with
// ErrFenced, and after it every call: make another producer and begin again.
// Begin asks nobody, so the first to tell is Produce or SendOffsets. There is nothing to close; what is left open is
// aborted by the next producer of the same ID, or by its timeout.
//
// It belongs to one goroutine at a time. Rules: KIP-98, KIP-447, KIP-890.
type TransactionalProducer struct {
	b         *Broker
	txn       TxnIdentity
	sequences map[TopicPartition]int32 // of the next record, in the open transaction
	open      map[TopicPartition]*batch.Builder
	dirty     []TopicPartition // whose builders have records
	headers   []byte           // of one record, encoded
	keyless   uint32           // counts calls, to spread records without a key

	begun  bool
	asked  bool  // the log may know of the transaction
	failed error // it can only be aborted
	fenced error // nothing can be done any more
}

// ErrTransactionState: the transaction was not begun, or was begun already.
var ErrTransactionState = errors.New("wrong state of the transaction")

// ErrAbortOnly: an earlier call failed, so the transaction can only be aborted.
var ErrAbortOnly = errors.New("transaction can only be aborted")

// NewTransactionalProducer returns a producer, fences those with the same ID
// that were there before, and aborts the transaction that they have left open.
func (b *Broker) NewTransactionalProducer(ctx context.Context, cfg TransactionalConfig) (*TransactionalProducer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cfg.ID == "" {
		return nil, errors.New("transactional producer: ID is empty (give one that stays the same when the program starts again)")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = min(DefaultTransactionTimeout, b.cfg.MaxTransactionTimeout)
	}
	identity, err := b.InitProducerID(InitProducerIDRequest{TransactionalID: cfg.ID, Timeout: cfg.Timeout, Current: NoProducer})
	if err != nil {
		return nil, err
	}
	return &TransactionalProducer{b: b, txn: TxnIdentity{cfg.ID, identity},
		sequences: map[TopicPartition]int32{}, open: map[TopicPartition]*batch.Builder{}}, nil
}

// Begin begins a transaction. Its time runs from its first record or offset.
func (p *TransactionalProducer) Begin() error {
	switch {
	case p.fenced != nil:
		return p.fenced
	case p.begun:
		return fmt.Errorf("transaction of %q is begun already (Commit or Abort it first): %w", p.txn.TransactionalID, ErrTransactionState)
	}
	p.begun, p.asked, p.failed = true, false, nil
	return nil
}

// usable says why nothing can be added to the transaction.
func (p *TransactionalProducer) usable(ctx context.Context) error {
	switch {
	case p.fenced != nil:
		return p.fenced
	case !p.begun:
		return fmt.Errorf("transaction of %q is not begun (call Begin first): %w", p.txn.TransactionalID, ErrTransactionState)
	case p.failed != nil:
		return fmt.Errorf("transaction of %q: %w: %w", p.txn.TransactionalID, ErrAbortOnly, p.failed)
	}
	return ctx.Err()
}

// note takes in an error of the log.
func (p *TransactionalProducer) note(err error) error {
	var code *CodeError
	if errors.As(err, &code) {
		switch coord.Code(code.Code) {
		case coord.InvalidProducerIDMapping: // the id has another producer, or was forgotten
			err = fmt.Errorf("%w: %w", ErrFenced, err)
			p.fenced = err
		case coord.ProducerFenced, coord.InvalidProducerEpoch:
			p.fenced = err
		}
	}
	return err
}

// Produce appends rs to a topic as part of the transaction, and returns when
// they are as durable as the log's [Durability] says. Partitions and timestamps
// are those of [Producer.Produce].
//
// After an error some of rs may be in the transaction, which can only be
// aborted then.
func (p *TransactionalProducer) Produce(ctx context.Context, topic string, rs ...Record) error {
	if err := p.usable(ctx); err != nil {
		return err
	}
	err := p.gather(topic, rs)
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		p.discard()
		p.failed = p.note(err)
	}
	return p.failed
}

// gather encodes records, and appends those that do not fit into one batch with
// the rest.
func (p *TransactionalProducer) gather(topic string, rs []Record) error {
	t, err := p.b.topic(topic)
	if err != nil {
		return err
	}
	now := p.b.cfg.Now().UnixMilli()
	partitions := int32(len(t.partitions()))
	keyless := int32(p.keyless % uint32(partitions))
	p.keyless++
	limit := t.config().MaxMessageBytes
	for i := range rs {
		r := rs[i]
		if r.TimestampMillis == 0 {
			r.TimestampMillis = now
		}
		partition := keyless
		if r.Key != nil {
			partition = Partition(r.Key, partitions)
		}
		if err := p.add(TopicPartition{topic, partition}, &r, limit); err != nil {
			return err
		}
	}
	return nil
}

func (p *TransactionalProducer) add(tp TopicPartition, r *Record, limit int) error {
	p.headers = p.headers[:0]
	for _, h := range r.Headers {
		p.headers = batch.AppendHeader(p.headers, h.Key, h.Value)
	}
	size := batch.RawRecordSizeBytes(r.Key, r.Value, p.headers)
	if batch.HeaderBytes+size > limit {
		return fmt.Errorf("record of %d bytes to %s, at most %d (max.message.bytes of the topic): %w", size, tp, limit, ErrRecordTooLarge)
	}
	open := p.open[tp]
	if open == nil {
		open = new(batch.Builder)
		p.open[tp] = open
	}
	if open.Count() > 0 && open.SizeBytes()+size > min(limit, batchBytes) {
		if err := p.flush(); err != nil {
			return err
		}
	}
	if open.Count() == 0 {
		p.dirty = append(p.dirty, tp)
	}
	open.AppendRaw(r.TimestampMillis, r.Key, r.Value, len(r.Headers), p.headers)
	return nil
}

// flush appends what was gathered, one batch a partition, as one commit.
func (p *TransactionalProducer) flush() error {
	if len(p.dirty) == 0 {
		return nil
	}
	batches := make([]AppendBatch, len(p.dirty))
	after := make([]int32, len(p.dirty))
	for i, tp := range p.dirty {
		open := p.open[tp]
		after[i] = int32((int64(p.sequences[tp]) + int64(open.Count())) & math.MaxInt32)
		open.SetProducer(p.txn.Producer.ID, p.txn.Producer.Epoch, p.sequences[tp])
		open.SetTransactional(true)
		batches[i] = AppendBatch{tp, open.Finish()}
	}
	p.dirty = p.dirty[:0]
	p.asked = true
	results, err := p.b.AppendBatches(batches, AppendOptions{Internal: true, Implicit: true})
	if err != nil {
		return err
	}
	var errs []error
	for i := range results {
		errs = append(errs, results[i].Err)
		p.sequences[results[i].TopicPartition] = after[i]
	}
	return errors.Join(errs...)
}

func (p *TransactionalProducer) discard() {
	for _, tp := range p.dirty {
		p.open[tp].Reset(0)
	}
	p.dirty = p.dirty[:0]
}

// SendOffsets makes offsets of a group part of the transaction: they are
// committed if it is. The zero membership is for groups that only this program
// takes part in.
//
// After an error the transaction can only be aborted. One that matches
// ErrFenced, but lets the transaction be aborted, says that the member was
// replaced.
func (p *TransactionalProducer) SendOffsets(ctx context.Context, group string, m GroupMembership, offsets ...GroupOffset) error {
	if err := p.usable(ctx); err != nil {
		return err
	}
	p.asked = true
	refused, err := p.b.CommitTxnOffsets(TxnOffsetsRequest{
		TxnIdentity: p.txn, Group: group, Member: m, Offsets: offsets, Implicit: true,
	})
	if err == nil {
		err = errors.Join(refused...)
	}
	if err != nil {
		p.failed = p.note(err)
	}
	return p.failed
}

// Commit makes the transaction visible, all of it at once, and returns when that
// is as durable as the log's [Durability] says. After ErrNoSpace the
// transaction is still open, and Commit may be tried again. After ErrPoisoned
// nobody knows whether it has committed until the log is opened again.
func (p *TransactionalProducer) Commit(ctx context.Context) error {
	if err := p.usable(ctx); err != nil {
		return err
	}
	return p.end(true)
}

// Abort ends the transaction so that readers of committed records see nothing
// of it. It ends one that has failed, too.
func (p *TransactionalProducer) Abort(ctx context.Context) error {
	if err := p.usable(ctx); err != nil && !errors.Is(err, ErrAbortOnly) {
		return err
	}
	return p.end(false)
}

func (p *TransactionalProducer) end(commit bool) error {
	if p.asked {
		identity, err := p.b.EndTxn(EndTxnRequest{TxnIdentity: p.txn, Commit: commit, Bump: true})
		if err != nil {
			return p.note(err)
		}
		p.txn.Producer = identity
		clear(p.sequences)
	}
	p.begun = false
	return nil
}
