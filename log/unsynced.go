package log

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/freshet/freshet/log/internal/segment"
	"golang.org/x/sync/errgroup"
)

// A segment with something in it that no Sync has covered is in Broker.unsynced,
// which is the flusher's, until a checkpoint. If batches were placed in it, it is
// in Broker.unsyncedPlaced too, until a sync of the journal, which promises that
// they are durable.

// unsynced are segments that have something which no Sync has covered.
type unsynced struct {
	mu       sync.Mutex
	segments map[*segment.Segment]*partition
	oneByOne bool // for histories that are replayed by their seed
}

func (u *unsynced) add(s *segment.Segment, p *partition) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.segments == nil {
		u.segments = map[*segment.Segment]*partition{}
	}
	u.segments[s] = p
}

// sync syncs those that there are now.
func (u *unsynced) sync() error { return u.each((*segment.Segment).Sync) }

// take returns what there is, and leaves nothing.
func (u *unsynced) take() map[*segment.Segment]*partition {
	u.mu.Lock()
	defer u.mu.Unlock()
	segments := u.segments
	u.segments = nil
	return segments
}

// syncsAtOnce is how many segments are synced at a time: a file system makes one
// write of what several wait for.
const syncsAtOnce = 16

// each syncs, by the function given, the segments that there are now. Those that
// it failed for, or did not come to, stay.
func (u *unsynced) each(sync func(*segment.Segment) error) error {
	segments := u.take()
	if u.oneByOne || len(segments) == 1 {
		run := syncing{u: u, sync: sync}
		for s, p := range segments {
			run.segment(s, p)
		}
		return run.err()
	}
	return u.together(segments, sync)
}

func (u *unsynced) together(segments map[*segment.Segment]*partition, sync func(*segment.Segment) error) error {
	run := syncing{u: u, sync: sync}
	var all errgroup.Group
	all.SetLimit(syncsAtOnce)
	for s, p := range segments {
		all.Go(func() error {
			run.segment(s, p)
			return nil
		})
	}
	return errors.Join(all.Wait(), run.err())
}

// syncing is one run over unsynced segments. After the first error it only puts
// them back.
type syncing struct {
	u     *unsynced
	sync  func(*segment.Segment) error
	first atomic.Pointer[error]
}

func (r *syncing) err() error {
	if err := r.first.Load(); err != nil {
		return *err
	}
	return nil
}

func (r *syncing) segment(s *segment.Segment, p *partition) {
	if r.first.Load() != nil {
		r.u.add(s, p)
		return
	}
	// Also of a topic that was deleted: the journal speaks of it until a
	// checkpoint.
	err := r.sync(s)
	if err == nil || s.Removed() || p.topic.gone.Load() && errors.Is(err, fs.ErrNotExist) {
		return // or nothing needs it since a checkpoint
	}
	err = fmt.Errorf("partition %s: %w", p.tp, err)
	r.first.CompareAndSwap(nil, &err)
	r.u.add(s, p)
}
