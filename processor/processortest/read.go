package processortest

import (
	"fmt"
	"slices"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/processor"
)

// Read returns the records that have been committed to a topic since the last
// Read of it, by partition, then offset.
func Read[K, V any](d *Driver, topic processor.Topic[K, V]) []processor.Record[K, V] {
	d.t.Helper()
	records, next, err := readFrom(d, topic, d.read)
	d.must("read "+topic.Name(), err)
	for tp, offset := range next {
		d.read[tp] = offset
	}
	return records
}

// Table returns what all records of a topic leave as a table: the last value of
// each key.
func Table[K comparable, V any](d *Driver, topic processor.Topic[K, V]) map[K]V {
	d.t.Helper()
	records, _, err := readFrom(d, topic, nil)
	d.must("read "+topic.Name(), err)
	table := make(map[K]V)
	for _, r := range records {
		switch {
		case r.NoKey:
			d.t.Fatalf("processortest: topic %s as a table: a record has no key", topic.Name())
		case r.Tombstone:
			delete(table, r.Key)
		default:
			table[r.Key] = r.Value
		}
	}
	return table
}

// Store returns what a store holds, in all partitions together. A key that two
// of them have is an error.
func Store[K comparable, V any](d *Driver, name string) map[K]V {
	d.t.Helper()
	var partitions []int32
	for _, id := range d.stepper.Tasks() {
		partitions = append(partitions, id.Partition)
	}
	slices.Sort(partitions)
	content := make(map[K]V)
	found := false
	var why error
	for _, p := range slices.Compact(partitions) {
		store, err := processor.StoreAt[K, V](d.stepper, name, p)
		if err != nil {
			why = err
			continue
		}
		found = true
		err = store.All(func(k K, v V, _ int64) bool {
			if _, twice := content[k]; twice {
				d.t.Fatalf("processortest: store %s has the key %v in partition %d and in one before", name, k, p)
			}
			content[k] = v
			return true
		})
		d.must("read the store", err)
	}
	if !found {
		d.must("read the store", why)
	}
	return content
}

// readFrom reads a topic to its end, where from says nothing from its start. It
// returns where it stopped.
func readFrom[K, V any](d *Driver, topic processor.Topic[K, V], from map[log.TopicPartition]log.Offset) (records []processor.Record[K, V], next map[log.TopicPartition]log.Offset, err error) {
	if err := topic.Err(); err != nil {
		return nil, nil, err
	}
	description, err := d.broker.Topic(topic.Name())
	if err != nil {
		return nil, nil, err
	}
	next = make(map[log.TopicPartition]log.Offset)
	for _, p := range description.Partitions {
		tp := log.TopicPartition{Topic: topic.Name(), Partition: p.Partition}
		next[tp] = p.End
		records, err = appendPartition(records, d.broker, topic, tp, max(p.Start, from[tp]), p.End)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", tp, err)
		}
	}
	return records, next, nil
}

// readBytes is how much of a partition is fetched at once.
const readBytes = 1 << 20 // 1 MiB

func appendPartition[K, V any](records []processor.Record[K, V], broker *log.Broker, topic processor.Topic[K, V], tp log.TopicPartition, from, end log.Offset) ([]processor.Record[K, V], error) {
	consumer := broker.NewConsumer()
	defer consumer.Close()
	if err := consumer.Assign(tp, from); err != nil {
		return nil, err
	}
	for from < end {
		fetches, err := consumer.Fetch(readBytes)
		if err != nil {
			return nil, err
		}
		for i := range fetches {
			var raw log.Record
			for fetches[i].Records.Next(&raw) {
				r, err := decode(topic.Serdes(), &raw)
				if err != nil {
					return nil, fmt.Errorf("offset %d: %w", raw.Offset, err)
				}
				records = append(records, r)
			}
			if err := fetches[i].Records.Err(); err != nil {
				return nil, err
			}
			from = fetches[i].Next
		}
	}
	return records, nil
}

func decode[K, V any](serdes processor.Serdes[K, V], raw *log.Record) (r processor.Record[K, V], err error) {
	r.TimestampMillis, r.Headers = raw.TimestampMillis, slices.Clone(raw.Headers)
	if r.NoKey = raw.Key == nil; !r.NoKey {
		if r.Key, err = serdes.Key.Decode(raw.Key); err != nil {
			return r, fmt.Errorf("decode key: %w", err)
		}
	}
	if r.Tombstone = raw.Value == nil; !r.Tombstone {
		if r.Value, err = serdes.Value.Decode(raw.Value); err != nil {
			return r, fmt.Errorf("decode value: %w", err)
		}
	}
	return r, nil
}
