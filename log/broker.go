package log

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// Names inside the data directory.
const (
	lockName   = "LOCK"
	journalDir = "journal"
	topicsDir  = "topics"
)

// journalFiles is the number of files that the journal gathers between two
// checkpoints, so that space is given back in portions.
const journalFiles = 4

// A Broker is an open log. Any goroutine may call it.
type Broker struct {
	fsys           vfs.FS
	dir            string
	cfg            Config
	readOnly       bool
	lock           io.Closer
	journal        *journal.Journal
	format         uint32 // of what was opened; what is written is of the newest
	cluster        uuid.UUID
	txns           *coord.Transactions   // the leader's
	txnOffsets     map[int64]*txnOffsets // the leader's: of open transactions, by producer id
	txnTimer       txnTimer
	nextProducerID int64         // the leader's
	topicChanges   atomic.Uint64 // how often topics were made, altered or deleted
	groups         *groups       // shared, see there
	epoch          int32         // leader epoch: one an opening
	sealed         int           // the leader's: journal files since the last checkpoint was asked for
	rolled         uint64        // the leader's: first record of the open journal file
	layout         layout        // the leader's
	placing        []*partition  // the leader's: held for batches of the group
	admin          sync.Mutex    // held while topics are made; taken before pub

	// pub is what readers see. The leader of the journal changes it, all at
	// once for a group of commits.
	pub struct {
		sync.RWMutex
		topics      map[string]*topic
		byID        map[uuid.UUID]*topic
		committed   map[string]map[TopicPartition]CommittedOffset
		groups      map[string]groupEntry         // generations of groups
		openTxns    map[string]*coord.Transaction // by transactional id
		producerIDs int64                         // given away
		tailBytes   int64
		dirty       []*partition  // with a tail
		room        chan struct{} // closed and replaced after each flush
		doomed      []doomed      // files to be removed after the next checkpoint
		flushErr    error         // of the last flush, until one succeeds
		followErr   error         // of a read-only broker, while it cannot follow
		closed      bool
	}

	// The flusher's.
	flushNow       chan struct{}
	checkpoints    chan *snapshot
	seals          chan sealing
	cleaner        *cleaner
	unsynced       unsynced
	unsyncedPlaced unsynced // the journal's, when it syncs
	flushBuf       []byte

	files    *segment.Files // of segments, open
	buffers  buffers        // of batches, to be used again
	counters counters

	stop       chan struct{} // closed by Close
	background sync.WaitGroup
	recovery   Recovery
	follow     *follower // of a read-only broker
}

// Open opens the log in dir, making it if there is none. It fails with
// ErrLocked while another process, or another Broker, has it open for writing,
// and with ErrNetworkFS on a network file system, see [Config.AllowNetworkFS].
func Open(dir string, cfg Config) (*Broker, error) {
	fsys, err := vfs.Dir(dir)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := refuseNetwork(dir, cfg); err != nil {
		return nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	return openFS(fsys, dir, cfg)
}

// refuseNetwork returns ErrNetworkFS for a directory that another machine keeps.
func refuseNetwork(dir string, cfg Config) error {
	if cfg.AllowNetworkFS {
		return nil
	}
	probe := cfg.networkFS
	if probe == nil {
		probe = vfs.Network
	}
	kind, err := probe(dir)
	if err == nil && kind != "" {
		err = fmt.Errorf("%w: it is on %s, where locks and durability cannot be relied on (take a local disk, or set Config.AllowNetworkFS)", ErrNetworkFS, kind)
	}
	return err
}

// OpenFS is Open on a file system of this module, for tests.
func OpenFS(fsys vfs.FS, cfg Config) (*Broker, error) { return openFS(fsys, ".", cfg) }

func openFS(fsys vfs.FS, dir string, cfg Config) (*Broker, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := refuseForeign(fsys); err != nil {
		return nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	lock, err := fsys.Lock(lockName)
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	b := newBroker(fsys, dir, cfg)
	b.lock = lock
	if err := b.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", dir, err), b.closeFiles())
	}
	if cfg.stepped {
		return b, nil
	}
	b.background.Add(2)
	go b.runFlusher()
	b.background.Add(1)
	go b.runCleaner()
	go b.runTransactions()
	b.background.Add(1)
	go b.groups.run()
	if cfg.Durability == Interval {
		b.background.Add(1)
		go b.runSyncer()
	}
	return b, nil
}

func newBroker(fsys vfs.FS, dir string, cfg Config) *Broker {
	b := &Broker{
		fsys: fsys, dir: dir, cfg: cfg,
		flushNow:    make(chan struct{}, 1),
		checkpoints: make(chan *snapshot, 1),
		seals:       make(chan sealing),
		flushBuf:    make([]byte, 0, flushBufBytes),
		stop:        make(chan struct{}),
		files:       segment.NewFiles(cfg.OpenFiles),
	}
	b.cleaner = newCleaner(b)
	b.unsynced.oneByOne, b.unsyncedPlaced.oneByOne = cfg.stepped, cfg.stepped
	b.buffers.limit = cfg.TailBytes / 2 // more than one flush gives back
	b.txnTimer.wake = make(chan struct{}, 1)
	b.resetLocked()
	b.pub.room = make(chan struct{})
	b.groups = newGroups(b)
	return b
}

// resetLocked forgets all topics and offsets.
func (b *Broker) resetLocked() {
	b.pub.topics = map[string]*topic{}
	b.pub.byID = map[uuid.UUID]*topic{}
	b.pub.committed = map[string]map[TopicPartition]CommittedOffset{}
	b.pub.doomed = nil
	b.resetCoordinators()
}

func (b *Broker) resetCoordinators() {
	b.txns = b.newTransactions()
	b.txnOffsets = map[int64]*txnOffsets{}
	b.nextProducerID = 0
	b.pub.groups = map[string]groupEntry{}
	b.pub.openTxns, b.pub.producerIDs = map[string]*coord.Transaction{}, 0
}

// start recovers what is there and begins a new leader epoch, in a journal
// file of its own that follows a checkpoint of all before.
func (b *Broker) start() error {
	if err := b.fsys.MkdirAll(journalDir, 0o700); err != nil {
		return err
	}
	if err := b.fsys.MkdirAll(topicsDir, 0o700); err != nil {
		return err
	}
	next, err := b.recover()
	if err == nil {
		err = b.resumeTransactions()
	}
	if err != nil {
		return err
	}
	if err := b.groups.load(); err != nil {
		return err
	}
	b.epoch++
	modes := map[Durability]journal.SyncMode{Sync: journal.SyncGroups, Interval: journal.SyncTimed, OS: journal.SyncNever}
	b.journal, err = journal.New(journal.Config{
		FS: vfs.Sub(b.fsys, journalDir), FileBytes: b.cfg.JournalBytes / journalFiles, Sync: modes[b.cfg.Durability],
		Boot: parseBoot(b.cfg.bootID()), Now: b.cfg.Now, Sequencer: sequencer{b}, SyncElsewhere: b.syncPlaced,
	}, next)
	if err != nil {
		return err
	}
	b.rolled = next
	return b.checkpoint(b.snapshotLocked(next), false)
}

// Close makes everything durable, so that opening again has nothing to
// recover, and gives the directory up. It returns what had poisoned the log,
// if something had. Consumers fail with ErrClosed from here on; commits under
// way end first.
func (b *Broker) Close() error {
	b.pub.Lock()
	if b.pub.closed {
		b.pub.Unlock()
		return nil
	}
	b.pub.closed = true
	b.pub.Unlock()
	close(b.stop)
	b.background.Wait()
	if b.readOnly {
		return b.closeFiles()
	}
	return errors.Join(b.finish(), b.closeFiles())
}

// finish checkpoints everything, which leaves the journal empty. The journal is
// closed first: a commit that came between the snapshot and that would be
// acknowledged, and its offsets and topics be nowhere.
func (b *Broker) finish() error {
	if err := b.journal.Close(); err != nil {
		return err
	}
	return b.checkpoint(b.snapshotLocked(b.journal.Next()), true)
}

func (b *Broker) closeFiles() error {
	var errs []error
	if b.journal != nil {
		if err := b.journal.Close(); !errors.Is(err, journal.ErrClosed) && !errors.Is(err, ErrPoisoned) {
			errs = append(errs, err)
		}
	}
	if b.follow != nil {
		errs = append(errs, b.follow.close())
	}
	for _, t := range b.pub.topics {
		for _, p := range t.partitions() {
			for _, s := range p.segments {
				errs = append(errs, s.Close())
			}
		}
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Close())
	}
	return errors.Join(errs...)
}

// Dir returns the directory that the log was opened in.
func (b *Broker) Dir() string { return b.dir }

// FS returns the file system of the log's directory, for what stands beside
// the log in it.
func (b *Broker) FS() vfs.FS { return b.fsys }

// Err returns what has poisoned the log, or nil.
func (b *Broker) Err() error {
	if b.readOnly {
		return nil
	}
	if err := b.journal.Err(); !errors.Is(err, journal.ErrClosed) {
		return err
	}
	return nil
}

// Offsets returns the offset of the oldest record of tp and the one that the
// next record will get.
func (b *Broker) Offsets(tp TopicPartition) (start, end Offset, err error) {
	p, err := b.partition(tp)
	if err != nil {
		return 0, 0, err
	}
	b.pub.RLock()
	defer b.pub.RUnlock()
	return p.start, p.end, nil
}

func (b *Broker) topic(name string) (*topic, error) {
	b.pub.RLock()
	defer b.pub.RUnlock()
	t, ok := b.pub.topics[name]
	if !ok {
		return nil, fmt.Errorf("topic %q: %w", name, ErrUnknownTopic)
	}
	return t, nil
}

func (b *Broker) partition(tp TopicPartition) (*partition, error) {
	t, err := b.topic(tp.Topic)
	if err != nil {
		return nil, err
	}
	ps := t.partitions()
	if uint(tp.Partition) >= uint(len(ps)) {
		return nil, fmt.Errorf("partition %s: %w", tp, ErrUnknownTopic)
	}
	return ps[tp.Partition], nil
}

func (b *Broker) topicsByNameLocked() []*topic {
	ts := make([]*topic, 0, len(b.pub.topics))
	for _, t := range b.pub.topics {
		ts = append(ts, t)
	}
	slices.SortFunc(ts, func(x, y *topic) int {
		if x.name < y.name {
			return -1
		}
		return 1
	})
	return ts
}

func (b *Broker) addTopicLocked(t *topic) {
	b.pub.topics[t.name] = t
	b.pub.byID[t.id] = t
}

func partitionDir(at partitionID) string {
	return path.Join(topicsDir, at.topic.String(), strconv.Itoa(int(at.partition)))
}

// partitionFS returns the directory of a partition. Its name has nothing of
// the topic's, so no client's string is a path. The first time it is made
// durable, also where it is there already: the process that made it may have
// been killed before it could.
func (b *Broker) partitionFS(p *partition) (vfs.FS, error) {
	dir := partitionDir(p.at())
	if !p.dirDurable {
		err := b.fsys.MkdirAll(dir, 0o700)
		for _, d := range []string{path.Dir(dir), topicsDir} {
			if err == nil {
				err = b.fsys.SyncDir(d)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("directory of partition %s: %w", p.tp, err)
		}
		p.dirDurable = true
	}
	return vfs.Sub(b.fsys, dir), nil
}
