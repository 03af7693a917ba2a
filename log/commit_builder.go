package log

import (
	"fmt"

	"github.com/freshet/freshet/internal/batch"
)

// batchBytes is the size at which a builder closes a batch and begins the
// next, unless the topic allows less.
const batchBytes = 1 << 20

// A CommitBuilder gathers records, encoded in place as they come, and offsets
// for one [Commit] after the other. Batches of topics with a compression.type
// are compressed as they are finished, by the goroutine that calls. It belongs
// to one goroutine at a time.
type CommitBuilder struct {
	b       *Broker
	topics  map[string]*TopicAppender
	dirty   []*partitionAppender // with records, in order of the first
	offsets []offsetCommit
	fence   Fence
	commits []Commit // to be given away
	closed  int64    // bytes of finished batches
	headers []byte   // of one record, encoded
	memory  batchMemory

	batchBytes int         // where a batch is finished
	codec      batch.Codec // of topics that leave it to producers
	failed     error       // of a batch, which fails the commit
}

// An offsetCommit is an offset of a group, on its way.
type offsetCommit struct {
	group string
	p     *partition
	o     CommittedOffset
}

func (o *offsetCommit) entry() offsetEntry { return offsetEntry{o.group, o.p.at(), o.o} }

// commitsAtOnce is how many commits share an allocation. They are small, and do
// not hold their records once they have happened.
const commitsAtOnce = 16

// NewCommitBuilder returns an empty builder.
func (b *Broker) NewCommitBuilder() *CommitBuilder {
	return &CommitBuilder{
		b: b, topics: map[string]*TopicAppender{}, batchBytes: batchBytes, memory: batchMemory{buffers: &b.buffers},
	}
}

// A TopicAppender appends to one topic of its builder's next commit.
type TopicAppender struct {
	c          *CommitBuilder
	t          *topic
	partitions []*partitionAppender
}

type partitionAppender struct {
	p       *partition
	open    batch.Builder
	dirty   bool          // has records for the next commit
	batches []commitBatch // finished
	records Offset        // in those
	at      int           // in the builder's dirty
	hint    int           // bytes that the last batch took
}

// Topic returns the appender of a topic, the same at every call. It returns
// ErrUnknownTopic where there is none.
func (c *CommitBuilder) Topic(name string) (*TopicAppender, error) {
	if a, ok := c.topics[name]; ok && !a.t.gone.Load() {
		return a, nil
	}
	t, err := c.b.topic(name)
	if err != nil {
		return nil, err
	}
	a := &TopicAppender{c: c, t: t}
	a.grow()
	c.topics[name] = a
	return a, nil
}

// Append adds a record to a partition of a topic. It copies what it needs.
func (c *CommitBuilder) Append(topic string, partition int32, r *Record) error {
	a, err := c.Topic(topic)
	if err != nil {
		return err
	}
	return a.Append(partition, r)
}

// grow takes in the partitions that the topic has gained.
func (a *TopicAppender) grow() {
	for _, p := range a.t.partitions()[len(a.partitions):] {
		a.partitions = append(a.partitions, &partitionAppender{p: p})
	}
}

// Partitions returns the number of partitions of the topic.
func (a *TopicAppender) Partitions() int32 { return int32(len(a.t.partitions())) }

// Append adds a record to a partition. It copies what it needs of r. It
// returns ErrUnknownTopic for a partition that is not there, ErrRecordTooLarge,
// and ErrInvalidRecord for a record without a key where the topic is compacted,
// leaving the builder as it was.
func (a *TopicAppender) Append(partition int32, r *Record) error {
	p, err := a.partition(partition)
	if err != nil {
		return err
	}
	cfg := a.t.config()
	if r.Key == nil && cfg.compacts() {
		return fmt.Errorf("record to %s-%d has no key, and the topic is compacted: %w", a.t.name, partition, ErrInvalidRecord)
	}
	limit := cfg.MaxMessageBytes
	if len(r.Headers) > 0 {
		if n := headersBytes(r.Headers); n > limit {
			return a.tooLarge(partition, n, limit)
		}
	}
	headers := a.c.encodeHeaders(r.Headers)
	size := batch.RawRecordSizeBytes(r.Key, r.Value, headers)
	if p.open.Count() > 0 && p.open.SizeBytes()+size > min(limit, a.c.batchBytes) {
		a.c.finish(p)
	}
	if p.open.Count() == 0 {
		if batch.HeaderBytes+size > limit {
			return a.tooLarge(partition, size, limit)
		}
		a.c.begin(p)
	}
	p.open.AppendRaw(r.TimestampMillis, r.Key, r.Value, len(r.Headers), headers)
	return nil
}

func (a *TopicAppender) partition(partition int32) (*partitionAppender, error) {
	if uint(partition) >= uint(len(a.partitions)) {
		a.grow()
	}
	if uint(partition) >= uint(len(a.partitions)) {
		return nil, fmt.Errorf("partition %s-%d: %w", a.t.name, partition, ErrUnknownTopic)
	}
	return a.partitions[partition], nil
}

func (a *TopicAppender) tooLarge(partition int32, size, limit int) error {
	return fmt.Errorf("record of %d bytes to %s-%d, at most %d (max.message.bytes of the topic): %w",
		size, a.t.name, partition, limit, ErrRecordTooLarge)
}

// headersBytes is about what headers take: not less.
func headersBytes(hs []Header) int {
	n := 0
	for i := range hs {
		n += len(hs[i].Key) + len(hs[i].Value)
	}
	return n
}

func (c *CommitBuilder) encodeHeaders(hs []Header) []byte {
	if len(hs) == 0 {
		return nil
	}
	c.headers = c.headers[:0]
	for _, h := range hs {
		c.headers = batch.AppendHeader(c.headers, h.Key, h.Value)
	}
	return c.headers
}

// begin opens a batch of p.
func (c *CommitBuilder) begin(p *partitionAppender) {
	if !p.dirty {
		p.dirty, p.at = true, len(c.dirty)
		c.dirty = append(c.dirty, p)
	}
	if buf := c.memory.get(p.hint); buf != nil {
		p.open.ResetBuffer(buf)
	} else {
		p.open.Reset(max(p.hint, smallBatchBytes))
	}
}

// finish closes the open batch of p. The next one is given as much room as
// this one took and some more, so that it seldom has to grow.
func (c *CommitBuilder) finish(p *partitionAppender) {
	cfg := p.p.topic.config()
	if cfg.TimestampType == LogAppendTime {
		p.open.SetLogAppendTime(c.b.cfg.Now().UnixMilli())
	}
	count := Offset(p.open.Count())
	b := p.open.Finish()
	p.hint = min(len(b)+len(b)/8+batch.HeaderBytes, batchBytes)
	codec, fixed := cfg.compression()
	if !fixed {
		codec = c.codec
	}
	b, err := c.memory.stored(b, codec)
	if err != nil && c.failed == nil {
		c.failed = fmt.Errorf("compress batch to %s: %w", p.p.tp, err)
	}
	p.batches = append(p.batches, commitBatch{p: p.p, bytes: b, count: count})
	p.records += count
	c.closed += int64(len(b))
}

// SetOffset notes that group has taken everything of tp below o.Offset. The
// last call for a partition decides.
func (c *CommitBuilder) SetOffset(group string, tp TopicPartition, o CommittedOffset) error {
	p, err := c.b.partition(tp)
	if err != nil {
		return err
	}
	if len(group) > maxGroupBytes {
		return fmt.Errorf("group name of %d bytes, at most %d", len(group), maxGroupBytes)
	}
	if len(o.Metadata) > maxMetadataBytes {
		return fmt.Errorf("offset metadata of %d bytes, at most %d", len(o.Metadata), maxMetadataBytes)
	}
	o.TimestampMillis = c.b.cfg.Now().UnixMilli()
	c.offsets = append(c.offsets, offsetCommit{group, p, o})
	return nil
}

const (
	maxMetadataBytes = 4096
	maxGroupBytes    = 1<<15 - 1 // what Kafka's protocol can carry
)

// SetFence makes this commit and those that follow fail with ErrFenced once
// the group has been claimed by another.
func (c *CommitBuilder) SetFence(f Fence) { c.fence = f }

// SizeBytes returns about how much has been gathered.
func (c *CommitBuilder) SizeBytes() int64 {
	n := c.closed
	for _, p := range c.dirty {
		n += int64(p.open.SizeBytes())
	}
	return n
}

// Empty reports whether nothing has been gathered.
func (c *CommitBuilder) Empty() bool { return len(c.dirty) == 0 && len(c.offsets) == 0 }

// Build returns what was gathered, to be committed by any goroutine, and
// begins anew.
func (c *CommitBuilder) Build() *Commit {
	if len(c.commits) == 0 {
		c.commits = make([]Commit, commitsAtOnce)
	}
	out := &c.commits[0]
	c.commits = c.commits[1:]
	out.init(c.b)
	c.fill(out)
	return out
}

// fill is Build into an empty commit.
func (c *CommitBuilder) fill(out *Commit) {
	out.offsets, out.fence = c.offsets, c.fence
	for _, p := range c.dirty {
		if p.open.Count() > 0 {
			c.finish(p)
		}
		out.batches = append(out.batches, p.batches...)
		clear(p.batches)
		p.batches = p.batches[:0]
		p.dirty, p.records = false, 0
	}
	if err := c.failed; err != nil {
		out.sequenced = func() error { return err }
	}
	c.dirty = c.dirty[:0]
	c.offsets, c.failed = nil, nil
	c.closed = 0
}

// empty makes c ready to be filled once more. It has happened, and nobody else
// knows of it.
func (c *Commit) empty() {
	clear(c.batches)
	clear(c.undo)
	batches, undo := c.batches[:0], c.undo[:0]
	c.offsets, c.entries, c.fence, c.sequenced = nil, nil, Fence{}, nil
	c.batches, c.undo, c.taken, c.numbered = batches, undo, false, 0
}

// Discard throws away what was gathered.
func (c *CommitBuilder) Discard() { c.Build() }
