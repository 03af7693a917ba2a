package log

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/batch"
)

// A ProduceResult says what became of a record that ProduceAsync was given.
type ProduceResult struct {
	TopicPartition
	Offset Offset // -1 after an error
	Err    error  // as of [Broker.Commit]
}

// ProduceAsync appends a record together with others, and calls done when it is
// as durable as the log's [Durability] says, or is known not to be there. The
// record is copied; a zero timestamp becomes the time of the call. Of one caller
// the records of a partition stay in order, and all commits are in the order of
// the calls.
//
// Where [ProducerConfig.BufferBytes] are waiting it waits too, until ctx ends.
// An error means that the record was not taken and done will not be called:
// those of [TopicAppender.Append], that of ctx, ErrClosed.
//
// done is called by one goroutine, in the order of the records, and holds up
// the next commit: it must be quick, must not call Flush or Close, and should
// call TryProduceAsync and not this, which may wait for it. It may be nil; an
// error is then the next Flush's to tell.
func (p *Producer) ProduceAsync(ctx context.Context, topic string, r Record, done func(ProduceResult)) error {
	return p.async.add(ctx, true, topic, &r, done)
}

// TryProduceAsync is ProduceAsync that does not wait: it returns ErrBufferFull.
func (p *Producer) TryProduceAsync(topic string, r Record, done func(ProduceResult)) error {
	return p.async.add(context.Background(), false, topic, &r, done)
}

// Flush waits until everything that ProduceAsync was given before is answered,
// and does not let it linger. It returns the error of ctx, or else of the first
// record since the last Flush that failed with nobody to be told.
func (p *Producer) Flush(ctx context.Context) error { return p.async.flush(ctx) }

// An asyncProducer gathers records until they are committed, by one goroutine
// that is there from the first record to the end.
type asyncProducer struct {
	p     *Producer
	wakes chan struct{}
	ended chan struct{} // closed by that goroutine
	mu    struct {
		sync.Mutex
		open    *gathering // that takes records
		spare   *gathering // nil while it is being committed
		topics  map[string]*asyncTopic
		last    *asyncTopic
		record  Record    // being appended
		since   time.Time // when the first record of open came
		used    int64     // bytes of records that were not committed yet
		given   uint64    // records
		settled uint64    // records that are answered
		flushTo uint64    // these do not linger
		crowded int       // calls that wait for room
		waiting int       // calls that wait for changed: these and Flush
		changed chan struct{}
		lost    error // of a record without a done
		running bool
		closed  bool
	}
}

// A gathering is what becomes one commit.
type gathering struct {
	builder *CommitBuilder
	number  uint64 // of the commit, from 1
	acks    []ack
	bytes   int64
}

// An ack is a record that somebody is to be told of.
type ack struct {
	done  func(ProduceResult)
	group int    // its partition, among those of the commit
	n     Offset // which record of that
}

// An asyncTopic is where the records of a topic go that have no key.
type asyncTopic struct {
	name   string
	turn   uint32
	number uint64 // of the commit that turn was for
}

// recordBytes is about what a record that waits takes beside its bytes.
const recordBytes = 64

func (a *asyncProducer) init(p *Producer, codec batch.Codec) {
	a.p = p
	a.wakes, a.ended = make(chan struct{}, 1), make(chan struct{})
	a.mu.open = &gathering{builder: p.newBuilder(codec), number: 1}
	a.mu.spare = &gathering{builder: p.newBuilder(codec)}
	a.mu.topics = map[string]*asyncTopic{}
	a.mu.changed = make(chan struct{})
}

func (a *asyncProducer) wake() {
	select {
	case a.wakes <- struct{}{}:
	default:
	}
}

func (a *asyncProducer) add(ctx context.Context, wait bool, topic string, r *Record, done func(ProduceResult)) error {
	size := int64(recordBytes + len(r.Key) + len(r.Value) + headersBytes(r.Headers))
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.makeRoomLocked(ctx, wait, size); err != nil {
		return err
	}
	a.mu.record = *r
	err := a.appendLocked(topic, &a.mu.record, done)
	a.mu.record = Record{}
	if err != nil {
		return err
	}
	g := a.mu.open
	g.bytes += size
	a.mu.used += size
	a.mu.given++
	if !a.mu.running {
		a.mu.running = true
		go a.run()
	}
	if len(g.acks) == 1 {
		a.mu.since = time.Now()
		a.wake()
	} else if g.builder.closed > 0 {
		a.wake()
	}
	return nil
}

func (a *asyncProducer) makeRoomLocked(ctx context.Context, wait bool, size int64) error {
	for {
		switch {
		case a.mu.closed:
			return errProducerClosed
		case a.p.b.readOnly:
			return ErrReadOnly
		case size > a.p.cfg.BufferBytes:
			return fmt.Errorf("record of about %d bytes, at most %d (BufferBytes of the producer): %w", size, a.p.cfg.BufferBytes, ErrRecordTooLarge)
		case ctx.Err() != nil:
			return ctx.Err()
		case a.mu.used+size <= a.p.cfg.BufferBytes:
			return nil
		case !wait:
			return ErrBufferFull
		}
		a.mu.crowded++
		a.wake()
		a.waitLocked(ctx)
		a.mu.crowded--
	}
}

// waitLocked returns when something was committed, or ctx has ended.
func (a *asyncProducer) waitLocked(ctx context.Context) {
	changed := a.mu.changed
	a.mu.waiting++
	a.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	a.mu.Lock()
	a.mu.waiting--
}

func (a *asyncProducer) appendLocked(topic string, r *Record, done func(ProduceResult)) error {
	g := a.mu.open
	appender, err := g.builder.Topic(topic)
	if err != nil {
		return err
	}
	if r.TimestampMillis == 0 {
		r.TimestampMillis = a.p.b.cfg.Now().UnixMilli()
	}
	partition := a.p.partition(topic, r, appender.Partitions())
	if partition < 0 {
		partition = a.keylessLocked(topic, appender, r)
	}
	if err := appender.Append(partition, r); err != nil {
		return err
	}
	to := appender.partitions[partition]
	g.acks = append(g.acks, ack{done, to.at, to.records + Offset(to.open.Count()) - 1})
	return nil
}

// keylessLocked stays with a partition until its batch is done: full, or
// committed.
func (a *asyncProducer) keylessLocked(topic string, appender *TopicAppender, r *Record) int32 {
	t := a.mu.last
	if t == nil || t.name != topic {
		if t = a.mu.topics[topic]; t == nil {
			t = &asyncTopic{name: topic}
			a.mu.topics[topic] = t
		}
		a.mu.last = t
	}
	partitions := uint32(appender.Partitions())
	if t.number != a.mu.open.number {
		t.number = a.mu.open.number
		t.turn++
	} else if appender.finishFull(int32(t.turn%partitions), r) {
		t.turn++
	}
	return int32(t.turn % partitions)
}

// finishFull closes the open batch of a partition if it has no room for a
// record.
func (a *TopicAppender) finishFull(partition int32, r *Record) bool {
	p, err := a.partition(partition)
	if err != nil || p.open.Count() == 0 {
		return false
	}
	size := p.open.SizeBytes() + batch.RawRecordSizeBytes(r.Key, r.Value, nil) + headersBytes(r.Headers)
	if size <= min(a.t.config().MaxMessageBytes, a.c.batchBytes) {
		return false
	}
	a.c.finish(p)
	return true
}

func (a *asyncProducer) flush(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	target := a.mu.given
	a.mu.flushTo = target
	a.wake()
	for a.mu.settled < target {
		if err := ctx.Err(); err != nil {
			return err
		}
		a.waitLocked(ctx)
	}
	err := a.mu.lost
	a.mu.lost = nil
	return err
}

func (a *asyncProducer) close() error {
	a.mu.Lock()
	a.mu.closed = true
	running := a.mu.running
	a.mu.Unlock()
	a.wake()
	if running {
		<-a.ended
	}
	return a.flush(context.Background())
}
