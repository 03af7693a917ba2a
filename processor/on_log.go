package processor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/state"
	"github.com/freshet/freshet/state/leveldb"
)

// OnDir runs on the embedded log in a directory, which is opened, or made,
// when the App runs, and closed when Run returns.
func OnDir(dir string) Dir { return Dir{path: dir} }

// A Dir is a [Where].
type Dir struct {
	path   string
	config log.Config
}

// WithConfig sets up the log.
func (d Dir) WithConfig(config log.Config) Dir {
	d.config = config
	return d
}

// Open opens the log.
func (d Dir) Open() (Cluster, error) {
	broker, err := log.Open(d.path, d.config)
	if err != nil {
		return nil, err
	}
	return ownedLog{OnLog(broker)}, nil
}

// OpenReader opens the log for reading, beside the process that owns it, if one
// does.
func (d Dir) OpenReader() (Cluster, error) {
	broker, err := log.OpenReadOnly(d.path, d.config)
	if err != nil {
		return nil, err
	}
	return ownedLog{OnLog(broker)}, nil
}

// An ownedLog is closed by whoever opened it.
type ownedLog struct{ LogCluster }

func (o ownedLog) Close() error { return o.broker.Close() }

// OnLog runs on an embedded log that the caller opened, and closes after the
// App has ended.
func OnLog(broker *log.Broker) LogCluster { return LogCluster{broker: broker} }

// A LogCluster is an embedded log seen as a [Cluster].
type LogCluster struct{ broker *log.Broker }

// Open returns the cluster itself, so that it is a [Where] too.
func (c LogCluster) Open() (Cluster, error) { return c, nil }

// OpenReader returns the cluster itself.
func (c LogCluster) OpenReader() (Cluster, error) { return c, nil }

// Topic describes a topic.
func (c LogCluster) Topic(name string) (log.TopicDescription, error) { return c.broker.Topic(name) }

// CreateTopic makes a topic.
func (c LogCluster) CreateTopic(name string, config log.TopicConfig) (log.TopicDescription, error) {
	return c.broker.CreateTopic(name, config)
}

// Offsets returns the first offset of a partition and the one after its last
// record.
func (c LogCluster) Offsets(tp log.TopicPartition) (start, end log.Offset, err error) {
	return c.broker.Offsets(tp)
}

// EpochEnd returns where a leader epoch ends in a partition.
func (c LogCluster) EpochEnd(tp log.TopicPartition, epoch int32) (log.Offset, error) {
	return c.broker.EpochEnd(tp, epoch)
}

// NewConsumer returns a reader.
func (c LogCluster) NewConsumer() (Consumer, error) { return c.broker.NewConsumer(), nil }

// Join makes the caller the owner of a group.
func (c LogCluster) Join(group string) (Member, error) {
	fence, err := c.broker.ClaimGroup(group)
	if err != nil {
		return nil, err
	}
	return logMember{c.broker, fence}, nil
}

// stateDir is where the databases of applications are, in the log's directory.
const stateDir = "state"

// lockName is the file in an application's directory there that its App holds.
const lockName = "LOCK"

// stateEngine locks the directory before anybody is fenced: two Apps can not
// share databases, and the one that has them is not to be stopped by another
// that can not go on in its place.
func (c LogCluster) stateEngine(application string) (state.Engine, io.Closer, error) {
	dir := path.Join(stateDir, application)
	if err := c.broker.FS().MkdirAll(dir, vfs.DirPerm); err != nil {
		return nil, nil, err
	}
	fsys := vfs.Sub(c.broker.FS(), dir)
	lock, err := fsys.Lock(lockName)
	if err != nil {
		return nil, nil, fmt.Errorf("databases of application %q (does it run already?): %w", application, err)
	}
	return leveldb.Engine(fsys, leveldb.Options{}), lock, nil
}

type logMember struct {
	broker *log.Broker
	fence  log.Fence
}

func (m logMember) Committed(tp log.TopicPartition) (log.CommittedOffset, bool, error) {
	o, ok := m.broker.Committed(m.fence.Group, tp)
	return o, ok, nil
}

func (m logMember) NewCommitter() (Committer, error) {
	builder := m.broker.NewCommitBuilder()
	builder.SetFence(m.fence)
	return logCommitter{m, builder}, nil
}

type logCommitter struct {
	logMember
	builder *log.CommitBuilder
}

func (c logCommitter) Topic(name string) (Appender, error) { return c.builder.Topic(name) }

func (c logCommitter) SetOffset(tp log.TopicPartition, offset log.CommittedOffset) error {
	return c.builder.SetOffset(c.fence.Group, tp, offset)
}

func (c logCommitter) SizeBytes() int64 { return c.builder.SizeBytes() }

func (c logCommitter) Seal() Commit { return logCommit{c.broker, c.builder.Build()} }

type logCommit struct {
	broker *log.Broker
	commit *log.Commit
}

func (c logCommit) Commit(context.Context) (log.Committed, error) {
	committed, err := c.broker.Commit(c.commit)
	if errors.Is(err, log.ErrPoisoned) {
		err = errors.Join(ErrCommitUnknown, err)
	}
	return committed, err
}
