package task

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/state"
	"github.com/google/uuid"
)

// A changelogReader hands out records one a fetch, and ends a context after
// some.
type changelogReader struct {
	next, end log.Offset
	after     log.Offset
	cancel    context.CancelFunc
}

func (r *changelogReader) Assign(_ log.TopicPartition, from log.Offset) error {
	r.next = from
	return nil
}
func (r *changelogReader) Unassign(log.TopicPartition) {}
func (r *changelogReader) Ready() <-chan struct{}      { return nil }

func (r *changelogReader) Fetch(int) ([]log.Fetch, error) {
	if r.next == r.after {
		r.cancel()
	}
	f := log.Fetch{
		Next:    r.next + 1,
		Records: log.NewRecords([]log.Record{{Key: []byte{byte(r.next)}, Value: make([]byte, state.DefaultRestoreBytes), Offset: r.next}}),
	}
	r.next++
	return []log.Fetch{f}, nil
}

// TestRestoreKeepsTheTimeOfAPosition: a restore that was interrupted counts as
// old as where it began; one that came to its end as of when it looked.
func TestRestoreKeepsTheTimeOfAPosition(t *testing.T) {
	began := time.UnixMilli(1_700_000_000_000)
	db, err := state.Memory().Open("task")
	if err != nil {
		t.Fatal(err)
	}
	c := Changelog{
		TopicPartition: log.TopicPartition{Topic: "changelog"}, TopicID: uuid.UUID{1}, End: 6, Now: began, DeleteRetention: 2 * time.Hour,
		EpochEnd: func(int32) (log.Offset, error) { return 6, nil },
	}
	restore := func(after log.Offset) (state.Position, error) {
		from, err := PositionOf(db, "s", c)
		if err != nil {
			return from, err
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, _, err = Restore(ctx, db, "s", c, from, &changelogReader{end: c.End, after: after, cancel: cancel})
		if err != nil && !errors.Is(err, context.Canceled) {
			return from, err
		}
		p, _, err := state.ReadPosition(db, "s")
		return p, err
	}
	for _, step := range []struct {
		name    string
		at      time.Duration // since it began
		after   log.Offset    // when it is interrupted
		end     log.Offset
		reached int64
		seen    time.Duration
		err     error
	}{
		{"begins", 0, 2, 6, 2, 0, nil},
		{"goes on", 50 * time.Minute, 4, 6, 4, 0, nil},
		{"is too late", 61 * time.Minute, 5, 6, 4, 0, ErrStale},
		{"ends", 60 * time.Minute, -1, 6, 6, time.Hour, nil},
		{"has nothing to do", 100 * time.Hour, -1, 6, 6, time.Hour, nil},
		{"has too much to do", 100 * time.Hour, -1, 7, 6, time.Hour, ErrStale},
	} {
		c.Now, c.End = began.Add(step.at), step.end
		p, err := restore(step.after)
		if !errors.Is(err, step.err) || p.Offset != step.reached || p.SeenMillis != began.Add(step.seen).UnixMilli() {
			t.Errorf("%s: at %d, seen %v after it began, %v; want %d, %v, %v", step.name, p.Offset,
				time.UnixMilli(p.SeenMillis).Sub(began), err, step.reached, step.seen, step.err)
		}
	}
	c.DeleteRetention = -1
	if _, err := PositionOf(db, "s", c); err != nil {
		t.Errorf("a changelog that is not compacted: %v", err)
	}
}
