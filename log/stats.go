package log

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/log/internal/journal"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// Stats tell of the files of a log: what is stored, and what opening it would
// have to do.
type Stats struct {
	ClusterID   uuid.UUID
	LeaderEpoch int32

	Closed        bool // opening replays nothing
	ReplayCommits int
	ReplayBytes   int64 // of the journal

	JournalFiles    int
	JournalBytes    int64 // of its files, with what is reserved in them
	CheckpointBytes int64
	Checkpointed    time.Time // when the checkpoint was written, by its file

	Partitions []PartitionStats // by topic and partition
}

// PartitionStats are of one partition.
type PartitionStats struct {
	Topic string
	PartitionDescription
	Compacted    bool  // the topic is
	OldestMillis int64 // newest timestamp of the first batch in a segment, in epoch milliseconds; -1 if there is none
	NewestMillis int64 // largest timestamp in the segments; -1 if there is none
}

// DirtyRatio is the part of the bytes that compaction has not seen, 0 to 1.
func (p *PartitionStats) DirtyRatio() float64 {
	if p.SizeBytes == 0 {
		return 0
	}
	return float64(p.Uncompacted) / float64(p.SizeBytes)
}

// Stats looks at the files. It reads the journal that opening would replay, but
// no segments as a whole. Beside the owner of the log files may go while they
// are looked at; then it looks anew.
func (b *Broker) Stats() (Stats, error) {
	var s Stats
	err := fs.ErrNotExist
	for try := 0; errors.Is(err, fs.ErrNotExist) && try < loadRetries; try++ {
		s = Stats{}
		err = b.journalStats(&s)
	}
	if err != nil {
		return s, fmt.Errorf("stats of log %s: %w", b.dir, err)
	}
	for _, t := range b.Topics() {
		for _, d := range t.Partitions {
			p := PartitionStats{Topic: t.Name, PartitionDescription: d,
				Compacted: t.Config.compacts(), OldestMillis: segment.Unknown, NewestMillis: segment.Unknown}
			if err := b.timesOf(&p); err != nil {
				return s, fmt.Errorf("stats of partition %s-%d: %w", t.Name, d.Partition, err)
			}
			s.Partitions = append(s.Partitions, p)
		}
	}
	return s, nil
}

func (b *Broker) journalStats(s *Stats) error {
	h, entries, err := readCheckpoint(b.fsys)
	if err != nil {
		return err
	}
	info, err := b.fsys.Stat(checkpointName)
	if err != nil {
		return err
	}
	s.ClusterID, s.LeaderEpoch, s.Closed = h.cluster, h.epoch, h.closed
	s.CheckpointBytes, s.Checkpointed = int64(checkpointHeaderBytes+len(entries)), info.ModTime()
	files, err := b.fsys.ReadDir(journalDir)
	if err != nil {
		return err
	}
	for _, f := range files {
		info, err := b.fsys.Stat(path.Join(journalDir, f.Name()))
		if err != nil {
			return err
		}
		s.JournalFiles++
		s.JournalBytes += info.Size()
	}
	if h.closed {
		return nil
	}
	extents, err := journal.Extents(vfs.Sub(b.fsys, journalDir), h.first, func([][]byte) error {
		s.ReplayCommits++
		return nil
	})
	for _, e := range extents {
		s.ReplayBytes += e.Bytes
	}
	return err
}

// timesOf looks up the oldest and the newest timestamp.
func (b *Broker) timesOf(s *PartitionStats) error {
	p, err := b.partition(TopicPartition{s.Topic, s.Partition})
	if errors.Is(err, ErrUnknownTopic) {
		return nil // deleted since
	}
	if err != nil {
		return err
	}
	for _, seg := range b.view(p).segments {
		if s.OldestMillis == segment.Unknown {
			s.OldestMillis, err = seg.FirstTimestamp()
		}
		if err == nil {
			var newest int64
			newest, err = seg.MaxTimestamp()
			s.NewestMillis = max(s.NewestMillis, newest)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrCorrupt) {
			return err
		}
		err = nil // of damage freshet log verify tells
	}
	return nil
}
