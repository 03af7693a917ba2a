package log

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/coord"
)

var ledgerGroups = []string{"free", "claimed"}

// ledgerOperations are what happens in a history, each as often as its weight
// says.
var ledgerOperations = []struct {
	name   string
	weight int
	do     func(*modelHistory) (bool, error)
}{
	{"create a topic", 4, (*modelHistory).createTopic},
	{"delete a topic", 1, (*modelHistory).deleteTopic},
	{"add partitions", 1, (*modelHistory).addPartitions},
	{"alter a topic", 2, (*modelHistory).alterTopic},
	{"commit", 14, (*modelHistory).commitNative},
	{"commit with an old fence", 1, (*modelHistory).commitFenced},
	{"append a batch", 8, (*modelHistory).appendBatch},
	{"get a producer id", 1, (*modelHistory).initProducer},
	{"append an idempotent batch", 8, (*modelHistory).appendIdempotent},
	{"append it again", 3, (*modelHistory).appendAgain},
	{"leave out a sequence", 1, (*modelHistory).appendAhead},
	{"begin a transactional producer", 2, (*modelHistory).initTxn},
	{"write in a transaction", 10, (*modelHistory).writeTxn},
	{"commit offsets in a transaction", 2, (*modelHistory).offsetTxn},
	{"end a transaction", 5, (*modelHistory).endTxn},
	{"write as a zombie", 1, (*modelHistory).writeZombie},
	{"commit offsets", 2, (*modelHistory).commitOffsets},
	{"delete offsets", 1, (*modelHistory).deleteOffsets},
	{"claim a group", 2, (*modelHistory).claim},
	{"delete records", 2, (*modelHistory).deleteRecords},
	{"clean", 4, (*modelHistory).clean},
	{"flush", 2, (*modelHistory).flushAll},
	{"sync", 3, (*modelHistory).syncNow},
	{"fetch", 4, (*modelHistory).fetch},
	{"find a time", 4, (*modelHistory).findTime},
}

// operate does one operation, at times on a full disk.
func (h *modelHistory) operate() error {
	h.now = h.now.Add(time.Duration(h.rng.IntN(100)) * time.Millisecond)
	all := 0
	for i := range ledgerOperations {
		all += ledgerOperations[i].weight
	}
	n := h.rng.IntN(all)
	for i := range ledgerOperations {
		o := &ledgerOperations[i]
		if n -= o.weight; n >= 0 {
			continue
		}
		h.full = h.rng.IntN(15) == 0
		done, err := o.do(h)
		h.full = false
		if done {
			h.done[o.name]++
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		return nil
	}
	return nil
}

// pick returns one of the partitions there are, or false.
func (h *modelHistory) pick() (TopicPartition, bool) {
	tps := h.last().partitions()
	if len(tps) == 0 {
		return TopicPartition{}, false
	}
	return tps[h.rng.IntN(len(tps))], true
}

// records makes some new ones.
func (h *modelHistory) records(tp TopicPartition, txn int) (rs []ledgerRecord) {
	for range 1 + h.rng.IntN(3) {
		h.values++
		r := ledgerRecord{
			key: strconv.Itoa(h.rng.IntN(6)), value: fmt.Sprintf("%d %s", h.values, strings.Repeat("x", h.rng.IntN(250))),
			millis: h.now.UnixMilli() + h.rng.Int64N(2000) - 1000, txn: txn,
		}
		if h.rng.IntN(8) == 0 {
			r.value = ""
		}
		rs = append(rs, r)
	}
	return rs
}

// stored is what the log makes of records.
func (h *modelHistory) stored(tp TopicPartition, rs []ledgerRecord) []ledgerRecord {
	if h.last().topics[tp.Topic].cfg.TimestampType == LogAppendTime {
		rs = slices.Clone(rs)
		for i := range rs {
			rs[i].millis = h.now.UnixMilli()
		}
	}
	return rs
}

func (r *ledgerRecord) bytes() (key, value []byte) {
	if r.value != "" {
		value = []byte(r.value)
	}
	return []byte(r.key), value
}

// encode makes a batch, compressed at times.
func (h *modelHistory) encode(rs []ledgerRecord, p ProducerIdentity, sequence int32, transactional bool) ([]byte, error) {
	var b batch.Builder
	for i := range rs {
		key, value := rs[i].bytes()
		b.Append(rs[i].millis, key, value, nil)
	}
	if p != NoProducer {
		b.SetProducer(p.ID, p.Epoch, sequence)
	}
	b.SetTransactional(transactional)
	if codec := batch.Codec(h.rng.IntN(10)); codec <= batch.Zstd && codec != batch.None {
		return batch.Compress(nil, b.Finish(), codec)
	}
	return b.Finish(), nil
}

// send appends one batch.
func (h *modelHistory) send(tp TopicPartition, rs []ledgerRecord, p ProducerIdentity, sequence int32, o AppendOptions) (AppendResult, error) {
	b, err := h.encode(rs, p, sequence, o.Implicit)
	if err != nil {
		return AppendResult{}, err
	}
	results, err := h.b.AppendBatches([]AppendBatch{{tp, b}}, o)
	if err != nil {
		return AppendResult{}, err
	}
	return results[0], results[0].Err
}

func (h *modelHistory) createTopic() (bool, error) {
	name := "t" + strconv.Itoa(h.rng.IntN(3))
	if _, ok := h.last().topics[name]; ok {
		if _, err := h.b.CreateTopic(name, TopicConfig{}); !errors.Is(err, ErrTopicExists) {
			return false, fmt.Errorf("%v, want ErrTopicExists", err)
		}
		return false, nil
	}
	cfg := TopicConfig{
		Partitions: 1 + h.rng.Int32N(2), CleanupPolicy: []string{CleanupDelete, CleanupCompact, CleanupCompactDelete}[h.rng.IntN(3)],
		MinCleanableRatio: 1e-9, DeleteRetention: time.Millisecond,
		TimestampType: []string{CreateTime, CreateTime, LogAppendTime}[h.rng.IntN(3)],
		Compression:   []string{CompressionProducer, "none", "lz4", "zstd", "gzip", "snappy"}[h.rng.IntN(6)],
	}
	if h.rng.IntN(2) == 0 {
		cfg.RetentionBytes = 1 + h.rng.Int64N(8<<10)
	}
	full, err := cfg.withDefaults()
	if err != nil {
		return false, err
	}
	next := h.last().clone()
	next.topics[name] = &ledgerTopic{full, make([]ledgerPartition, cfg.Partitions)}
	return h.try(next, func() error {
		_, err := h.b.CreateTopic(name, cfg)
		return err
	})
}

func (h *modelHistory) deleteTopic() (bool, error) {
	tp, ok := h.pick()
	if !ok || tp.Topic == ledgerTxnOffsets.Topic {
		return false, nil
	}
	for _, t := range h.last().txns {
		for part := range t.partitions {
			if part.Topic == tp.Topic {
				return false, nil // its end would be nothing that a reader sees, see TestTopicIsDeletedMeanwhile
			}
		}
	}
	next := h.last().clone()
	next.deleteTopic(tp.Topic)
	return h.try(next, func() error { return h.b.DeleteTopic(tp.Topic) })
}

func (h *modelHistory) addPartitions() (bool, error) {
	tp, ok := h.pick()
	if !ok || len(h.last().topics[tp.Topic].partitions) > 3 {
		return false, nil
	}
	next := h.last().clone()
	t := next.topics[tp.Topic]
	t.partitions = append(t.partitions, ledgerPartition{})
	t.cfg.Partitions++
	return h.try(next, func() error {
		_, err := h.b.AddPartitions(tp.Topic, t.cfg.Partitions)
		return err
	})
}

func (h *modelHistory) alterTopic() (bool, error) {
	tp, ok := h.pick()
	if !ok {
		return false, nil
	}
	next := h.last().clone()
	cfg := &next.topics[tp.Topic].cfg
	cfg.SegmentBytes = 1024 << h.rng.IntN(4)
	cfg.RetentionBytes = 1 + h.rng.Int64N(16<<10)
	return h.try(next, func() error {
		_, err := h.b.AlterTopic(tp.Topic, map[string]string{
			"segment.bytes": strconv.FormatInt(cfg.SegmentBytes, 10), "retention.bytes": strconv.FormatInt(cfg.RetentionBytes, 10)})
		return err
	})
}

// build gathers a commit to some partitions, with offsets of a group.
func (h *modelHistory) build(next *ledger, group string, f Fence) (*Commit, error) {
	c := h.b.NewCommitBuilder()
	c.SetFence(f)
	for _, tp := range next.partitions() {
		if h.rng.IntN(2) == 0 {
			continue
		}
		rs := h.records(tp, 0)
		for i := range rs {
			key, value := rs[i].bytes()
			if err := c.Append(tp.Topic, tp.Partition, &Record{Key: key, Value: value, TimestampMillis: rs[i].millis}); err != nil {
				return nil, err
			}
		}
		next.append(tp, h.stored(tp, rs)...)
		o := Offset(h.values)
		next.setOffset(group, tp, o)
		if err := c.SetOffset(group, tp, CommittedOffset{Offset: o}); err != nil {
			return nil, err
		}
	}
	return c.Build(), nil
}

func (h *modelHistory) commitNative() (bool, error) {
	next, group := h.last().clone(), "free"
	f, claimed := h.fences["claimed"]
	if claimed && h.rng.IntN(2) == 0 {
		group = "claimed"
	} else {
		f = Fence{}
	}
	c, err := h.build(next, group, f)
	if err != nil {
		return false, err
	}
	return h.try(next, func() error {
		_, err := h.b.Commit(c)
		return err
	})
}

func (h *modelHistory) commitFenced() (bool, error) {
	f, ok := h.stale["claimed"]
	if !ok || len(h.last().topics) == 0 {
		return false, nil
	}
	c, err := h.build(h.last().clone(), "claimed", f)
	if err != nil {
		return false, err
	}
	h.full = false
	if _, err := h.b.Commit(c); !errors.Is(err, ErrFenced) && h.crash.left == nil {
		return false, fmt.Errorf("%v, want ErrFenced", err)
	}
	return true, nil
}

// claim takes a group over. What is not known after a full disk counts for
// nothing.
func (h *modelHistory) claim() (bool, error) {
	old, had := h.fences["claimed"]
	delete(h.fences, "claimed")
	f, err := h.b.ClaimGroup("claimed")
	if errors.Is(err, ErrNoSpace) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if had {
		h.stale = map[string]Fence{"claimed": old}
	}
	h.fences["claimed"] = f
	return true, nil
}

func (h *modelHistory) appendBatch() (bool, error) {
	tp, ok := h.pick()
	if !ok {
		return false, nil
	}
	next, rs := h.last().clone(), h.records(tp, 0)
	next.append(tp, h.stored(tp, rs)...)
	return h.try(next, func() error {
		r, err := h.send(tp, rs, NoProducer, -1, AppendOptions{})
		if want := Offset(len(h.ledgers[len(h.ledgers)-2].partition(tp).records)); err == nil && r.Base != want {
			return fmt.Errorf("appended at %d, want %d", r.Base, want)
		}
		return err
	})
}

func (h *modelHistory) initProducer() (bool, error) {
	next := h.last().clone()
	p := &next.producers[h.rng.IntN(2)]
	*p = ledgerProducer{next: map[TopicPartition]int32{}}
	return h.try(next, func() (err error) {
		p.identity, err = h.b.InitProducerID(InitProducerIDRequest{Current: NoProducer})
		p.known = err == nil
		return err
	})
}

func (h *modelHistory) appendIdempotent() (bool, error) {
	tp, ok := h.pick()
	next := h.last().clone()
	p := &next.producers[h.rng.IntN(2)]
	if !ok || !p.known {
		return h.initProducer()
	}
	rs := h.records(tp, 0)
	sequence := p.next[tp]
	p.sent = &ledgerSent{tp, rs, sequence, Offset(len(next.partition(tp).records))}
	p.next[tp] = sequence + int32(len(rs))
	next.append(tp, h.stored(tp, rs)...)
	return h.try(next, func() error {
		_, err := h.send(tp, rs, p.identity, sequence, AppendOptions{})
		return err
	})
}

// appendAgain sends the last batch again, as one does who has heard nothing.
func (h *modelHistory) appendAgain() (bool, error) {
	p := &h.last().producers[h.rng.IntN(2)]
	s := p.sent
	if s == nil || !p.known {
		return false, nil
	}
	return h.try(h.last().clone(), func() error {
		r, err := h.send(s.tp, s.records, p.identity, s.sequence, AppendOptions{})
		if err == nil && (!r.Duplicate || r.Base != s.base) {
			return fmt.Errorf("batch of %s, sequence %d: appended at %d, duplicate: %v; want a duplicate of that at %d", s.tp, s.sequence, r.Base, r.Duplicate, s.base)
		}
		return err
	})
}

// appendAhead leaves out a sequence, which is refused where the producer is
// known.
func (h *modelHistory) appendAhead() (bool, error) {
	p := &h.last().producers[h.rng.IntN(2)]
	if p.sent == nil || !p.known {
		return false, nil
	}
	h.full = false
	_, err := h.send(p.sent.tp, h.records(p.sent.tp, 0), p.identity, p.next[p.sent.tp]+5, AppendOptions{})
	var code *CodeError
	if h.crash.left == nil && (!errors.As(err, &code) || coord.Code(code.Code) != coord.OutOfOrderSequence) {
		return false, fmt.Errorf("%v, want a sequence out of order", err)
	}
	return true, nil
}

func (h *modelHistory) txnID() string { return []string{"x", "y"}[h.rng.IntN(2)] }

// initTxn begins a producer, which aborts what the one before has left open.
func (h *modelHistory) initTxn() (bool, error) {
	id, next := h.txnID(), h.last().clone()
	next.endTxn(id, false, h.now.UnixMilli())
	next.txns[id] = ledgerTxn{}
	return h.try(next, func() error {
		p, err := h.b.InitProducerID(InitProducerIDRequest{TransactionalID: id, Timeout: DefaultMaxTransactionTimeout, Current: NoProducer})
		if err == nil {
			next.txns[id] = ledgerTxn{known: true, identity: TxnIdentity{id, p}}
		}
		return err
	})
}

// begun returns a ledger in which an id has a transaction open.
func (h *modelHistory) begun(id string) *ledger {
	next := h.last().clone()
	t := next.txns[id]
	if t.open == 0 {
		h.attempt++
		t.open, t.partitions = h.attempt, map[TopicPartition]int32{}
	}
	next.txns[id] = t
	return next
}

func (h *modelHistory) writeTxn() (bool, error) {
	tp, ok := h.pick()
	id := h.txnID()
	if !ok || !h.last().txns[id].known {
		return h.initTxn()
	}
	next := h.begun(id)
	t := next.txns[id]
	rs := h.records(tp, t.open)
	sequence := t.partitions[tp]
	t.partitions[tp] += int32(len(rs))
	next.append(tp, h.stored(tp, rs)...)
	return h.try(next, func() error {
		_, err := h.send(tp, rs, t.identity.Producer, sequence, AppendOptions{Implicit: true})
		return err
	})
}

func (h *modelHistory) offsetTxn() (bool, error) {
	id := h.txnID()
	if !h.last().txns[id].known || h.last().topics[ledgerTxnOffsets.Topic] == nil {
		return false, nil
	}
	next := h.begun(id)
	t := next.txns[id]
	h.values++
	t.offset = Offset(h.values)
	next.txns[id] = t
	return h.try(next, func() error {
		refused, err := h.b.CommitTxnOffsets(TxnOffsetsRequest{TxnIdentity: t.identity, Group: "txn-" + id, Implicit: true,
			Offsets: []GroupOffset{{ledgerTxnOffsets, CommittedOffset{Offset: t.offset, LeaderEpoch: -1}}}})
		return errors.Join(append(refused, err)...)
	})
}

func (h *modelHistory) endTxn() (bool, error) {
	id := h.txnID()
	t := h.last().txns[id]
	if !t.known || t.open == 0 {
		return false, nil
	}
	next, commit := h.last().clone(), h.rng.IntN(3) > 0
	next.endTxn(id, commit, h.now.UnixMilli())
	next.txns[id] = ledgerTxn{}
	return h.try(next, func() error {
		p, err := h.b.EndTxn(EndTxnRequest{TxnIdentity: t.identity, Commit: commit, Bump: true})
		if err == nil {
			next.txns[id] = ledgerTxn{known: true, identity: TxnIdentity{id, p}}
		}
		return err
	})
}

// writeZombie writes with an identity that the end of its transaction has
// replaced.
func (h *modelHistory) writeZombie() (bool, error) {
	tp, ok := h.pick()
	t := h.last().txns[h.txnID()]
	if !ok || !t.known || t.identity.Producer.Epoch == 0 {
		return false, nil
	}
	old := t.identity.Producer
	old.Epoch--
	if _, err := h.send(tp, h.records(tp, 0), old, 0, AppendOptions{Implicit: true}); err == nil {
		return false, fmt.Errorf("%+v has written after %+v began", old, t.identity)
	}
	return true, nil
}

func (h *modelHistory) commitOffsets() (bool, error) {
	tp, ok := h.pick()
	if !ok {
		return false, nil
	}
	next := h.last().clone()
	h.values++
	next.setOffset("free", tp, Offset(h.values))
	return h.try(next, func() error {
		errs, err := h.b.CommitOffsets("free", GroupMembership{}, []GroupOffset{{tp, CommittedOffset{Offset: Offset(h.values)}}})
		return errors.Join(append(errs, err)...)
	})
}

func (h *modelHistory) deleteOffsets() (bool, error) {
	tps := slices.SortedFunc(maps.Keys(h.last().offsets["free"]), comparePlaces)
	if len(tps) == 0 {
		return false, nil
	}
	next := h.last().clone()
	if h.rng.IntN(3) == 0 {
		delete(next.offsets, "free")
		return h.try(next, func() error { return h.b.DeleteGroup("free") })
	}
	tps = tps[:1]
	if delete(next.offsets["free"], tps[0]); len(next.offsets["free"]) == 0 {
		delete(next.offsets, "free")
	}
	return h.try(next, func() error {
		errs, err := h.b.DeleteOffsets("free", tps)
		return errors.Join(append(errs, err)...)
	})
}

func (h *modelHistory) deleteRecords() (bool, error) {
	tp, ok := h.pick()
	if !ok {
		return false, nil
	}
	next := h.last().clone()
	p := next.partition(tp)
	before := p.start + Offset(h.rng.IntN(len(p.records)-int(p.start)+1))
	if !next.topics[tp.Topic].cfg.deletes() {
		if _, err := h.b.DeleteRecords(tp, before); !errors.Is(err, ErrPolicyViolation) {
			return false, fmt.Errorf("%v, want ErrPolicyViolation", err)
		}
		return false, nil
	}
	p.start = before
	return h.try(next, func() error {
		_, err := h.b.DeleteRecords(tp, before)
		return err
	})
}

// clean lets the cleaner delete and compact. It tells nobody of a full disk.
func (h *modelHistory) clean() (bool, error) {
	next := h.last().clone()
	next.cleaned = true
	done, err := h.try(next, func() error {
		h.mono += 10 * time.Minute
		h.b.cleaner.step(h.mono)
		return nil
	})
	if h.crash.left == nil {
		h.ledgers[len(h.ledgers)-1] = next.adoptStarts(h.b)
	}
	return done, err
}

// flushAll writes segments and asks for a checkpoint.
func (h *modelHistory) flushAll() (bool, error) {
	return h.try(h.last().clone(), func() error {
		h.b.wakeFlusher()
		h.b.runPending()
		return h.b.reclaim()
	})
}

func (h *modelHistory) syncNow() (bool, error) {
	if h.cfg.Durability != Interval {
		return false, nil
	}
	h.full = false
	err := h.b.journal.SyncNow()
	if err == nil && h.crash.left == nil {
		h.durable = len(h.ledgers) - 1
	}
	return err == nil, err
}

// seen returns the records that a reader of everything gets, from an offset on.
func (h *modelHistory) seen(tp TopicPartition, from Offset) (offsets []Offset, err error) {
	err = scan(h.b, tp, false, func(r *Record) error {
		if r.Offset >= from {
			offsets = append(offsets, r.Offset)
		}
		return nil
	})
	return offsets, err
}

// fetch begins at any offset, with any bound.
func (h *modelHistory) fetch() (bool, error) {
	tp, ok := h.pick()
	if !ok {
		return false, nil
	}
	p := h.last().partition(tp)
	from := p.start + Offset(h.rng.IntN(len(p.records)-int(p.start)+1))
	want, err := h.seen(tp, from)
	if err != nil {
		return false, err
	}
	c := h.b.NewConsumer()
	defer c.Close()
	if err := c.Assign(tp, from); err != nil {
		return false, err
	}
	var got []Offset
	for len(got) <= len(want) {
		fetches, err := c.Fetch(1 + h.rng.IntN(2000))
		if err != nil {
			return false, err
		}
		if len(fetches) == 0 {
			break
		}
		var r Record
		for fetches[0].Records.Next(&r) {
			got = append(got, r.Offset)
		}
		if err := fetches[0].Records.Err(); err != nil {
			return false, err
		}
	}
	if !slices.Equal(got, want) {
		return false, fmt.Errorf("%s from offset %d: %v, want %v", tp, from, got, want)
	}
	return true, nil
}

// findTime asks for the first record of a time or later.
func (h *modelHistory) findTime() (bool, error) {
	tp, ok := h.pick()
	if !ok {
		return false, nil
	}
	p := h.last().partition(tp)
	all, err := h.seen(tp, p.start)
	if err != nil || len(all) == 0 {
		return false, err
	}
	millis := p.records[all[h.rng.IntN(len(all))]].millis + h.rng.Int64N(3) - 1
	at, ok, err := h.b.OffsetForTime(tp, millis)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(o Offset) bool { return p.records[o].millis >= millis })
	if ok != (i >= 0) || ok && (at.Offset != all[i] || at.TimestampMillis != p.records[all[i]].millis) {
		return false, fmt.Errorf("%s: the first record of time %d or later is %+v, %v, want number %d of %v", tp, millis, at, ok, i, all)
	}
	return true, nil
}
