package log

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/verify"
	"github.com/google/uuid"
)

// killsPerLog is how often processes are killed over one directory, before
// another takes its place: reading it all grows longer.
const killsPerLog = 8

// longestLife is how long a process has at most, from its start: some are killed
// before they have opened the log.
const longestLife = 150 * time.Millisecond

// TestKilledProcessLosesNothing kills processes that write to a log in every
// way, FRESHET_KILLS of them, at random moments, in all durability modes. What
// they said was acknowledged is there, once; what was not is there as a whole or
// not at all.
func TestKilledProcessLosesNothing(t *testing.T) {
	seed := testSeed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	kills := testCount(t, "FRESHET_KILLS", 20)
	var all written
	for n := 0; n < kills; n += killsPerLog {
		w := written{Dir: t.TempDir(), Durability: Durability(n / killsPerLog % 3), Seed: rng.Uint64()}
		for i := range min(killsPerLog, kills-n) {
			killWriter(t, &w, time.Duration(rng.Int64N(int64(longestLife))))
			if err := killedWell(t, &w, rng); err != nil {
				t.Fatalf("FRESHET_SEED=%d: durability %v, kill %d of this log, %d in all: %v\n%+v", seed, w.Durability, i+1, n+i+1, err, w)
			}
			w.Seed = rng.Uint64()
		}
		all.add(&w)
	}
	t.Logf("%d kills, %d of them once the log was open; acknowledged: %v batches, %v commits, %d changes of keys, %d transactions",
		kills, all.Opened, all.Batches, all.Commits, all.Puts, all.Txns)
	if kills >= 20 && (all.Opened == 0 || all.Batches[0] == 0 || all.Commits[0] == 0 || all.Puts == 0 || all.Txns == 0) {
		t.Error("want some of everything")
	}
}

func (w *written) add(more *written) {
	w.Opened += more.Opened
	w.Puts += more.Puts
	w.Txns += more.Txns
	for i := range w.Batches {
		w.Batches[i] += more.Batches[i]
		w.Commits[i] += more.Commits[i]
	}
}

// killWriter starts a process, kills it, and notes what it said.
func killWriter(t *testing.T, w *written, after time.Duration) {
	t.Helper()
	arg, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	cmd := child("writer", string(arg))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // it may have failed just now
	defer timer.Stop()
	for lines := bufio.NewReader(stdout); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // it is dead
		}
		if err := w.take(line); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); stderr.Len() > 0 || err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the process ended by itself: %v\n%s", err, &stderr)
	}
}

// killedWell checks what a kill has left. At times nothing opens the log in
// between, so that the next process recovers it, and is killed maybe.
func killedWell(t *testing.T, w *written, rng *rand.Rand) error {
	if rng.IntN(3) == 0 {
		if err := verified(w.Dir); err != nil {
			return err
		}
	}
	if rng.IntN(4) == 0 {
		return nil
	}
	b, err := Open(w.Dir, Config{Durability: w.Durability})
	if err != nil {
		return err
	}
	var errs []error
	if w.Opened > 0 {
		errs = append(errs, checkBatches(b, w), checkCommits(b, w), checkKeys(b, w), checkTxns(b, w))
	}
	return errors.Join(append(errs, b.Close())...)
}

// verified asks the reader that shares no code with the log.
func verified(dir string) error {
	var o verify.Options
	if id, err := uuid.Parse(bootID()); err == nil {
		o.Boot = id
	}
	r, err := verify.Directory(os.DirFS(dir), o)
	if errors.Is(err, verify.ErrNotALog) {
		return nil // it was killed before it had made one
	}
	if err == nil && !r.OK() {
		err = fmt.Errorf("verify: %v", r.Problems)
	}
	return err
}

// scan calls f with each record of a partition that a reader sees.
func scan(b *Broker, tp TopicPartition, committed bool, f func(*Record) error) error {
	c := b.NewConsumer()
	defer c.Close()
	if committed {
		c.ReadCommitted()
	}
	start, end, err := b.Offsets(tp)
	if err == nil {
		err = c.Assign(tp, start)
	}
	last := start - 1
	for at := start; err == nil && at < end; {
		var fetches []Fetch
		if fetches, err = c.Fetch(1 << 20); err != nil || len(fetches) == 0 {
			break
		}
		at = fetches[0].Next
		var r Record
		for fetches[0].Records.Next(&r) {
			if r.Offset <= last {
				return fmt.Errorf("%s: offset %d after %d", tp, r.Offset, last)
			}
			last = r.Offset
			if err := f(&r); err != nil {
				return fmt.Errorf("%s at offset %d: %w", tp, r.Offset, err)
			}
		}
		err = fetches[0].Records.Err()
	}
	return err
}

// inTurn says that, of operations counted from 1, the last one that is there is
// not what it may be: the last one acknowledged, or the one after it.
func inTurn(what string, there, acknowledged int) error {
	if there < acknowledged || there > acknowledged+1 {
		return fmt.Errorf("%s: %d are there, %d were acknowledged", what, there, acknowledged)
	}
	return nil
}

// checkBatches wants the records of each idempotent producer one after the
// other, each once, and the last batch in both partitions or in none. The oldest
// may have been deleted.
func checkBatches(b *Broker, w *written) error {
	var last [2][2]int
	for p := range int32(2) {
		var batchOf, recordOf [2]int
		err := scan(b, TopicPartition{"batches", p}, false, func(r *Record) error {
			var i, k, n int
			if _, err := fmt.Sscan(string(r.Value), &i, &k, &n); err != nil {
				return err
			}
			wantBatch, wantRecord := batchOf[i], recordOf[i]+1
			if wantBatch > 0 && wantRecord == recordsOfBatch(wantBatch) {
				wantBatch, wantRecord = wantBatch+1, 0
			}
			if batchOf[i] == 0 {
				wantBatch, wantRecord = k, 0
			}
			if k != wantBatch || n != wantRecord {
				return fmt.Errorf("producer %d: record %d of batch %d, want %d of %d", i, n, k, wantRecord, wantBatch)
			}
			batchOf[i], recordOf[i] = k, n
			return nil
		})
		if err != nil {
			return err
		}
		last[p] = batchOf
		for i, k := range batchOf {
			if k > 0 && recordOf[i] != recordsOfBatch(k)-1 {
				return fmt.Errorf("producer %d: only %d records of batch %d are there", i, recordOf[i]+1, k)
			}
			if err := inTurn(fmt.Sprintf("batches of producer %d in partition %d", i, p), k, w.Batches[i]); err != nil {
				return err
			}
		}
	}
	if last[0] != last[1] {
		return fmt.Errorf("last batches are %d in one partition and %d in the other", last[0], last[1])
	}
	return nil
}

// checkCommits wants every commit in all partitions, and the offset of the last.
func checkCommits(b *Broker, w *written) error {
	for p := range int32(3) {
		var last [2]int
		err := scan(b, TopicPartition{"commits", p}, false, func(r *Record) error {
			var i, k int
			if _, err := fmt.Sscan(string(r.Key), &i, &k); err != nil {
				return err
			}
			if k != last[i]+1 {
				return fmt.Errorf("writer %d: commit %d after %d", i, k, last[i])
			}
			last[i] = k
			return nil
		})
		if err != nil {
			return err
		}
		for i, k := range last {
			o, _ := b.Committed("commits-"+strconv.Itoa(i), TopicPartition{"commits", 0})
			if int(o.Offset) != k {
				return fmt.Errorf("writer %d: the offset is %d, the last commit in partition %d is %d", i, o.Offset, p, k)
			}
			if err := inTurn(fmt.Sprintf("commits of writer %d", i), k, w.Commits[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkKeys wants the last value of each key.
func checkKeys(b *Broker, w *written) error {
	got := map[string]string{}
	for p := range int32(2) {
		err := scan(b, TopicPartition{"keys", p}, false, func(r *Record) error {
			if value, _, _ := strings.Cut(string(r.Value), " "); value != "" {
				got[string(r.Key)] = value
			} else {
				delete(got, string(r.Key))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	acknowledged, next := map[string]string{}, map[string]string{}
	for k := 1; k <= w.Puts+1; k++ {
		if k == w.Puts+1 {
			acknowledged = maps.Clone(next)
		}
		key, value := change(k)
		if next[key] = value; value == "" {
			delete(next, key)
		}
	}
	if !maps.Equal(got, acknowledged) && !maps.Equal(got, next) {
		return fmt.Errorf("values of keys are %v, want %v or, after the next change, %v", got, acknowledged, next)
	}
	return nil
}

// checkTxns wants every transaction that was committed as a whole, no other, and
// the offset of the last.
func checkTxns(b *Broker, w *written) error {
	there := map[int]int{}
	for p := range int32(3) {
		last := 0
		err := scan(b, TopicPartition{"txns", p}, true, func(r *Record) error {
			var k, n int
			var commit bool
			if _, err := fmt.Sscan(string(r.Value), &k, &n, &commit); err != nil {
				return err
			}
			if !commit || k < last {
				return fmt.Errorf("record %d of transaction %d after %d, to be committed: %v", n, k, last, commit)
			}
			last = k
			there[k]++
			return nil
		})
		if err != nil {
			return err
		}
	}
	for k := range len(there) {
		if there[k+1] != txnRecords {
			return fmt.Errorf("%d records of transaction %d of %d", there[k+1], k+1, len(there))
		}
	}
	o, _ := b.Committed("txns", TopicPartition{"txns", 0})
	if int(o.Offset) != len(there) {
		return fmt.Errorf("the offset is %d, %d transactions are there", o.Offset, len(there))
	}
	return inTurn("transactions", len(there), w.Txns)
}
