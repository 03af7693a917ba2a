package task

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
)

// NoStreamTime is the stream time of a task that has seen no record.
const NoStreamTime = math.MinInt64

// A StreamTime is the event clock of a task: the highest timestamp seen. It
// survives a restart as metadata of the committed offsets.
type StreamTime struct{ millis int64 }

// NewStreamTime returns a clock that has seen nothing.
func NewStreamTime() *StreamTime { return &StreamTime{millis: NoStreamTime} }

// Millis returns the clock, or NoStreamTime.
func (t *StreamTime) Millis() int64 { return t.millis }

// Observe moves the clock forward to a record's timestamp, never back.
func (t *StreamTime) Observe(millis int64) {
	if millis > t.millis {
		t.millis = millis
	}
}

// streamTimeVersion begins the metadata, so that other contents can follow.
const streamTimeVersion = 1

// metadataBytes is a version and eight bytes of milliseconds.
const metadataBytes = 9

// Metadata returns the clock as metadata of an offset: base64, because Kafka's
// metadata is a string.
func (t *StreamTime) Metadata() string {
	var b [metadataBytes]byte
	b[0] = streamTimeVersion
	binary.BigEndian.PutUint64(b[1:], uint64(t.millis))
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// ObserveMetadata moves the clock forward to what Metadata returned. Empty
// metadata, of an offset that somebody else set, says nothing.
func (t *StreamTime) ObserveMetadata(metadata string) error {
	if metadata == "" {
		return nil
	}
	b, err := base64.RawStdEncoding.DecodeString(metadata)
	if err != nil {
		return fmt.Errorf("offset metadata %q: %w", metadata, err)
	}
	if len(b) != metadataBytes || b[0] != streamTimeVersion {
		return fmt.Errorf("offset metadata %q: want %d bytes of version %d", metadata, metadataBytes, streamTimeVersion)
	}
	t.Observe(int64(binary.BigEndian.Uint64(b[1:])))
	return nil
}
