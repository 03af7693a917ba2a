package processortest

import (
	"context"

	"github.com/freshet/freshet/processor"
)

// At returns the record with another timestamp, in milliseconds since the
// Driver's DefaultStart.
func At[K, V any](millis int64, r processor.Record[K, V]) processor.Record[K, V] {
	r.TimestampMillis = DefaultStart.UnixMilli() + millis
	return r
}

// Pipe appends records to a topic, in one commit. A timestamp of zero becomes
// the time of the Driver's clock. They are processed by Step, Run and Advance.
func Pipe[K, V any](d *Driver, topic processor.Topic[K, V], records ...processor.Record[K, V]) {
	d.t.Helper()
	stamped := make([]processor.Record[K, V], len(records))
	for i, r := range records {
		if r.TimestampMillis == 0 {
			r.TimestampMillis = d.now.UnixMilli()
		}
		stamped[i] = r
	}
	d.must("pipe", topic.Produce(context.Background(), d.producer, stamped...))
}

// PipeValues appends values without keys to a topic, each as a record of its
// own and to the partition whose turn it is.
func PipeValues[K, V any](d *Driver, topic processor.Topic[K, V], values ...V) {
	d.t.Helper()
	for _, v := range values {
		Pipe(d, topic, processor.Value[K](v))
	}
}
