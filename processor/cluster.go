package processor

import (
	"context"
	"errors"

	"github.com/freshet/freshet/log"
)

// A Where opens the cluster that an App runs on. [OnDir] and [OnLog] are two.
// If a cluster that it returns is an io.Closer, whoever opened it closes it.
type Where interface {
	// Open returns the cluster to run on.
	Open() (Cluster, error)
	// OpenReader returns the cluster to be read only. It makes nothing and
	// takes nothing from others.
	OpenReader() (Cluster, error)
}

// A Cluster is what an App needs of a log. Its methods may be called by any
// goroutine; what they return belongs to one goroutine at a time unless it
// says otherwise.
type Cluster interface {
	// Topic describes a topic, or returns log.ErrUnknownTopic.
	Topic(name string) (log.TopicDescription, error)
	// CreateTopic makes a topic, or returns log.ErrTopicExists.
	CreateTopic(name string, config log.TopicConfig) (log.TopicDescription, error)
	// Offsets returns the first offset of a partition and the one after its
	// last committed record.
	Offsets(tp log.TopicPartition) (start, end log.Offset, err error)
	// EpochEnd returns the offset after the last record of a leader epoch: the
	// first offset of the next one, or the partition's end.
	EpochEnd(tp log.TopicPartition, epoch int32) (log.Offset, error)
	// NewConsumer returns a reader of committed records.
	NewConsumer() (Consumer, error)
	// Join makes the caller the owner of a group: whoever owned it before is
	// fenced and can not commit any more.
	Join(group string) (Member, error)
}

// A Consumer reads partitions of its choice. Nothing in it blocks, so that one
// select can wait for input, commits, time and the end.
type Consumer interface {
	Assign(tp log.TopicPartition, from log.Offset) error
	Unassign(tp log.TopicPartition)
	// Fetch returns about maxBytes of what has arrived, nil if nothing has.
	Fetch(maxBytes int) ([]log.Fetch, error)
	// Ready has a token when there may be something to fetch since it was
	// last taken, also for an Assign. Take it, then Fetch until that returns
	// nothing.
	Ready() <-chan struct{}
	Close()
}

// A Member owns a group until another one joins. Any goroutine may call it.
type Member interface {
	// Committed returns the committed offset of a partition in the group; ok
	// is false if there is none.
	Committed(tp log.TopicPartition) (offset log.CommittedOffset, ok bool, err error)
	// NewCommitter returns a worker's place to gather commits in. They are
	// checked against the group's owner.
	NewCommitter() (Committer, error)
}

// A Committer gathers the effects of many records: appended records and the
// offsets up to which the input has been read. It belongs to one goroutine.
type Committer interface {
	// Topic returns where to append to a topic, also after Seal.
	Topic(name string) (Appender, error)
	// SetOffset notes the next offset to be read, for the member's group.
	SetOffset(tp log.TopicPartition, offset log.CommittedOffset) error
	// SizeBytes is about how much was gathered since the last Seal.
	SizeBytes() int64
	// Seal hands over what was gathered and begins anew.
	Seal() Commit
}

// An Appender copies a record into the commit being gathered.
type Appender interface {
	Append(partition int32, record *log.Record) error
}

// A Commit is what a Committer gathered. One goroutine, any one, commits it
// once.
type Commit interface {
	// Commit makes all of it durable and visible, or none. On an error that
	// is ErrCommitUnknown it may have done either; any other error means none.
	Commit(ctx context.Context) (log.Committed, error)
}

// ErrCommitUnknown is wrapped by the error of a commit that may have happened
// or not. The App stops; started again, it reads how far it had got.
var ErrCommitUnknown = errors.New("outcome of the commit is unknown")

// A Producer writes records, partitioned by key. *log.Producer is one.
type Producer interface {
	Produce(ctx context.Context, topic string, records ...log.Record) error
}
