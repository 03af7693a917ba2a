package task

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/state"
)

// A Store is a store of a task with its changelog.
type Store struct {
	state.Store
	// Changelog is the partition that remembers the store, or the zero value.
	Changelog log.TopicPartition
	// Emit appends to the changelog in the commit being gathered; nil without
	// one.
	Emit func(key, value []byte, timestampMillis int64) error
	// Position is how far into its changelog the store has got. Without a
	// changelog it stays what it was.
	Position state.Position
}

// Dirty says that there is something to seal.
func (t *Task) Dirty() bool {
	if t.touched {
		return true
	}
	for _, q := range t.group.queues {
		if q.position() != q.sealed {
			return true
		}
	}
	return false
}

// Seal puts into the commit being gathered what the task did since the last
// Seal: what its operators held back, the changes of its stores, and the
// offsets that it reached. The answer to the last Seal must have come.
func (t *Task) Seal(setOffset func(log.TopicPartition, log.CommittedOffset) error) error {
	if t.touched {
		t.current = nil
		if err := t.guard(t.sealStores); err != nil {
			return err
		}
	}
	t.touched = false
	metadata := t.Clock.Metadata()
	for _, q := range t.group.queues {
		p := q.position()
		if p == q.sealed {
			continue
		}
		q.sealed = p
		if err := setOffset(q.input.TopicPartition, log.CommittedOffset{Offset: p, Metadata: metadata}); err != nil {
			return fmt.Errorf("task %s: %w", t.ID, err)
		}
	}
	return nil
}

func (t *Task) sealStores() error {
	if err := t.Flush(); err != nil {
		return t.recordError(err)
	}
	if err := t.Failed(); err != nil {
		return t.recordError(err)
	}
	for _, s := range t.Stores {
		if err := s.Seal(s.Emit); err != nil {
			return fmt.Errorf("task %s: store %s: %w", t.ID, s.Name(), err)
		}
	}
	return nil
}

// Committed tells that the last Seal is committed, and with which ends of
// the partitions it wrote.
func (t *Task) Committed(ends []log.PartitionOffset) {
	for i := range t.Stores {
		s := &t.Stores[i]
		s.Committed()
		s.Trim()
		for _, e := range ends {
			if s.Emit != nil && e.TopicPartition == s.Changelog {
				s.Position.Offset = int64(e.Offset)
			}
		}
	}
}

// Dirtier says that a store keeps more than this many bytes of changes that its
// database does not hold.
func (t *Task) Dirtier(bytes int64) bool {
	for _, s := range t.Stores {
		if s.DirtyBytes() > bytes {
			return true
		}
	}
	return false
}

// Pressure says that a store needs to be drained early.
func (t *Task) Pressure() bool {
	for _, s := range t.Stores {
		if s.Pressure() {
			return true
		}
	}
	return false
}

// Drain returns the writes that bring the database up to the last commit, with
// the positions of the stores; none if there is nothing to write or a drain is
// under way. Another goroutine sorts and applies them, and then the owner calls
// Drained.
func (t *Task) Drain(now time.Time) []state.Write {
	if t.draining {
		return nil
	}
	var writes []state.Write
	for i := range t.Stores {
		s := &t.Stores[i]
		s.Position.SeenMillis = now.UnixMilli()
		n := len(writes)
		writes = s.Drain(writes)
		if len(writes) > n && s.Emit != nil {
			writes = append(writes, state.PositionWrite(s.Name(), s.Position))
		}
	}
	t.draining = len(writes) > 0
	return writes
}

// Drained tells that the database holds what Drain returned.
func (t *Task) Drained() {
	for _, s := range t.Stores {
		s.Drained()
		s.Trim()
	}
	t.draining = false
}
