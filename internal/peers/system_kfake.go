package main

import (
	"context"
	"errors"
	"fmt"
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
	client  *kgo.Client // that produces
	records []*kgo.Record
	next    int64
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
	// A synchronous produce ends lingering as soon as its last record is in
	// the batch; without lingering the first record would go alone.
	const linger = 5 * time.Second
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic(streamName),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(linger), kgo.DisableClientMetrics())
	if err != nil {
		c.Close()
		return nil, err
	}
	return &kfakeStore{cluster: c, client: client}, nil
}

func (s *kfakeStore) appendBatch(ctx context.Context, values [][]byte) error {
	for len(s.records) < len(values) {
		s.records = append(s.records, new(kgo.Record))
	}
	for i, v := range values {
		*s.records[i] = kgo.Record{Value: v, Timestamp: time.UnixMilli(startMillis + s.next)}
		s.next++
	}
	return s.client.ProduceSync(ctx, s.records[:len(values)]...).FirstErr()
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
