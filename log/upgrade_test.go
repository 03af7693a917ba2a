package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOldFormatsOpen opens a copy of a directory of each format that a release
// could have written: one that was closed, and one whose process was killed.
// Their records are those that an older version of fillOld wrote.
func TestOldFormatsOpen(t *testing.T) {
	for _, format := range []string{"format1", "format2"} {
		for name, commits := range map[string]int{"closed": 150, "killed": 200} {
			t.Run(format+"/"+name, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", format, name))); err != nil {
					t.Fatal(err)
				}
				checkOld(t, dir, format, commits)
				checkOld(t, dir, format, commits) // as the first opening has left it
			})
		}
	}
}

func checkOld(t *testing.T, dir, format string, commits int) {
	t.Helper()
	b, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	if format != "format1" {
		checkFixture(t, b, commits)
	}
	orders, accounts := map[int32]int{}, 0
	for _, tp := range []TopicPartition{{"orders", 0}, {"orders", 1}, {"orders", 2}, {"accounts", 0}} {
		for _, r := range recordsOf(t, b, tp) {
			if tp.Topic == "accounts" {
				accounts = int(r.Offset)
				checkAccount(t, r, accounts)
				accounts++
				continue
			}
			if r.Key == nil {
				continue
			}
			i := int(r.TimestampMillis-1_700_000_000_000) / 1000
			want := fmt.Sprintf("order %d of key-%03d, with some text behind it to fill a segment", i, i%17)
			if string(r.Value) != want || len(r.Headers) != 1 || r.Headers[0].Value[0] != byte(i) {
				t.Fatalf("%s: record %q with headers %v, want %q", tp, r.Value, r.Headers, want)
			}
			orders[tp.Partition]++
		}
	}
	if n := orders[0] + orders[1] + orders[2]; n != commits || accounts != commits {
		t.Fatalf("%d orders and %d accounts, want %d of each", n, accounts, commits)
	}
	last := commits - 1
	tp := TopicPartition{"orders", int32(last % 3)}
	if o, ok := b.Committed("readers", tp); !ok || o.Offset != Offset(last/4) || o.Metadata != fmt.Sprintf("at %d", last) {
		t.Fatalf("offset of %s is %+v, %v", tp, o, ok)
	}
	if d, err := b.Topic("orders"); err != nil || d.Config.Retention != NoLimit {
		t.Errorf("topic orders is kept for %v, %v; want for ever", d.Config.Retention, err)
	}
	if d, err := b.Topic("accounts"); err != nil || d.Config.CleanupPolicy != CleanupCompact || d.Config.MaxMessageBytes != 4096 {
		t.Fatalf("topic accounts is %+v, %v", d, err)
	}
}

func checkAccount(t *testing.T, r Record, i int) {
	t.Helper()
	if key := fmt.Sprintf("key-%03d", i%17); string(r.Key) != key {
		t.Fatalf("account %d has key %q, want %q", i, r.Key, key)
	}
	if want := fmt.Sprint(i); i%29 != 0 && string(r.Value) != want || i%29 == 0 && r.Value != nil {
		t.Fatalf("account %d has value %q, want %q or a tombstone at each 29th", i, r.Value, want)
	}
}

// checkFixture looks for what format 2 has more.
func checkFixture(t *testing.T, b *Broker, commits int) {
	t.Helper()
	accounts := recordsOf(t, b, TopicPartition{"accounts", 0})
	if n := len(accounts); n >= commits || n < 17 {
		t.Errorf("%d accounts, want those that compaction leaves", n)
	}
	if d, err := b.Topic("orders"); err != nil || d.Config.Retention != NoLimit || d.Config.Compression != "lz4" {
		t.Errorf("topic orders is %+v, %v", d.Config, err)
	}
	if _, err := b.Topic("gone"); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("topic gone: %v", err)
	}
	if start, _, err := b.Offsets(TopicPartition{"payments", 1}); err != nil || start != 2 {
		t.Errorf("payments-1 begins at offset %d, %v; want 2", start, err)
	}
	if f, err := b.ClaimGroup("readers"); err != nil || f.Generation < 3 {
		t.Errorf("generation %d, %v; want one after those of the fixture", f.Generation, err)
	}
	if o, ok := b.Committed("payers-committed", TopicPartition{"orders", 0}); !ok || o.Offset != 7 {
		t.Errorf("offset of the committed transaction is %+v, %v", o, ok)
	}
	for _, group := range []string{"payers-aborted", "payers-open"} {
		if o, ok := b.Committed(group, TopicPartition{"orders", 0}); ok {
			t.Errorf("%s has offset %+v of a transaction that did not commit", group, o)
		}
	}
	checkPayments(t, b)
}

func checkPayments(t *testing.T, b *Broker) {
	t.Helper()
	c := b.NewConsumer()
	defer c.Close()
	c.ReadCommitted()
	for partition, start := range []Offset{0, 2} {
		if err := c.Assign(TopicPartition{"payments", int32(partition)}, start); err != nil {
			t.Fatal(err)
		}
	}
	for {
		fetches, err := c.Fetch(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			return
		}
		for _, f := range fetches {
			var r Record
			for f.Records.Next(&r) {
				if s := string(r.Value); strings.HasPrefix(s, "aborted") || strings.HasPrefix(s, "open") {
					t.Errorf("%s: %q was never committed", f.TopicPartition, s)
				}
			}
			if err := f.Records.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// recordsOf reads a partition from its start to its end.
func recordsOf(t testing.TB, b *Broker, tp TopicPartition) (rs []Record) {
	t.Helper()
	start, _, err := b.Offsets(tp)
	if err != nil {
		t.Fatal(err)
	}
	c := b.NewConsumer()
	defer c.Close()
	if err := c.Assign(tp, start); err != nil {
		t.Fatal(err)
	}
	for {
		fetches, err := c.Fetch(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			return rs
		}
		var r Record
		for fetches[0].Records.Next(&r) {
			rs = append(rs, r)
		}
		if err := fetches[0].Records.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
