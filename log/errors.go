package log

import (
	"errors"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
)

// Errors that callers may match with errors.Is.
var (
	// ErrUnknownTopic: the topic, or the partition of it, does not exist.
	ErrUnknownTopic = errors.New("unknown topic or partition")
	// ErrTopicExists: a topic of that name is there already.
	ErrTopicExists = errors.New("topic exists")
	// ErrInvalidTopic: the name of a topic breaks Kafka's rules.
	ErrInvalidTopic = errors.New("invalid topic name")
	// ErrInvalidConfig: a config of a topic has a value that it cannot have.
	ErrInvalidConfig = errors.New("invalid config")
	// ErrOffsetOutOfRange: the offset is below the partition's start or past its end.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrRecordTooLarge: the record is larger than its topic's MaxMessageBytes.
	ErrRecordTooLarge = errors.New("record too large")
	// ErrBufferFull: BufferBytes of a producer's records wait to be committed.
	ErrBufferFull = errors.New("buffer of the producer is full")
	// ErrInvalidRecord: a batch or record breaks a rule of the format or of its topic.
	ErrInvalidRecord = errors.New("invalid record")
	// ErrInternalTopic: the topic is not for writers from outside.
	ErrInternalTopic = errors.New("internal topic")
	// ErrPolicyViolation: the configs of the topic do not allow it.
	ErrPolicyViolation = errors.New("policy violation")
	// ErrFenced: a newer member has taken over the group.
	ErrFenced = errors.New("fenced")
	// ErrRebalancing: the group is between two generations; Poll, and try again.
	ErrRebalancing = errors.New("group is rebalancing")
	// ErrReadOnly: the broker was opened with OpenReadOnly.
	ErrReadOnly = errors.New("log is open for reading only")
	// ErrClosed: the broker or consumer was closed.
	ErrClosed = journal.ErrClosed
	// ErrNetworkFS: the directory is on a file system that another machine keeps.
	ErrNetworkFS = errors.New("network file system")
	// ErrNotALog: the directory holds no log.
	ErrNotALog = errors.New("no log here")

	// ErrCorrupt is wrapped by every error that means the bytes on disk are wrong.
	ErrCorrupt = vfs.ErrCorrupt
	// ErrVersion: the directory was written by another version of the format.
	ErrVersion = journal.ErrVersion
	// ErrPoisoned: an earlier write or sync failed, so nothing more is
	// acknowledged until the log is opened again. Reads go on.
	ErrPoisoned = journal.ErrPoisoned
	// ErrNoSpace: the disk is full; nothing was written and a later try may work.
	ErrNoSpace = journal.ErrNoSpace
	// ErrLocked: another process, or another Broker of this one, owns the directory.
	ErrLocked = vfs.ErrLocked
)

// A CorruptError says where a file of the log stopped making sense: its Path,
// the Pos of the first bad byte in it, and the Err that tells what is wrong.
type CorruptError = vfs.CorruptError
