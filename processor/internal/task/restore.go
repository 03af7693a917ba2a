package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/state"
	"github.com/google/uuid"
)

// ErrStale is wrapped by the error of a store whose database can not be
// brought up to date from where it stands. The way out is to remove the
// database and restore it from the changelog's start.
var ErrStale = errors.New("the database does not fit the changelog")

// A Changelog is the partition of a topic that remembers a store, as it stands
// while nobody writes it.
type Changelog struct {
	log.TopicPartition
	TopicID     uuid.UUID
	Start, End  log.Offset
	LeaderEpoch int32 // of the newest record
	Now         time.Time
	// DeleteRetention is how long it keeps tombstones, at least; negative where
	// it is not compacted.
	DeleteRetention time.Duration
	// EpochEnd returns the offset after the last record of an epoch.
	EpochEnd func(epoch int32) (log.Offset, error)
}

// A Reader reads the partitions assigned to it.
type Reader interface {
	Assign(tp log.TopicPartition, from log.Offset) error
	Unassign(tp log.TopicPartition)
	Fetch(maxBytes int) ([]log.Fetch, error)
	Ready() <-chan struct{}
}

// PositionOf returns how far into its changelog a store of db has got, or an
// error that wraps ErrStale or state.ErrCorrupt.
func PositionOf(db state.DB, store string, c Changelog) (state.Position, error) {
	p, found, err := state.ReadPosition(db, store)
	if err != nil {
		return state.Position{}, err
	}
	fresh := state.Position{TopicID: c.TopicID, LeaderEpoch: max(c.LeaderEpoch, 0), Offset: int64(c.Start), SeenMillis: c.Now.UnixMilli()}
	switch {
	case !found:
		return fresh, checkEmpty(db, store)
	case p.TopicID != c.TopicID:
		return p, fmt.Errorf("store %s at %s: %w: the topic %s is another one, %s", store, p, ErrStale, c.Topic, c.TopicID)
	case log.Offset(p.Offset) < c.Start:
		return p, fmt.Errorf("store %s at %s: %w: %s begins at %d", store, p, ErrStale, c.TopicPartition, c.Start)
	case log.Offset(p.Offset) > c.End:
		return p, fmt.Errorf("store %s at %s: %w: %s ends at %d", store, p, ErrStale, c.TopicPartition, c.End)
	case log.Offset(p.Offset) < c.End && c.tooOld(p):
		return p, fmt.Errorf("store %s at %s: %w: tombstones of %s behind it may be gone, as they are kept for %v and it is of %s",
			store, p, ErrStale, c.TopicPartition, c.DeleteRetention, time.UnixMilli(p.SeenMillis).UTC().Format(time.RFC3339))
	}
	end, err := c.EpochEnd(p.LeaderEpoch)
	if err != nil {
		return p, fmt.Errorf("store %s at %s: %w", store, p, err)
	}
	if log.Offset(p.Offset) > end {
		return p, fmt.Errorf("store %s at %s: %w: that epoch of %s ended at %d", store, p, ErrStale, c.TopicPartition, end)
	}
	return p, nil
}

// tooOld reports whether tombstones may be gone behind a position, so that the
// store would keep what was deleted. It leaves half of their time to clocks
// that disagree, for which a position from further ahead is as bad, and to the
// restoring itself.
func (c *Changelog) tooOld(p state.Position) bool {
	if c.DeleteRetention < 0 {
		return false
	}
	age := c.Now.Sub(time.UnixMilli(p.SeenMillis)).Abs()
	return p.SeenMillis == 0 || age > c.DeleteRetention/2
}

// checkEmpty refuses values without a position: the first write of them did
// not finish, and later ones in the changelog may be gone.
func checkEmpty(db state.DB, store string) error {
	empty := true
	from, to := append([]byte(store), 0), append([]byte(store), 1)
	if err := db.Scan(from, to, func(_, _ []byte) bool {
		empty = false
		return false
	}); err != nil {
		return fmt.Errorf("store %s: %w", store, err)
	}
	if !empty {
		return fmt.Errorf("store %s: %w: it has values and no position", store, ErrStale)
	}
	return nil
}

// restoreFetchBytes is how much of a changelog is read at once.
const restoreFetchBytes = 1 << 20

// Restore brings a store of db from a position to the end of its changelog. It
// returns the position reached. If ctx ends first, the next Restore goes on
// from what was flushed.
//
// Positions on the way were seen when the first of these restores began: no
// tombstone can have gone since of what that has read.
func Restore(ctx context.Context, db state.DB, store string, c Changelog, from state.Position, reader Reader) (state.Position, state.RestoreCounts, error) {
	r := state.NewRestorer(db, store, 0)
	p := from
	p.LeaderEpoch = max(c.LeaderEpoch, 0)
	if log.Offset(from.Offset) >= c.End {
		return p, r.Counts(), nil
	}
	if err := reader.Assign(c.TopicPartition, log.Offset(from.Offset)); err != nil {
		return from, r.Counts(), fmt.Errorf("restore store %s: %w", store, err)
	}
	defer reader.Unassign(c.TopicPartition)
	for log.Offset(p.Offset) < c.End {
		fetches, err := reader.Fetch(restoreFetchBytes)
		if err != nil {
			return from, r.Counts(), fmt.Errorf("restore store %s: %w", store, err)
		}
		if err := ctx.Err(); err != nil {
			return from, r.Counts(), err
		}
		if len(fetches) == 0 {
			select {
			case <-reader.Ready():
			case <-ctx.Done():
			}
		}
		for i := range fetches {
			if err := replay(r, &fetches[i]); err != nil {
				return from, r.Counts(), fmt.Errorf("restore store %s: %w", store, err)
			}
			p.Offset = int64(fetches[i].Next)
		}
		if r.Full() {
			if err := r.Flush(p); err != nil {
				return from, r.Counts(), err
			}
		}
	}
	p.SeenMillis = c.Now.UnixMilli() // the end was the end then
	err := r.Flush(p)
	return p, r.Counts(), err
}

func replay(r *state.Restorer, f *log.Fetch) error {
	var record log.Record
	for f.Records.Next(&record) {
		r.Add(record.Key, record.Value, record.TimestampMillis)
	}
	return f.Records.Err()
}
