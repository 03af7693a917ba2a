package log

import (
	"context"
	"sync"
)

// A Producer appends records, each call as one commit. Any goroutine may call
// it.
type Producer struct {
	b  *Broker
	mu struct {
		sync.Mutex
		builder *CommitBuilder
		keyless uint32    // counts calls, to spread records without a key
		record  Record    // being appended
		commits []*Commit // to be filled again
	}
}

// NewProducer returns a producer.
func (b *Broker) NewProducer() *Producer {
	p := &Producer{b: b}
	p.mu.builder = b.NewCommitBuilder()
	return p
}

// Produce appends rs to a topic, all or none, and returns when they are as
// durable as the log's [Durability] says. A record goes to the partition that
// Kafka's partitioner gives to its key; those without a key go to one
// partition a call, in turn. Zero timestamps become the time of the call.
func (p *Producer) Produce(ctx context.Context, topic string, rs ...Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := p.build(topic, rs)
	if err != nil {
		return err
	}
	if err := p.b.commit(c); err != nil {
		return err
	}
	p.done(c)
	return nil
}

func (p *Producer) build(topic string, rs []Record) (*Commit, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.mu.builder.Topic(topic)
	if err != nil {
		return nil, err
	}
	now := p.b.cfg.Now().UnixMilli()
	keyless := int32(p.mu.keyless % uint32(a.Partitions()))
	p.mu.keyless++
	for i := range rs {
		r := &p.mu.record
		*r = rs[i]
		if r.TimestampMillis == 0 {
			r.TimestampMillis = now
		}
		partition := keyless
		if r.Key != nil {
			partition = Partition(r.Key, a.Partitions())
		}
		if err := a.Append(partition, r); err != nil {
			p.mu.builder.Discard()
			return nil, err
		}
	}
	p.mu.record = Record{}
	c := p.commit()
	p.mu.builder.fill(c)
	return c, nil
}

// commit returns an empty commit.
func (p *Producer) commit() *Commit {
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

// done takes back a commit that has happened.
func (p *Producer) done(c *Commit) {
	c.empty()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.commits) < maxIdleCommits {
		p.mu.commits = append(p.mu.commits, c)
	}
}
