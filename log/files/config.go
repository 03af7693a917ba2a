package files

import (
	"errors"
	"fmt"
	"time"
)

// Defaults of a [Config].
const (
	DefaultMaxLineBytes = 1 << 20   // 1 MiB
	DefaultReadBytes    = 256 << 10 // 256 KiB
	DefaultCommitBytes  = 1 << 20   // 1 MiB
)

// A Config says how a [Source] reads. The zero value works.
type Config struct {
	// Partitions is the number of partitions that a missing topic is made
	// with; one that is there must have as many. Default: 1 for a missing
	// topic, and any number is right.
	Partitions int32

	// MaxLineBytes bounds a line, without its newline. It may be raised later:
	// the topic itself is made to take more. Default 1 MiB, at most 512 MiB.
	MaxLineBytes int

	// ReadBytes is how much is read from a file at once. Default 256 KiB.
	ReadBytes int

	// CommitBytes is about how much is committed at once. One commit is under
	// way while the next is read. Default 1 MiB.
	CommitBytes int64

	// Now is the clock that stamps the records. Default time.Now.
	Now func() time.Time
}

const (
	// LargestMaxLineBytes is the largest Config.MaxLineBytes. It leaves room for a record's other fields within
	// topicMessageBytes, and for a reading buffer that doubles.
	LargestMaxLineBytes = 512 << 20

	// topicMessageBytes is the limit of a topic that a Source makes. It is the
	// log's own, because a topic's cannot be raised once it is there; what
	// bounds a line is Config.MaxLineBytes.
	topicMessageBytes = 1 << 30
)

func (c Config) withDefaults() (Config, error) {
	if c.MaxLineBytes == 0 {
		c.MaxLineBytes = DefaultMaxLineBytes
	}
	if c.ReadBytes == 0 {
		c.ReadBytes = DefaultReadBytes
	}
	if c.CommitBytes == 0 {
		c.CommitBytes = DefaultCommitBytes
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	err := errors.Join(
		between("MaxLineBytes", int64(c.MaxLineBytes), LargestMaxLineBytes),
		between("ReadBytes", int64(c.ReadBytes), LargestMaxLineBytes),
		between("CommitBytes", c.CommitBytes, topicMessageBytes))
	if c.Partitions < 0 {
		err = errors.Join(err, fmt.Errorf("Partitions is %d, want 0 or more", c.Partitions))
	}
	if err != nil {
		return c, fmt.Errorf("files config: %w", err)
	}
	return c, nil
}

func between(name string, v, most int64) error {
	if v < 1 || v > most {
		return fmt.Errorf("%s is %d, want 1 to %d", name, v, most)
	}
	return nil
}
