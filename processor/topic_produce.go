package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/log"
)

// Produce appends records to the topic, all or none, each to the partition of
// its key. A timestamp of zero becomes the time of the call. The topic must
// exist, see [Topic.Create].
func (t Topic[K, V]) Produce(ctx context.Context, to Producer, records ...Record[K, V]) error {
	if err := t.Err(); err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	encoded := make([]log.Record, len(records))
	for i := range records {
		if err := t.encode(&records[i], &encoded[i]); err != nil {
			return fmt.Errorf("produce to %s: record %d: %w", t.name, i, err)
		}
		if encoded[i].TimestampMillis == 0 {
			encoded[i].TimestampMillis = now
		}
	}
	if err := to.Produce(ctx, t.name, encoded...); err != nil {
		return fmt.Errorf("produce to %s: %w", t.name, withWayOut(err))
	}
	return nil
}

// withWayOut says how a topic that is not there comes to be.
func withWayOut(err error) error {
	if errors.Is(err, log.ErrUnknownTopic) {
		return fmt.Errorf("%w (Topic.Create makes it, or an App that reads or writes it)", err)
	}
	return err
}

func (t Topic[K, V]) encode(r *Record[K, V], out *log.Record) error {
	out.TimestampMillis, out.Headers = r.TimestampMillis, r.Headers
	if !r.NoKey {
		key, err := t.key.Append(nil, r.Key)
		if err != nil {
			return fmt.Errorf("encode key: %w", err)
		}
		out.Key = notNil(key)
	}
	if !r.Tombstone {
		value, err := t.value.Append(nil, r.Value)
		if err != nil {
			return fmt.Errorf("encode value: %w", err)
		}
		out.Value = notNil(value)
	}
	return nil
}
