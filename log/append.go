package log

import (
	"errors"
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/coord"
)

// An AppendBatch is one record batch that a client has encoded, for one
// partition. The log takes Bytes over and may write into it.
type AppendBatch struct {
	TopicPartition
	Bytes []byte
}

// An AppendResult says what became of an AppendBatch.
type AppendResult struct {
	TopicPartition
	Base            Offset // of its first record; of a duplicate, where it was appended before
	TimestampMillis int64  // of the append, where the topic stamps records; -1 else
	LogStart        Offset
	Duplicate       bool
	Err             error
}

// AppendOptions belong to all batches of a call.
type AppendOptions struct {
	// Internal allows internal topics, which belong to the program that the
	// log lives in.
	Internal bool

	// Implicit lets a transactional batch enter its partition into the open
	// transaction of its producer, as clients of newer protocol expect. Without
	// it the partition must have been added.
	Implicit bool
}

// AppendBatches appends batches as clients have encoded them, at most one a
// partition, as one commit. A batch that is refused has its Err, and the others
// are appended; sequences, epochs and transactions are checked as Kafka does.
//
// The error is that of the commit, as of [Broker.Commit].
func (b *Broker) AppendBatches(batches []AppendBatch, o AppendOptions) ([]AppendResult, error) {
	a := &appending{b: b, o: o, results: make([]AppendResult, len(batches))}
	if b.readOnly {
		return nil, ErrReadOnly
	}
	c := b.newCommit()
	seen := make(map[TopicPartition]bool, len(batches))
	for i := range batches {
		r := &a.results[i]
		*r = AppendResult{TopicPartition: batches[i].TopicPartition, Base: -1, TimestampMillis: -1, LogStart: -1}
		if seen[r.TopicPartition] {
			r.Err = fmt.Errorf("partition %s comes twice in one request: %w", r.TopicPartition, ErrInvalidRecord)
			continue
		}
		seen[r.TopicPartition] = true
		cb, err := a.accept(batches[i], r)
		if err != nil {
			r.Err = err
			continue
		}
		c.batches = append(c.batches, cb)
		a.of = append(a.of, i)
	}
	if len(c.batches) == 0 {
		return a.results, nil
	}
	c.sequenced = func() error { return a.sequence(c) }
	if _, err := b.Commit(c); err != nil && !errors.Is(err, errNothingLeft) {
		return nil, err
	}
	for i := range c.batches {
		r := &a.results[a.of[i]]
		r.Base = c.batches[i].first
	}
	b.pub.RLock()
	defer b.pub.RUnlock()
	for i := range c.batches {
		a.results[a.of[i]].LogStart = c.batches[i].p.start
	}
	return a.results, nil
}

// errNothingLeft ends a commit all of whose batches were refused.
var errNothingLeft = errors.New("nothing left to append")

// appending is one call of AppendBatches.
type appending struct {
	b       *Broker
	o       AppendOptions
	results []AppendResult
	of      []int // the results that the batches of the commit belong to
	scratch []byte
}

// accept checks all that can be checked before the batch's turn has come.
func (a *appending) accept(ab AppendBatch, r *AppendResult) (commitBatch, error) {
	p, err := a.b.partition(ab.TopicPartition)
	if err != nil {
		return commitBatch{}, err
	}
	cfg := p.topic.config()
	switch {
	case cfg.Internal && !a.o.Internal:
		return commitBatch{}, fmt.Errorf("topic %q is internal: %w", p.topic.name, ErrInternalTopic)
	case len(ab.Bytes) > cfg.MaxMessageBytes:
		return commitBatch{}, fmt.Errorf("batch of %d bytes to %s, at most %d (max.message.bytes of the topic): %w",
			len(ab.Bytes), ab.TopicPartition, cfg.MaxMessageBytes, ErrRecordTooLarge)
	}
	h, contents, err := batch.Validate(ab.Bytes, decompressedLimit(cfg.MaxMessageBytes), a.scratch)
	if err != nil {
		return commitBatch{}, fmt.Errorf("batch to %s: %w: %w", ab.TopicPartition, ErrInvalidRecord, err)
	}
	if h.Codec() != batch.None {
		a.scratch = contents.Batch
	}
	if contents.NullKey >= 0 && cfg.compacts() {
		return commitBatch{}, fmt.Errorf("record %d of a batch to %s has no key, and the topic is compacted: %w",
			contents.NullKey, ab.TopicPartition, ErrInvalidRecord)
	}
	// What is behind Bytes in the same memory may be another batch of the request.
	return a.prepare(p, cfg, slices.Clip(ab.Bytes), h, contents, r)
}

// prepare makes the batch what the topic stores.
func (a *appending) prepare(p *partition, cfg *TopicConfig, b []byte, h batch.Header, contents batch.Contents, r *AppendResult) (commitBatch, error) {
	codec, fixed := cfg.compression()
	if fixed && codec != h.Codec() {
		out, err := recompress(contents.Batch, codec)
		if err != nil {
			return commitBatch{}, fmt.Errorf("batch to %s: %w", p.tp, err)
		}
		b = out
	}
	switch {
	case cfg.TimestampType == LogAppendTime:
		r.TimestampMillis = a.b.cfg.Now().UnixMilli()
		batch.StampLogAppendTime(b, r.TimestampMillis)
	case contents.MaxTimestampMillis != h.MaxTimestampMillis:
		batch.StampMaxTimestamp(b, contents.MaxTimestampMillis)
	}
	h, err := batch.ParseHeader(b)
	cb := commitBatch{p: p, bytes: b, count: Offset(h.LastOffsetDelta) + 1}
	if h.ProducerID >= 0 {
		cb.header = &h
	} else if h.Attributes&batch.Transactional != 0 {
		err = fmt.Errorf("transactional batch to %s without a producer id: %w", p.tp, ErrInvalidRecord)
	}
	return cb, err
}

// recompress returns a new batch in another codec.
func recompress(b []byte, codec batch.Codec) ([]byte, error) {
	if codec == batch.None {
		return append([]byte(nil), b...), nil
	}
	return batch.Compress(nil, b, codec)
}

// maxDecompressedBytes bounds what one compressed batch may become.
const maxDecompressedBytes = 64 << 20

// decompressedLimit is what a batch of a topic may become: ten times what it may
// be compressed, but no less than the records of one that is not.
func decompressedLimit(maxMessageBytes int) int {
	return max(min(10*maxMessageBytes, maxDecompressedBytes), maxMessageBytes)
}

// sequence drops the batches that are there already, or that may not come now.
func (a *appending) sequence(c *Commit) error {
	kept, of, duplicates := c.batches[:0], a.of[:0], false
	for i := range c.batches {
		cb := &c.batches[i]
		r := &a.results[a.of[i]]
		if r.Err = a.mayAppend(c, cb, r); r.Err != nil {
			continue
		}
		if r.Duplicate {
			duplicates = true
			continue
		}
		kept, of = append(kept, *cb), append(of, a.of[i])
	}
	c.batches, a.of = kept, of
	// A duplicate goes through the journal with nothing in it: what it repeats
	// may be in the same group, and not be durable before that is.
	if len(kept) == 0 && !duplicates {
		return errNothingLeft
	}
	return nil
}

func (a *appending) mayAppend(c *Commit, cb *commitBatch, r *AppendResult) error {
	if cb.p.topic.going {
		return fmt.Errorf("topic %q was deleted: %w", cb.p.topic.name, ErrUnknownTopic)
	}
	if cb.header == nil {
		return nil
	}
	pb := producerBatch(cb.header)
	pb.FromZero = pb.Transactional && a.o.Implicit // such clients have another epoch for each transaction
	v := a.b.states(cb.p).Check(pb)
	if v.Code == coord.OK && !v.Duplicate && cb.header.Attributes&batch.Transactional != 0 {
		v.Code = a.b.enterTxn(c, cb, a.o.Implicit)
	}
	if v.Duplicate {
		r.Duplicate, r.Base = true, Offset(v.Original.FirstOffset())
	}
	if v.Code != coord.OK {
		return fmt.Errorf("batch of producer %d, epoch %d, sequence %d to %s: %w",
			cb.header.ProducerID, cb.header.ProducerEpoch, cb.header.BaseSequence, cb.p.tp, codeError(v.Code))
	}
	return nil
}
