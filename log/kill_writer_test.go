package log

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/batch"
)

// A written tells what a process that writes has said before it was killed, and
// is what the next one goes on from. All counts begin at 1; the operation after
// the one that was acknowledged last may be there or not.
type written struct {
	Dir        string
	Durability Durability
	Seed       uint64

	Opened    int                  // processes that got that far
	Producers [2]*ProducerIdentity // of the idempotent writers, once they have one
	Batches   [2]int               // of each, acknowledged
	Commits   [2]int               // of each writer of whole commits
	Puts      int                  // of keys that are compacted
	Txns      int                  // committed
}

// take notes one line of the process.
func (w *written) take(line string) error {
	var what string
	var n, of int
	var id ProducerIdentity
	if _, err := fmt.Sscan(line, &what, &of, &n); err != nil {
		return fmt.Errorf("line %q: %w", line, err)
	}
	switch what {
	case "opened":
		w.Opened += n
	case "producer":
		if _, err := fmt.Sscan(line, &what, &of, &id.ID, &id.Epoch); err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
		w.Producers[of] = &id
	case "batch":
		w.Batches[of] = n
	case "commit":
		w.Commits[of] = n
	case "put":
		w.Puts = n
	case "txn":
		w.Txns = n
	default:
		return fmt.Errorf("line %q makes no sense", line)
	}
	return nil
}

// say tells the parent. The kernel keeps what a process that is killed has
// written into a pipe.
func say(format string, args ...any) error {
	_, err := os.Stdout.WriteString(fmt.Sprintf(format, args...) + "\n")
	return err
}

// writerConfig has files so small that there is always something to flush, to
// checkpoint, to compact and to delete.
func writerConfig(w written) Config {
	return Config{
		Durability: w.Durability, SyncInterval: 3 * time.Millisecond,
		JournalBytes: 128 << 10, SegmentBytes: 16 << 10, TailBytes: 32 << 10,
		RetentionCheckInterval: 5 * time.Millisecond, CleanerBackoff: 5 * time.Millisecond,
		placeBytes: 1 << 10,
	}
}

var writerTopics = map[string]TopicConfig{
	"batches": {Partitions: 2, RetentionBytes: 64 << 10},
	"commits": {Partitions: 3, CleanupPolicy: CleanupCompact, MinCleanableRatio: 1e-9},
	"keys":    {Partitions: 2, CleanupPolicy: CleanupCompact, MinCleanableRatio: 0.1, DeleteRetention: time.Millisecond},
	"txns":    {Partitions: 3},
}

// writerMain is the program: it opens the log and writes to it in every way,
// all at the same time, until it is killed.
func writerMain(arg string) error {
	var w written
	if err := json.Unmarshal([]byte(arg), &w); err != nil {
		return err
	}
	b, err := Open(w.Dir, writerConfig(w))
	if err != nil {
		return err
	}
	for name, cfg := range writerTopics {
		if _, err := b.CreateTopic(name, cfg); err != nil && !errors.Is(err, ErrTopicExists) {
			return err
		}
	}
	if err := say("opened 0 1"); err != nil {
		return err
	}
	failed := make(chan error)
	for i, write := range []func(*Broker, written, *rand.Rand) error{
		func(b *Broker, w written, rng *rand.Rand) error { return writeBatches(b, w, 0, rng) },
		func(b *Broker, w written, rng *rand.Rand) error { return writeBatches(b, w, 1, rng) },
		func(b *Broker, w written, rng *rand.Rand) error { return writeCommits(b, 0, rng) },
		func(b *Broker, w written, rng *rand.Rand) error { return writeCommits(b, 1, rng) },
		writeKeys, writeTxns,
	} {
		go func() { failed <- write(b, w, rand.New(rand.NewPCG(w.Seed, uint64(i)))) }()
	}
	return <-failed
}

// filler makes values of different sizes, some large enough to be placed.
func filler(rng *rand.Rand) string {
	n := rng.IntN(100)
	if rng.IntN(20) == 0 {
		n = rng.IntN(3000)
	}
	return strings.Repeat("x", n)
}

// recordsOfBatch is how many records the k-th batch has.
func recordsOfBatch(k int) int { return 1 + k%4 }

// firstSequence is close to where sequences begin anew.
const firstSequence = math.MaxInt32 - 500

// sequenceAfter is Kafka's: 0 follows the largest number.
func sequenceAfter(s int32, n int) int32 { return int32((int64(s) + int64(n)) % (math.MaxInt32 + 1)) }

// writeBatches is an idempotent producer: it sends each batch to both
// partitions, and what was not acknowledged again in its next life.
func writeBatches(b *Broker, w written, i int, rng *rand.Rand) error {
	id := w.Producers[i]
	if id == nil {
		given, err := b.InitProducerID(InitProducerIDRequest{Current: NoProducer})
		if err != nil {
			return err
		}
		id = &given
		if err := say("producer %d %d %d", i, id.ID, id.Epoch); err != nil {
			return err
		}
	}
	sequence := int32(firstSequence)
	for k := 1; ; k++ {
		n := recordsOfBatch(k)
		if k > w.Batches[i] {
			if err := sendBatch(b, *id, sequence, i, k, rng); err != nil {
				return fmt.Errorf("batch %d of producer %d: %w", k, i, err)
			}
			if err := say("batch %d %d", i, k); err != nil {
				return err
			}
		}
		sequence = sequenceAfter(sequence, n)
	}
}

func sendBatch(b *Broker, id ProducerIdentity, sequence int32, i, k int, rng *rand.Rand) error {
	var send []AppendBatch
	for p := range int32(2) {
		var builder batch.Builder
		for n := range recordsOfBatch(k) {
			value := fmt.Sprintf("%d %d %d %s", i, k, n, filler(rng))
			builder.Append(time.Now().UnixMilli(), nil, []byte(value), nil)
		}
		builder.SetProducer(id.ID, id.Epoch, sequence)
		send = append(send, AppendBatch{TopicPartition{"batches", p}, builder.Finish()})
	}
	results, err := b.AppendBatches(send, AppendOptions{})
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	return err
}

// found returns the offset from which a life goes on, and says it: what the life
// before had no time to acknowledge counts as acknowledged now.
func found(b *Broker, what string, i int, group string, tp TopicPartition) (CommittedOffset, error) {
	o, ok := b.Committed(group, tp)
	if !ok {
		return o, nil
	}
	return o, say("%s %d %d", what, i, o.Offset)
}

// writeCommits writes one record to each partition and the number of the commit
// as the offset of a group, from which the next life goes on.
func writeCommits(b *Broker, i int, rng *rand.Rand) error {
	group := "commits-" + strconv.Itoa(i)
	tp := TopicPartition{"commits", 0}
	o, err := found(b, "commit", i, group, tp)
	if err != nil {
		return err
	}
	c := b.NewCommitBuilder()
	for k := int(o.Offset) + 1; ; k++ {
		for p := range int32(3) {
			r := Record{Key: fmt.Appendf(nil, "%d %d", i, k), Value: []byte(filler(rng)), TimestampMillis: time.Now().UnixMilli()}
			if err := c.Append("commits", p, &r); err != nil {
				return err
			}
		}
		if err := c.SetOffset(group, tp, CommittedOffset{Offset: Offset(k)}); err != nil {
			return err
		}
		if _, err := b.Commit(c.Build()); err != nil {
			return fmt.Errorf("commit %d: %w", k, err)
		}
		if err := say("commit %d %d", i, k); err != nil {
			return err
		}
	}
}

// putKeys is how many keys there are.
const putKeys = 20

// change is the k-th change of the keys: a value, or none.
func change(k int) (key, value string) {
	key = strconv.Itoa(k * 7 % putKeys)
	if k%5 == 0 {
		return key, ""
	}
	return key, strconv.Itoa(k)
}

// writeKeys changes one key after the other, a life may begin with the last
// change of the one before.
func writeKeys(b *Broker, w written, rng *rand.Rand) error {
	c := b.NewCommitBuilder()
	for k := w.Puts + 1; ; k++ {
		key, value := change(k)
		r := Record{Key: []byte(key), TimestampMillis: time.Now().UnixMilli()}
		if value != "" {
			r.Value = []byte(value + " " + filler(rng))
		}
		if err := c.Append("keys", Partition(r.Key, 2), &r); err != nil {
			return err
		}
		if _, err := b.Commit(c.Build()); err != nil {
			return fmt.Errorf("put %d: %w", k, err)
		}
		if err := say("put 0 %d", k); err != nil {
			return err
		}
	}
}

// writeTxns commits transactions one after the other, aborting some tries.
func writeTxns(b *Broker, _ written, rng *rand.Rand) error {
	ctx := context.Background()
	p, err := b.NewTransactionalProducer(ctx, TransactionalConfig{ID: "txns"})
	if err != nil {
		return err
	}
	o, err := found(b, "txn", 0, "txns", TopicPartition{"txns", 0})
	if err != nil {
		return err
	}
	for k := int(o.Offset) + 1; ; {
		commit := rng.IntN(4) > 0
		if err := writeTxn(ctx, p, k, commit, rng); err != nil {
			return fmt.Errorf("transaction %d: %w", k, err)
		}
		if !commit {
			continue
		}
		if err := say("txn 0 %d", k); err != nil {
			return err
		}
		k++
	}
}

// txnRecords is how many records a transaction has, over three partitions.
const txnRecords = 5

func writeTxn(ctx context.Context, p *TransactionalProducer, k int, commit bool, rng *rand.Rand) error {
	if err := p.Begin(); err != nil {
		return err
	}
	for n := range txnRecords {
		r := Record{Key: []byte(strconv.Itoa(n)), Value: fmt.Appendf(nil, "%d %d %v %s", k, n, commit, filler(rng))}
		if err := p.Produce(ctx, "txns", r); err != nil {
			return err
		}
	}
	o := GroupOffset{TopicPartition{"txns", 0}, CommittedOffset{Offset: Offset(k)}}
	if !commit {
		o.Offset += 1000 // nobody must see it
	}
	if err := p.SendOffsets(ctx, "txns", GroupMembership{}, o); err != nil {
		return err
	}
	if !commit {
		return p.Abort(ctx)
	}
	return p.Commit(ctx)
}
