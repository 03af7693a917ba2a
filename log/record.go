package log

import "fmt"

// An Offset is the place of a record in its partition. Offsets grow by one a
// record and never change. The marker that ends a transaction takes one as well,
// and compaction leaves gaps, so two records in a row need not be one apart.
type Offset int64

// A TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns the form that Kafka's tools print: topic-partition.
func (tp TopicPartition) String() string { return fmt.Sprintf("%s-%d", tp.Topic, tp.Partition) }

// A Header is an application's note on a record.
type Header struct {
	Key   string
	Value []byte
}

// A Record is one entry of a partition.
//
// A nil Key means no key and a nil Value a tombstone; both differ from empty.
// The bytes of a record that was read never change and are never used again
// for anything else, unless its consumer was told so by
// [Consumer.ReuseMemory]: they may be kept without copying, but keep the whole
// batch they came in alive, and its neighbours up to 16 KiB if it is small.
type Record struct {
	Key     []byte
	Value   []byte
	Headers []Header

	// TimestampMillis is the event time in milliseconds since the Unix epoch.
	TimestampMillis int64

	// Offset is set by the log. Appending ignores it.
	Offset Offset
}
