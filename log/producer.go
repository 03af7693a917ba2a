package log

import (
	"context"
	"sync"

	"github.com/freshet/freshet/internal/batch"
)

// A Producer appends records: with Produce, each call as one commit, or with
// ProduceAsync, many calls in one. Any goroutine may call it.
//
// A record goes to the partition that Kafka's partitioner gives to its key.
// Records without a key stay together: all of one call of Produce, or those of
// ProduceAsync until their batch is done, go to one partition, and the next ones
// to the next.
type Producer struct {
	b        *Broker
	cfg      ProducerConfig
	identity ProducerIdentity // NoProducer: its batches have none
	async    asyncProducer
	mu       struct {
		sync.Mutex
		builder *CommitBuilder
		keyless uint32    // counts calls, to spread records without a key
		record  Record    // being appended
		commits []*Commit // to be filled again
		closed  bool
	}
}

// NewProducer returns a producer of the zero [ProducerConfig]. One that only
// calls Produce need not be closed.
func (b *Broker) NewProducer() *Producer {
	cfg, codec, err := ProducerConfig{}.withDefaults()
	if err != nil {
		panic(err) // the defaults are right
	}
	return b.newProducer(cfg, codec)
}

// NewProducerWith returns a producer. An idempotent one is given its id, as of
// [Broker.InitProducerID].
func (b *Broker) NewProducerWith(cfg ProducerConfig) (*Producer, error) {
	cfg, codec, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := b.newProducer(cfg, codec)
	if cfg.Idempotent {
		p.identity, err = b.InitProducerID(InitProducerIDRequest{Current: NoProducer})
	}
	return p, err
}

func (b *Broker) newProducer(cfg ProducerConfig, codec batch.Codec) *Producer {
	p := &Producer{b: b, cfg: cfg, identity: NoProducer}
	p.mu.builder = p.newBuilder(codec)
	p.async.init(p, codec)
	return p
}

func (p *Producer) newBuilder(codec batch.Codec) *CommitBuilder {
	builder := p.b.NewCommitBuilder()
	builder.batchBytes, builder.codec = p.cfg.BatchBytes, codec
	return builder
}

// Produce appends rs to a topic, all or none, and returns when they are as
// durable as the log's [Durability] says. Zero timestamps become the time of the
// call. The errors are those of [TopicAppender.Append] and of [Broker.Commit];
// ctx is only looked at before.
//
// What ProduceAsync was given before may come later: Flush first where that
// matters.
func (p *Producer) Produce(ctx context.Context, topic string, rs ...Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := p.build(topic, rs)
	if err != nil {
		return err
	}
	if p.cfg.Idempotent && c.sequenced == nil {
		c.sequenced = func() error { return p.number(c) }
	}
	if err := p.b.commit(c); err != nil {
		return err
	}
	p.putCommit(c)
	return nil
}

func (p *Producer) build(topic string, rs []Record) (*Commit, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return nil, errProducerClosed
	}
	a, err := p.mu.builder.Topic(topic)
	if err != nil {
		return nil, err
	}
	now := p.b.cfg.Now().UnixMilli()
	partitions := a.Partitions()
	keyless := int32(p.mu.keyless % uint32(partitions))
	p.mu.keyless++
	r := &p.mu.record
	defer func() { *r = Record{} }()
	for i := range rs {
		*r = rs[i]
		if r.TimestampMillis == 0 {
			r.TimestampMillis = now
		}
		partition := p.partition(topic, r, partitions)
		if partition < 0 {
			partition = keyless
		}
		if err := a.Append(partition, r); err != nil {
			p.mu.builder.Discard()
			return nil, err
		}
	}
	c := p.commitLocked()
	p.mu.builder.fill(c)
	return c, nil
}

// partition returns what the partitioner or the key say, or a negative number.
func (p *Producer) partition(topic string, r *Record, partitions int32) int32 {
	if p.cfg.Partitioner != nil {
		if chosen := p.cfg.Partitioner(topic, r, partitions); chosen >= 0 {
			return chosen
		}
	}
	if r.Key != nil {
		return Partition(r.Key, partitions)
	}
	return -1
}

// number makes the batches of a commit those of an idempotent producer. It runs
// on the leader, who knows the last sequence number that each partition has, so
// a commit that is refused leaves no hole.
func (p *Producer) number(c *Commit) error {
	next := int32(0)
	for i := range c.batches {
		cb := &c.batches[i]
		if i == 0 || c.batches[i-1].p != cb.p {
			state, _ := p.b.states(cb.p).Get(p.identity.ID)
			next = nextSequence(state.LastSequence(), 1)
		}
		batch.StampProducer(cb.bytes, p.identity.ID, p.identity.Epoch, next, false)
		h, err := batch.ParseHeader(cb.bytes)
		if err != nil {
			return err
		}
		cb.header = &h
		next = nextSequence(next, cb.count)
	}
	return nil
}

// nextSequence counts as Kafka's producers do: 0 follows 2^31-1.
func nextSequence(sequence int32, n Offset) int32 {
	return int32((int64(sequence) + int64(n)) & 0x7fffffff)
}

// commitLocked returns an empty commit.
func (p *Producer) commitLocked() *Commit {
	n := len(p.mu.commits)
	if n == 0 {
		return p.b.newCommit()
	}
	c := p.mu.commits[n-1]
	p.mu.commits = p.mu.commits[:n-1]
	return c
}

// maxIdleCommits bounds the commits that a producer keeps to fill again.
const maxIdleCommits = 16

// putCommit takes back a commit that has happened.
func (p *Producer) putCommit(c *Commit) {
	c.empty()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.commits) < maxIdleCommits {
		p.mu.commits = append(p.mu.commits, c)
	}
}

// Close commits what ProduceAsync was given, calls back, and ends the producer:
// later calls fail with ErrClosed. It returns the error of a record that nobody
// was called back for, as Flush does.
func (p *Producer) Close() error {
	p.mu.Lock()
	p.mu.closed = true
	p.mu.Unlock()
	return p.async.close()
}
