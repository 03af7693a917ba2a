package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/log"
)

// freshetSystem is the embedded log: one topic of one partition, one commit a
// batch.
func freshetSystem() system {
	return system{
		name: "freshet", module: "github.com/freshet/freshet",
		durability: map[mode]durability{
			modeSync: {"fdatasync per batch", true},
			modeOS:   {"page cache", true},
		},
		checks: "CRC-32C per batch",
		open:   openFreshet,
	}
}

type freshetStore struct {
	broker  *log.Broker
	builder *log.CommitBuilder
	topic   *log.TopicAppender
	next    int64
}

func openFreshet(_ context.Context, dir string, m mode) (store, error) {
	cfg := log.Config{Durability: log.Sync}
	if m == modeOS {
		cfg.Durability = log.OS
	}
	b, err := log.Open(dir, cfg)
	if err != nil {
		return nil, err
	}
	s := &freshetStore{broker: b, builder: b.NewCommitBuilder()}
	if _, err := b.CreateTopic(streamName, log.TopicConfig{}); err != nil && !errors.Is(err, log.ErrTopicExists) {
		return nil, errors.Join(err, b.Close())
	}
	if s.topic, err = s.builder.Topic(streamName); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return s, nil
}

func (s *freshetStore) appendBatch(_ context.Context, values [][]byte) error {
	var rec log.Record
	for _, v := range values {
		rec.Value, rec.TimestampMillis = v, startMillis+s.next
		if err := s.topic.Append(0, &rec); err != nil {
			return err
		}
		s.next++
	}
	_, err := s.broker.Commit(s.builder.Build())
	return err
}

func (s *freshetStore) readAll(_ context.Context, want int64, sum *tally) error {
	c := s.broker.NewConsumer()
	defer c.Close()
	c.ReuseMemory() // nothing is kept of a record
	if err := c.Assign(log.TopicPartition{Topic: streamName}, 0); err != nil {
		return err
	}
	const fetchBytes = 1 << 20
	var rec log.Record
	for {
		fetches, err := c.Fetch(fetchBytes)
		if err != nil || len(fetches) == 0 {
			return err
		}
		for i := range fetches {
			records := fetches[i].Records
			for records.Next(&rec) {
				sum.add(rec.Value)
			}
			if err := records.Err(); err != nil {
				return err
			}
		}
		if sum.records > want {
			return fmt.Errorf("%d records, want %d", sum.records, want)
		}
	}
}

func (s *freshetStore) close() error { return s.broker.Close() }
