package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsAtomicSystem is NATS JetStream with its atomic batches, which become
// visible as a whole, as a commit of Freshet does. The headers that make a
// batch of them are stored with each record. The server stages each batch in a
// store of its own, in files, before it goes to the stream.
//
// A batch of one record is left out: nobody would, since publishing one is
// atomic anyway, and staging it takes milliseconds.
//
// Source: NATS ADR-50.
func natsAtomicSystem() system {
	s := natsBy("nats atomic", (*natsStore).publishAtomic, map[mode]durability{
		modeSync: {"fsync per batch, staged before", true},
		modeOS:   {"page cache, sync_interval 2m, staged before", true},
	})
	s.minBatch = 2
	return s
}

func (s *natsStore) publishAtomic(ctx context.Context, values [][]byte) error {
	s.batches++
	id := strconv.FormatInt(s.batches, 10)
	for i, v := range values {
		msg := &nats.Msg{Subject: streamName, Data: v, Header: nats.Header{
			"Nats-Batch-Id":       {id},
			"Nats-Batch-Sequence": {strconv.Itoa(i + 1)},
		}}
		if i == len(values)-1 {
			msg.Header["Nats-Batch-Commit"] = []string{"1"}
			return s.commitAtomic(ctx, msg, len(values))
		}
		if err := s.conn.PublishMsg(msg); err != nil {
			return err
		}
	}
	return nil
}

// commitAtomic publishes the last record of a batch and waits for the one
// acknowledgement of them all.
func (s *natsStore) commitAtomic(ctx context.Context, last *nats.Msg, size int) error {
	reply, err := s.conn.RequestMsgWithContext(ctx, last)
	if err != nil {
		return err
	}
	var ack struct {
		Error *jetstream.APIError `json:"error"`
		Size  int                 `json:"count"` // of the batch
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return fmt.Errorf("acknowledgement %q: %w", reply.Data, err)
	}
	if ack.Error != nil {
		return ack.Error
	}
	if ack.Size != size {
		return fmt.Errorf("acknowledgement %q, want a batch of %d", reply.Data, size)
	}
	return nil
}
