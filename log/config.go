package log

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"
)

// Durability says when an append is acknowledged. Less durable never means
// inconsistent: what a crash leaves is a prefix of what was acknowledged.
type Durability int

const (
	// Sync acknowledges after the journal is on stable storage. Nothing
	// acknowledged is lost by a crash of the process or of the machine.
	Sync Durability = iota
	// Interval acknowledges once the operating system has the bytes and syncs
	// every [Config.SyncInterval]. A crash of the machine may lose that much.
	Interval
	// OS acknowledges once the operating system has the bytes and leaves
	// syncing to it, as a Kafka broker does. A crash of the machine may lose
	// what the kernel had not written back.
	OS
)

var durabilityNames = [...]string{Sync: "sync", Interval: "interval", OS: "os"}

// String returns the name that ParseDurability reads.
func (d Durability) String() string {
	if d < 0 || int(d) >= len(durabilityNames) {
		return fmt.Sprintf("Durability(%d)", int(d))
	}
	return durabilityNames[d]
}

// ParseDurability reads "sync", "interval" or "os".
func ParseDurability(s string) (Durability, error) {
	for d, name := range durabilityNames {
		if s == name {
			return Durability(d), nil
		}
	}
	return 0, fmt.Errorf("durability %q is none of sync, interval, os", s)
}

// Defaults of [Config] and [TopicConfig].
const (
	DefaultRetentionCheckInterval = 5 * time.Minute
	DefaultCleanerBackoff         = 15 * time.Second
	DefaultCheckpointInterval     = time.Minute
	DefaultCleanerBufferBytes     = 32 << 20 // 32 MiB

	DefaultSyncInterval     = 50 * time.Millisecond
	DefaultJournalBytes     = 256 << 20 // 256 MiB
	DefaultSegmentBytes     = 1 << 30   // 1 GiB
	DefaultTailBytes        = 64 << 20  // 64 MiB
	DefaultOpenFiles        = 2000
	DefaultMaxMessageBytes  = 1<<20 + 12
	DefaultOffsetsRetention = 7 * 24 * time.Hour

	DefaultProducerExpiration        = 24 * time.Hour
	DefaultTransactionalIDExpiration = 7 * 24 * time.Hour
	DefaultMaxTransactionTimeout     = 15 * time.Minute
)

// A Config sets up a [Broker]. The zero value works.
type Config struct {
	// Durability says when an append is acknowledged. Default Sync.
	Durability Durability

	// SyncInterval is how often the journal is synced when Durability is
	// Interval. Default 50 ms.
	SyncInterval time.Duration

	// JournalBytes is how much the journal gathers before a checkpoint makes it
	// unnecessary. It bounds the time that opening after a crash takes. A
	// commit may carry the journal past it. Default 256 MiB.
	JournalBytes int64

	// CheckpointInterval is how long something may be committed before a
	// checkpoint has it, also where the journal grows slowly. Retention and
	// compaction are about what a checkpoint has. Default 1 minute.
	CheckpointInterval time.Duration

	// SegmentBytes is the size at which a segment is sealed and the next
	// begun. Default 1 GiB, at most 2 GiB - 1.
	SegmentBytes int64

	// TailBytes bounds the memory that holds batches not yet written to their
	// segments. Past an eighth of it they are written in the background; past
	// all of it commits wait. Half as much again may be kept for reuse.
	// Default 64 MiB.
	//
	// So what is on its way takes at most one and a half times this, and the
	// commits that wait or are being written; and for each [Producer] twice its
	// BufferBytes, since what it gathers is encoded in buffers that grow by
	// doubling.
	TailBytes int64

	// OpenFiles is how many files of segments are held open at most, beside
	// those in use at the moment. A segment has three. Half of them may have
	// writes that were not synced: past that, writing to one more syncs one.
	// Default 2000.
	OpenFiles int

	// ProducerExpiration is how long a partition remembers an idle producer, and
	// so can tell its repeated batches. Default 1 day.
	ProducerExpiration time.Duration

	// TransactionalIDExpiration is how long an idle transactional id is
	// remembered. Default 7 days.
	TransactionalIDExpiration time.Duration

	// MaxTransactionTimeout bounds the timeout that a transactional producer may
	// ask for. Default 15 minutes.
	MaxTransactionTimeout time.Duration

	// OffsetsRetention is how long a group is remembered, with its offsets, that
	// has no member, no claim and no commit. Only the time counts in which the
	// log is open. Default 7 days.
	OffsetsRetention time.Duration

	// GroupInitialRebalanceDelay is how long a group without members waits for
	// more after each that joins, so that several that start together need one
	// rebalance. Default 0.
	GroupInitialRebalanceDelay time.Duration

	// RetentionCheckInterval is how often the log looks for segments that are
	// too old or too many. What is too old must be so twice, so that a jump of
	// the clock deletes nothing; that takes as long from the opening on. Default
	// 5 minutes.
	RetentionCheckInterval time.Duration

	// CleanerBackoff is how long the cleaner waits when there is nothing to
	// compact. Default 15 s.
	CleanerBackoff time.Duration

	// CleanerBufferBytes is the memory, while a partition is compacted, for the
	// keys in what is new of it: 24 bytes a key, nine tenths of it used. More
	// keys take more passes. Default 32 MiB.
	CleanerBufferBytes int64

	// CleanerBytesPerSecond bounds how much compaction reads and writes. Default
	// 0, no limit.
	CleanerBytesPerSecond int64

	// AllowNetworkFS lets the log be opened on a file system that another machine
	// keeps, such as NFS or CIFS, where neither the lock nor durability can be
	// relied on. Only Linux tells them. Default false: [Open] returns
	// ErrNetworkFS.
	AllowNetworkFS bool

	// Logger gets one line a change of state. Default: none.
	Logger *slog.Logger

	// Now is the clock that stamps records and journal. Default time.Now.
	Now func() time.Time

	// stepped makes the broker start no goroutine: what the flusher would do is
	// done inside Commit. For tests that replay a history by its seed.
	stepped bool

	// partBytes is the size of the parts of a large commit; tests set it.
	partBytes int

	// placeBytes is the size from which batches are written to their segments
	// at once; tests set it.
	placeBytes, placeSyncBytes int

	// networkFS names the file system of a directory if it is on a network; tests
	// set it.
	networkFS func(dir string) (string, error)

	// bootID names this boot of the machine, "" if unknown; tests set it.
	bootID func() string
}

func (c Config) withDefaults() (Config, error) {
	var errs []error
	if c.Durability < Sync || c.Durability > OS {
		errs = append(errs, fmt.Errorf("Durability is %d, want Sync, Interval or OS", c.Durability))
	}
	if c.SyncInterval == 0 {
		c.SyncInterval = DefaultSyncInterval
	}
	if c.SyncInterval < 0 {
		errs = append(errs, fmt.Errorf("SyncInterval is %v, want more than 0", c.SyncInterval))
	}
	errs = append(errs,
		sizeDefault("JournalBytes", &c.JournalBytes, DefaultJournalBytes, 4<<10, 1<<40),
		sizeDefault("SegmentBytes", &c.SegmentBytes, DefaultSegmentBytes, 1<<10, 1<<31-1),
		sizeDefault("TailBytes", &c.TailBytes, DefaultTailBytes, 4<<10, 1<<40),
		sizeDefault("OpenFiles", &c.OpenFiles, DefaultOpenFiles, 6, 1<<20),
		sizeDefault("ProducerExpiration", &c.ProducerExpiration, DefaultProducerExpiration, 1, math.MaxInt64),
		sizeDefault("TransactionalIDExpiration", &c.TransactionalIDExpiration, DefaultTransactionalIDExpiration, 1, math.MaxInt64),
		sizeDefault("MaxTransactionTimeout", &c.MaxTransactionTimeout, DefaultMaxTransactionTimeout, 1, math.MaxInt32*time.Millisecond),
		sizeDefault("CleanerBufferBytes", &c.CleanerBufferBytes, DefaultCleanerBufferBytes, 1<<10, 1<<36),
		sizeDefault("RetentionCheckInterval", &c.RetentionCheckInterval, DefaultRetentionCheckInterval, 1, math.MaxInt64),
		sizeDefault("CleanerBackoff", &c.CleanerBackoff, DefaultCleanerBackoff, 1, math.MaxInt64),
		sizeDefault("CheckpointInterval", &c.CheckpointInterval, DefaultCheckpointInterval, 1, math.MaxInt64))
	if c.CleanerBytesPerSecond < 0 {
		errs = append(errs, fmt.Errorf("CleanerBytesPerSecond is %d, want 0 or more", c.CleanerBytesPerSecond))
	}
	if c.OffsetsRetention == 0 {
		c.OffsetsRetention = DefaultOffsetsRetention
	}
	if c.OffsetsRetention < 0 {
		errs = append(errs, fmt.Errorf("OffsetsRetention is %v, want more than 0", c.OffsetsRetention))
	}
	if c.GroupInitialRebalanceDelay < 0 {
		errs = append(errs, fmt.Errorf("GroupInitialRebalanceDelay is %v, want 0 or more", c.GroupInitialRebalanceDelay))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.partBytes == 0 {
		c.partBytes = defaultPartBytes
	}
	orDefault(&c.placeBytes, placeBytes)
	orDefault(&c.placeSyncBytes, placeSyncBytes)
	if c.bootID == nil {
		c.bootID = bootID
	}
	if err := errors.Join(errs...); err != nil {
		return c, fmt.Errorf("log config: %w", err)
	}
	return c, nil
}

func sizeDefault[T int | int64 | time.Duration](name string, v *T, def, least, most T) error {
	if *v == 0 {
		*v = def
	}
	if *v < least || *v > most {
		return fmt.Errorf("%s is %v, want %v to %v", name, *v, least, most)
	}
	return nil
}
