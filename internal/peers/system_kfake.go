package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kfakeSystem is a Kafka broker in this process, made for tests, with the
// franz-go client before it; they speak Kafka's protocol over the loopback
// interface. A batch of the client is a batch of the log.
func kfakeSystem() system {
	return system{
		name: "kfake+franz-go", module: "github.com/twmb/franz-go/pkg/kfake",
		durability: map[mode]durability{
			modeSync:   {"fsync of two files per batch", true},
			modeOS:     {"page cache", true},
			modeMemory: {"memory only", false},
		},
		checks: "CRC-32C per batch",
		open:   openKfake,
	}
}

type kfakeStore struct {
	cluster *kfake.Cluster
	client  *kgo.Client  // that produces
	records []kgo.Record // of a batch, used again
	next    int64

	mu struct { // the client acknowledges on goroutines of its own
		sync.Mutex
		acknowledged int // of the batch
		err          error
	}
}

func openKfake(_ context.Context, dir string, m mode) (store, error) {
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, streamName)}
	if m != modeMemory {
		opts = append(opts, kfake.DataDir(dir))
	}
	if m == modeSync {
		opts = append(opts, kfake.SyncWrites())
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, err
	}
	// Flushing by hand keeps a batch together: otherwise its first record may
	// go alone.
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic(streamName),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ManualFlushing(), kgo.DisableClientMetrics())
	if err != nil {
		c.Close()
		return nil, err
	}
	return &kfakeStore{cluster: c, client: client}, nil
}

func (s *kfakeStore) appendBatch(ctx context.Context, values [][]byte) error {
	if len(s.records) < len(values) {
		s.records = make([]kgo.Record, len(values))
	}
	s.mu.Lock()
	s.mu.acknowledged = 0
	s.mu.Unlock()
	for i, v := range values {
		s.records[i] = kgo.Record{Value: v, Timestamp: time.UnixMilli(startMillis + s.next)}
		s.client.Produce(ctx, &s.records[i], s.acknowledge)
		s.next++
	}
	if err := s.client.Flush(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.err == nil && s.mu.acknowledged != len(values) {
		return fmt.Errorf("%d records acknowledged, want %d", s.mu.acknowledged, len(values))
	}
	return s.mu.err
}

func (s *kfakeStore) acknowledge(_ *kgo.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.acknowledged++
	s.mu.err = errors.Join(s.mu.err, err)
}

func (s *kfakeStore) readAll(ctx context.Context, want int64, sum *tally) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.DisableClientMetrics(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{streamName: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return err
	}
	defer client.Close()
	for sum.records < want {
		fetches := client.PollFetches(ctx)
		if err := errors.Join(fetches.Err0(), firstFetchError(fetches)); err != nil {
			return err
		}
		var wrong error
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if p.HighWatermark != want {
				wrong = fmt.Errorf("%d records in the partition, want %d", p.HighWatermark, want)
			}
			for _, r := range p.Records {
				sum.add(r.Value)
			}
		})
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

func firstFetchError(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		return fmt.Errorf("fetch %s-%d: %w", e.Topic, e.Partition, e.Err)
	}
	return nil
}

// close ends the broker, which tells nobody whether what it still wrote
// succeeded; reading everything afterwards does.
func (s *kfakeStore) close() error {
	s.client.Close()
	s.cluster.Close()
	return nil
}
