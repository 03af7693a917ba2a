package processor

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/freshet/freshet/log"
)

// A ConsumeOption changes how [Topic.Consume] reads.
type ConsumeOption func(*consumeOptions)

type consumeOptions struct{ stopAtEnd bool }

// StopAtEnd ends the reading where the topic ended when it began.
func StopAtEnd() ConsumeOption { return func(o *consumeOptions) { o.stopAtEnd = true } }

// Consume yields the records of the topic from the beginning, in order within
// a partition, and follows it until ctx ends. An error ends it; that ctx ended
// is none.
//
// With [OnDir] it reads beside the process that owns the directory, a moment
// behind; in that process, [OnLog] of its broker is nearer.
func (t Topic[K, V]) Consume(ctx context.Context, from Where, options ...ConsumeOption) iter.Seq2[Record[K, V], error] {
	var o consumeOptions
	for _, option := range options {
		option(&o)
	}
	return func(yield func(Record[K, V], error) bool) {
		more := true
		err := t.consume(ctx, from, o, func(r Record[K, V]) bool {
			more = yield(r, nil)
			return more
		})
		if err != nil && more && ctx.Err() == nil {
			yield(Record[K, V]{}, fmt.Errorf("consume %s: %w", t.name, err))
		}
	}
}

func (t Topic[K, V]) consume(ctx context.Context, from Where, o consumeOptions, each func(Record[K, V]) bool) (err error) {
	if err := t.Err(); err != nil {
		return err
	}
	cluster, err := from.OpenReader()
	if err != nil {
		return err
	}
	if c, ok := cluster.(io.Closer); ok {
		defer func() {
			if e := c.Close(); err == nil {
				err = e
			}
		}()
	}
	consumer, err := cluster.NewConsumer()
	if err != nil {
		return err
	}
	defer consumer.Close()
	r := topicReader{consumer: consumer, left: make(map[log.TopicPartition]log.Offset)}
	if err := r.assign(cluster, t.name); err != nil {
		return err
	}
	for !o.stopAtEnd || len(r.left) > 0 {
		fetches, err := r.poll(ctx)
		if err != nil {
			return err
		}
		for i := range fetches {
			more, err := decodeFetch(t, &fetches[i], r.limit(fetches[i], o), each)
			if err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// noLimit is above every offset.
const noLimit = log.Offset(1<<63 - 1)

// decodeFetch hands out records below a limit until each returns false.
func decodeFetch[K, V any](t Topic[K, V], f *log.Fetch, limit log.Offset, each func(Record[K, V]) bool) (more bool, err error) {
	var raw log.Record
	for f.Records.Next(&raw) && raw.Offset < limit {
		var record Record[K, V]
		if err := decodeRecord(t.Serdes(), &raw, &record); err != nil {
			return false, fmt.Errorf("%s offset %d: %w", f.TopicPartition, raw.Offset, err)
		}
		if !each(record) {
			return false, nil
		}
	}
	return true, f.Records.Err()
}

// A topicReader reads all partitions of a topic from their starts.
type topicReader struct {
	consumer Consumer
	left     map[log.TopicPartition]log.Offset // ends not yet reached
}

func (r *topicReader) assign(cluster Cluster, topic string) error {
	d, err := cluster.Topic(topic)
	if err != nil {
		return withWayOut(err)
	}
	for _, p := range d.Partitions {
		tp := log.TopicPartition{Topic: topic, Partition: p.Partition}
		if err := r.consumer.Assign(tp, p.Start); err != nil {
			return err
		}
		if p.End > p.Start {
			r.left[tp] = p.End
		}
	}
	return nil
}

func (r *topicReader) poll(ctx context.Context) ([]log.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fetches, err := r.consumer.Fetch(DefaultFetchBytes)
		if err != nil || len(fetches) > 0 {
			return fetches, err
		}
		select {
		case <-r.consumer.Ready():
		case <-ctx.Done():
		}
	}
}

// limit returns where to stop in a fetch, and notes what it reached.
func (r *topicReader) limit(f log.Fetch, o consumeOptions) log.Offset {
	if !o.stopAtEnd {
		return noLimit
	}
	end := r.left[f.TopicPartition]
	if f.Next >= end {
		delete(r.left, f.TopicPartition)
	}
	return end
}
