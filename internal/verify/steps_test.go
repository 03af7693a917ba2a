package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	first "github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log"
)

// must fails on an error, but for those that a client has to expect.
func (h *history) must(err error, expected ...error) {
	h.t.Helper()
	for _, e := range expected {
		if errors.Is(err, e) {
			return
		}
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) topicConfig() log.TopicConfig {
	pick := func(values ...string) string { return values[h.rng.IntN(len(values))] }
	cfg := log.TopicConfig{
		Partitions:        1 + h.rng.Int32N(3),
		CleanupPolicy:     pick(log.CleanupDelete, log.CleanupCompact, log.CleanupCompactDelete),
		Compression:       pick(log.CompressionProducer, log.CompressionProducer, "gzip", "snappy", "lz4", "zstd"),
		TimestampType:     pick(log.CreateTime, log.CreateTime, log.LogAppendTime),
		MinCleanableRatio: 0.01,
		SegmentBytes:      1<<10 + h.rng.Int64N(4<<10),
	}
	if h.rng.IntN(3) == 0 {
		cfg.RetentionBytes = 8 << 10
	}
	return cfg
}

// step does one random thing.
func (h *history) step() {
	topics := h.b.Topics()
	n := h.rng.IntN(60)
	if len(topics) == 0 {
		n = 0
	}
	switch {
	case n == 0 && len(topics) < 4:
		_, err := h.b.CreateTopic(fmt.Sprintf("topic-%d", h.made%5), h.topicConfig())
		h.must(err, log.ErrTopicExists)
		h.made++
	case n == 1:
		h.close()
		if h.rng.IntN(3) == 0 {
			h.now = h.now.Add(time.Duration(h.rng.IntN(10*24)) * time.Hour)
		}
		h.open()
	case n == 2:
		h.kill()
	case n < 6:
		h.alter(topics)
	case n < 12:
		h.groups(topics)
	case n < 35:
		h.producers[h.rng.IntN(len(h.producers))].step(topics)
	default:
		h.commit(topics)
	}
}

func (h *history) alter(topics []log.TopicDescription) {
	d := topics[h.rng.IntN(len(topics))]
	switch n := h.rng.IntN(8); {
	case n == 0:
		_, err := h.b.AlterTopic(d.Name, map[string]string{"max.message.bytes": "2000000", "delete.retention.ms": "0"})
		h.must(err)
	case n == 1 && len(d.Partitions) < 4:
		_, err := h.b.AddPartitions(d.Name, int32(len(d.Partitions)+1))
		h.must(err)
	case n == 2 && len(topics) > 1:
		h.must(h.b.DeleteTopic(d.Name))
		for _, p := range h.producers {
			p.forget(d.Name)
		}
	default:
		i := h.rng.IntN(len(d.Partitions))
		p := d.Partitions[i]
		before := p.Start + log.Offset(h.rng.Int64N(int64(p.End-p.Start)+1))
		_, err := h.b.DeleteRecords(log.TopicPartition{Topic: d.Name, Partition: int32(i)}, before)
		h.must(err, log.ErrPolicyViolation)
	}
}

// groups does something with offsets of groups: one that is claimed now and
// then, and one that never is.
func (h *history) groups(topics []log.TopicDescription) {
	d := topics[h.rng.IntN(len(topics))]
	tp := log.TopicPartition{Topic: d.Name, Partition: h.rng.Int32N(int32(len(d.Partitions)))}
	switch h.rng.IntN(4) {
	case 0:
		f, err := h.b.ClaimGroup("claimed")
		h.must(err)
		h.c.SetFence(f)
		h.must(h.c.SetOffset("claimed", tp, log.CommittedOffset{Offset: 1}))
		_, err = h.b.Commit(h.c.Build())
		h.must(err)
		h.c.SetFence(log.Fence{})
		h.must(h.b.ReleaseGroup(f))
	case 1:
		var refused *log.CodeError
		if err := h.b.DeleteGroup("claimed"); !errors.As(err, &refused) {
			h.must(err)
		}
	case 2:
		h.must(h.c.SetOffset("group", tp, log.CommittedOffset{Offset: 2, LeaderEpoch: 1, Metadata: "m"}))
		_, err := h.b.Commit(h.c.Build())
		h.must(err)
		_, err = h.b.DeleteOffsets("group", []log.TopicPartition{tp})
		h.must(err)
	case 3:
		var refused *log.CodeError
		_, err := h.b.ResetOffsets("group", []log.TopicPartition{tp}, log.LatestOffset())
		if !errors.As(err, &refused) {
			h.must(err)
		}
	}
}

func (h *history) commit(topics []log.TopicDescription) {
	for range h.rng.IntN(30) {
		topic := topics[h.rng.IntN(len(topics))]
		partition := h.rng.Int32N(int32(len(topic.Partitions)))
		h.must(h.c.Append(topic.Name, partition, h.record(topic.Config.CleanupPolicy != log.CleanupDelete)))
		if h.rng.IntN(8) == 0 {
			tp := log.TopicPartition{Topic: topic.Name, Partition: partition}
			o := log.CommittedOffset{Offset: log.Offset(h.rng.Int64N(100)), Metadata: strings.Repeat("m", h.rng.IntN(9))}
			h.must(h.c.SetOffset("group", tp, o))
		}
	}
	_, err := h.b.Commit(h.c.Build())
	h.must(err)
}

// A testProducer sends batches as clients do: idempotent or, with a name, in
// transactions.
type testProducer struct {
	h         *history
	name      string
	known     bool
	is        log.ProducerIdentity
	sequences map[log.TopicPartition]int32
}

// forget forgets the sequences in a topic.
func (p *testProducer) forget(topic string) {
	for tp := range p.sequences {
		if tp.Topic == topic {
			delete(p.sequences, tp)
		}
	}
}

func (p *testProducer) begin() {
	var err error
	q := log.InitProducerIDRequest{TransactionalID: p.name, Timeout: time.Minute, Current: log.NoProducer}
	if p.is, err = p.h.b.InitProducerID(q); err != nil {
		p.h.t.Fatal(err)
	}
	p.known, p.sequences = true, map[log.TopicPartition]int32{}
}

// refused begins anew after a refusal, which a clock that was set may bring.
func (p *testProducer) refused(err error) bool {
	var code *log.CodeError
	if errors.As(err, &code) {
		p.known = false
		return true
	}
	p.h.must(err)
	return false
}

func (p *testProducer) step(topics []log.TopicDescription) {
	h := p.h
	if !p.known || h.rng.IntN(15) == 0 {
		p.begin()
	}
	who := log.TxnIdentity{TransactionalID: p.name, Producer: p.is}
	switch n := h.rng.IntN(8); {
	case p.name != "" && n == 0:
		d := topics[h.rng.IntN(len(topics))]
		tp := log.TopicPartition{Topic: d.Name}
		_, err := h.b.CommitTxnOffsets(log.TxnOffsetsRequest{TxnIdentity: who, Group: "txn-group", Implicit: true,
			Offsets: []log.GroupOffset{{TopicPartition: tp, CommittedOffset: log.CommittedOffset{Offset: 1}}}})
		p.refused(err)
	case p.name != "" && n < 3:
		is, err := h.b.EndTxn(log.EndTxnRequest{TxnIdentity: who, Commit: h.rng.IntN(2) == 0, Bump: h.rng.IntN(3) == 0})
		if !p.refused(err) && is != p.is {
			p.is, p.sequences = is, map[log.TopicPartition]int32{}
		}
	default:
		p.send(who, topics)
	}
}

// send appends a batch.
func (p *testProducer) send(who log.TxnIdentity, topics []log.TopicDescription) {
	h := p.h
	d := topics[h.rng.IntN(len(topics))]
	tp := log.TopicPartition{Topic: d.Name, Partition: h.rng.Int32N(int32(len(d.Partitions)))}
	if p.name != "" {
		if _, err := h.b.AddPartitionsToTxn(who, []log.TopicPartition{tp}); p.refused(err) {
			return
		}
	}
	var b first.Builder
	b.Reset(0)
	b.SetProducer(p.is.ID, p.is.Epoch, p.sequences[tp])
	b.SetTransactional(p.name != "")
	records := 1 + h.rng.IntN(4)
	for range records {
		r := h.record(true)
		b.Append(r.TimestampMillis, r.Key, r.Value, nil)
	}
	packed, err := first.Compress(nil, b.Finish(), first.Codec(h.rng.IntN(5)))
	h.must(err)
	results, err := h.b.AppendBatches([]log.AppendBatch{{TopicPartition: tp, Bytes: packed}}, log.AppendOptions{})
	h.must(err)
	if !p.refused(results[0].Err) {
		p.sequences[tp] += int32(records)
	}
}
