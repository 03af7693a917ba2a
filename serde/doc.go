// Package serde turns typed keys and values into the bytes of records, and back.
//
// [For] finds the encoding by the type, once, when a topology is wired; what it
// returns works without reflection and, for everything in this table but the
// last two rows, without allocation:
//
//	type                       bytes                        in Kafka
//	string                     UTF-8, as it is              StringSerializer
//	[]byte                     as it is                     ByteArraySerializer
//	bool                       1: 0 or 1                    BooleanSerializer
//	int16, int32, int64        2, 4, 8, big-endian          Short-, Integer-, LongSerializer
//	int                        8, big-endian                LongSerializer
//	int8, uint, uint8 … 64     1, 8, 1 … 8, big-endian      –
//	float32, float64           IEEE 754, big-endian         Float-, DoubleSerializer
//	uuid.UUID                  36: the text with dashes     UUIDSerializer
//	time.Time                  12: seconds 8, nanoseconds 4 –  (see [Time] and [TimeMillis])
//	[N]byte                    N: as it is                  –
//	with MarshalBinary         what it says                 –
//	any other                  JSON                         JSON of any maker
//
// A named type (type UserID string, type Cents int64) has the bytes of the type
// it is made from, and a pointer those of what it points to.
//
// Null is no value here: the log has null keys and values, and they never reach
// a [Serde]. A nil pointer is therefore refused, and a nil []byte is written
// like an empty one.
//
// Values may share memory with the bytes they were decoded from, which is safe
// because the bytes of a record never change: strings and byte slices do, so
// that reading them copies nothing.
//
// Anybody may call this package; every Serde it returns may be used by any
// number of goroutines. It keeps no state, so a crash takes nothing. What has
// been written must stay readable: the formats in the table never change.
//
// Layout: Kafka 4.0, org.apache.kafka.common.serialization.
package serde
