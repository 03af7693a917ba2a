package bench

import (
	"errors"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
)

const benchTopic = "bench"

var benchPartition = log.TopicPartition{Topic: benchTopic, Partition: 0}

// appendFreshet appends the same records to the log, one commit a batch, and
// closes it: see the package comment for what that includes.
func appendFreshet(dir string, w logWork) (o outcome, err error) {
	err = inScratch(dir, func(_ string, fsys vfs.FS) error {
		return sideFreshet.label(func() error {
			clock := &syncClock{FS: fsys}
			b, err := openNew(clock, w.durability)
			if err != nil {
				return err
			}
			m := startMeter()
			o.sum, err = commitBatches(b, w)
			o.acknowledged = time.Since(m.at)
			clock.start()
			err = errors.Join(err, b.Close())
			o.cost = m.stop()
			if w.durability != log.Sync {
				o.wall -= min(clock.total(), o.wall-o.acknowledged)
			}
			return err
		})
	})
	return o, err
}

// openNew opens a new log with one topic of one partition.
func openNew(fsys vfs.FS, d log.Durability) (*log.Broker, error) {
	b, err := log.OpenFS(fsys, log.Config{Durability: d})
	if err != nil {
		return nil, err
	}
	if _, err := b.CreateTopic(benchTopic, log.TopicConfig{}); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func commitBatches(b *log.Broker, w logWork) (sum checksum, err error) {
	c := b.NewCommitBuilder()
	topic, err := c.Topic(benchTopic)
	if err != nil {
		return sum, err
	}
	values := w.values()
	var rec log.Record
	next := int64(0)
	for range w.batches {
		for range w.batchRecords {
			rec.Value = values[next%int64(len(values))]
			rec.TimestampMillis = startMillis + next
			if err := topic.Append(0, &rec); err != nil {
				return sum, err
			}
			sum.add(rec.Value)
			next++
		}
		if _, err := b.Commit(c.Build()); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// readFreshet reads the same records from the segments of a log that was
// closed and opened again, so that nothing of them is in its memory.
func readFreshet(dir string, w logWork) (o outcome, err error) {
	err = inScratch(dir, func(_ string, fsys vfs.FS) error {
		b, err := openNew(fsys, log.OS)
		if err != nil {
			return err
		}
		_, err = commitBatches(b, w)
		if err := errors.Join(err, b.Close()); err != nil {
			return err
		}
		return sideFreshet.label(func() error {
			b, err := log.OpenFS(fsys, log.Config{Durability: log.OS})
			if err != nil {
				return err
			}
			err = w.reading(&o, func() error { return consumeAll(b, &o.sum) })
			return errors.Join(err, b.Close())
		})
	})
	return o, err
}

func consumeAll(b *log.Broker, sum *checksum) error {
	var rec log.Record
	return eachFetch(b, func(records log.Records) error {
		for records.Next(&rec) {
			sum.add(rec.Value)
		}
		return records.Err()
	})
}

// eachFetch reads the topic to its end, keeping nothing of a record, as the
// loop by hand does not either.
func eachFetch(b *log.Broker, each func(log.Records) error) error {
	c := b.NewConsumer()
	defer c.Close()
	c.ReuseMemory()
	if err := c.Assign(benchPartition, 0); err != nil {
		return err
	}
	for {
		fetches, err := c.Fetch(readBytes)
		if err != nil || len(fetches) == 0 {
			return err
		}
		for i := range fetches {
			if err := each(fetches[i].Records); err != nil {
				return err
			}
		}
	}
}
