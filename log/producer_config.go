package log

import (
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/batch"
)

// Defaults of [ProducerConfig].
const (
	DefaultBatchBytes  = batchBytes // 1 MiB
	DefaultBufferBytes = 32 << 20   // 32 MiB
)

// A Partitioner chooses the partition of a record, 0 to partitions-1. A negative
// number leaves the choice to the producer's own rule. It keeps nothing of r and
// may be called by any goroutine that produces, one at a time.
type Partitioner func(topic string, r *Record, partitions int32) int32

// A ProducerConfig sets up a [Producer]. The zero value works.
type ProducerConfig struct {
	// Linger is how long a record that was given to ProduceAsync waits for
	// others to come, so that they share a commit. Default 0: it is committed
	// as soon as the commit before it is done, which under load gathers them as
	// well. Kafka's linger.ms.
	Linger time.Duration

	// BatchBytes is the size at which a batch is finished, before compression; a
	// full one does not linger. Default and most 1 MiB, and never more than the
	// topic's MaxMessageBytes. Kafka's batch.size.
	BatchBytes int

	// BufferBytes bounds the memory that records given to ProduceAsync take
	// until they are committed; past it ProduceAsync waits. Default 32 MiB.
	// Kafka's buffer.memory.
	BufferBytes int64

	// Compression is "none", "gzip", "snappy", "lz4" or "zstd", for topics whose
	// own Compression is CompressionProducer. A batch that it does not make
	// smaller stays as it is. Default "none".
	Compression string

	// Partitioner chooses partitions. Default: none, see [Producer].
	Partitioner Partitioner

	// Idempotent numbers the records, so that each batch bears an id of its
	// producer and the log can tell one that comes twice. Calls of this Producer
	// never repeat a commit, so nothing is gained inside one process; it is for
	// batches that leave it: what a mirror or a client sends again over a
	// network, and what a program appends again with [Broker.AppendBatches]
	// because ErrPoisoned left it not knowing. It costs a checksum a batch.
	Idempotent bool
}

func (c ProducerConfig) withDefaults() (ProducerConfig, batch.Codec, error) {
	var errs []error
	if c.Linger < 0 {
		errs = append(errs, fmt.Errorf("Linger is %v, want 0 or more", c.Linger))
	}
	if c.Compression == "" {
		c.Compression = batch.None.String()
	}
	codec, ok := (&TopicConfig{Compression: c.Compression}).compression()
	if !ok {
		errs = append(errs, fmt.Errorf("Compression is %q, want none, gzip, snappy, lz4 or zstd", c.Compression))
	}
	errs = append(errs,
		sizeDefault("BatchBytes", &c.BatchBytes, DefaultBatchBytes, 1, batchBytes),
		sizeDefault("BufferBytes", &c.BufferBytes, DefaultBufferBytes, 1, 1<<40))
	if err := errors.Join(errs...); err != nil {
		return c, codec, fmt.Errorf("producer config: %w", err)
	}
	return c, codec, nil
}
