package processor

import (
	"time"

	"github.com/freshet/freshet/log"
)

// A Record is one entry of a topic, decoded, or what a processor makes of it.
//
// Inside a topology records travel by pointer and are lent: a record may be
// read until the call it came in returns, and is then used again for the next.
// Whoever keeps one copies it. Whoever receives one does not change it,
// because other children of the same parent may see it too; a processor
// forwards a record of its own.
type Record[K, V any] struct {
	Key   K
	Value V

	// NoKey says that the record has no key, and Key is the zero value.
	NoKey bool
	// Tombstone says that the record has no value, and Value is the zero
	// value. In a table it deletes the key.
	Tombstone bool

	// TimestampMillis is the event time in milliseconds since the Unix epoch.
	TimestampMillis int64
	Headers         []log.Header
}

// KV returns a record with a key and a value.
func KV[K, V any](key K, value V) Record[K, V] { return Record[K, V]{Key: key, Value: value} }

// Value returns a record without a key.
func Value[K, V any](value V) Record[K, V] { return Record[K, V]{NoKey: true, Value: value} }

// Tombstone returns a record with a key and without a value.
func Tombstone[K, V any](key K) Record[K, V] { return Record[K, V]{Key: key, Tombstone: true} }

// Time returns the event time.
func (r *Record[K, V]) Time() time.Time { return time.UnixMilli(r.TimestampMillis) }
