package log

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/vfs"
)

// TestFollowerBesideABusyOwner reads beside an owner that places, flushes,
// checkpoints, compacts and deletes all the time. Every record that is seen is the
// one that was written at its offset, and nothing of an aborted transaction is.
func TestFollowerBesideABusyOwner(t *testing.T) {
	mem := vfs.NewMem()
	cfg := Config{
		Durability: OS, JournalBytes: 64 << 10, SegmentBytes: 8 << 10, TailBytes: 32 << 10, placeBytes: 500,
		RetentionCheckInterval: 3 * time.Millisecond, CleanerBackoff: 3 * time.Millisecond,
	}
	b := open(t, mem, cfg)
	topics := map[string]TopicConfig{
		"deleted": {RetentionBytes: 32 << 10}, "compacted": {CleanupPolicy: CleanupCompact, MinCleanableRatio: 1e-9},
	}
	for name, cfg := range topics {
		if _, err := b.CreateTopic(name, cfg); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openReadOnlyFS(mem, ".", Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := b.NewTransactionalProducer(ctx, TransactionalConfig{ID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, len(topics))
	for name := range topics {
		go func() { read <- readBeside(ctx, r, name) }()
	}
	for n := range 1500 {
		value := "commit"
		if n%3 == 0 {
			value = "abort"
		}
		rec := Record{Key: fmt.Append(nil, n%50), Value: []byte(value + strings.Repeat(" ", n*37%1500))}
		err := errors.Join(p.Begin(), p.Produce(ctx, "deleted", rec), p.Produce(ctx, "compacted", rec))
		if value == "abort" {
			err = errors.Join(err, p.Abort(ctx))
		} else {
			err = errors.Join(err, p.Commit(ctx))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range topics {
		produce(t, b, name, "end")
	}
	for range topics {
		if err := <-read; err != nil {
			t.Error(err)
		}
	}
}

// readBeside reads a topic until a record says that it is the last.
func readBeside(ctx context.Context, r *Broker, topic string) error {
	c := r.NewConsumer()
	defer c.Close()
	c.ReadCommitted()
	tp := TopicPartition{topic, 0}
	if err := c.Assign(tp, 0); err != nil {
		return err
	}
	for next := Offset(0); ; {
		fetches, err := c.Poll(ctx, 4<<10)
		if errors.Is(err, ErrOffsetOutOfRange) {
			start, _, err := r.Offsets(tp)
			if err == nil {
				err = c.Seek(tp, start)
			}
			if err != nil && !errors.Is(err, ErrOffsetOutOfRange) {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("%s at offset %d: %w", topic, next, err)
		}
		for _, f := range fetches {
			for rec := (Record{}); f.Records.Next(&rec); {
				if rec.Offset < next {
					return fmt.Errorf("%s: offset %d after %d", topic, rec.Offset, next)
				}
				next = rec.Offset + 1
				switch value := strings.TrimRight(string(rec.Value), " "); value {
				case "end":
					return nil
				case "commit":
				default:
					return fmt.Errorf("%s at offset %d: %q", topic, rec.Offset, value)
				}
			}
			if err := f.Records.Err(); err != nil {
				return fmt.Errorf("%s at offset %d: %w", topic, next, err)
			}
		}
	}
}
