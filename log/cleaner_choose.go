package log

import (
	"math"

	"github.com/freshet/freshet/log/internal/segment"
)

// A compaction is a partition that can be compacted, as it was looked at.
type compaction struct {
	cleanerView
	segments []*segment.Segment // sealed ones, from the oldest
	from     Offset             // what is new begins
	limit    Offset             // where it ends for now
	ratio    float64            // how much of it all is new
}

// choose returns the partition that is worth compacting most.
func (c *cleaner) choose(now int64) (best *compaction) {
	for _, p := range c.b.allPartitions() {
		if c.refused[p] || c.skipped[p] || !p.topic.config().compacts() {
			continue
		}
		k, err := newCompaction(c.b.view(p), now)
		if err != nil {
			c.giveUp(p, err)
			continue
		}
		if k != nil && (best == nil || k.ratio > best.ratio) {
			best = k
		}
	}
	return best
}

// newCompaction returns what there is to compact of a partition, or nil where
// that is not worth it. Only segments that are sealed, and that a recovery finds
// by its checkpoint, can be swapped.
func newCompaction(v cleanerView, now int64) (*compaction, error) {
	k := &compaction{cleanerView: v, from: max(v.cleaned, v.start)}
	for _, s := range v.segments[:max(len(v.segments)-1, 0)] {
		if Offset(s.End()) > v.durable || Offset(s.Base()) >= v.stableEnd {
			break
		}
		if lag := v.cfg.MinCompactionLag; lag > 0 && Offset(s.End()) > k.from && s.SizeBytes() > 0 {
			millis, err := s.MaxTimestamp()
			if err != nil {
				return nil, err
			}
			if !longAgo(millis, now, lag) {
				break
			}
		}
		k.segments = append(k.segments, s)
		k.limit = min(Offset(s.End()), v.stableEnd)
	}
	if k.limit <= k.from {
		return nil, nil
	}
	clean, dirty := dirtyBytes(k.segments, k.from, k.limit)
	if clean+dirty > 0 {
		k.ratio = float64(dirty) / float64(clean+dirty)
	}
	if k.ratio <= v.cfg.MinCleanableRatio {
		return nil, nil
	}
	return k, nil
}

// groups divides the segments whose offsets begin below to into runs that
// become one segment each: as large as a segment may be, in bytes and offsets.
func (k *compaction) groups(to Offset) (groups [][]*segment.Segment) {
	var size int64
	for _, s := range k.segments {
		if Offset(s.Base()) >= to {
			break
		}
		last := len(groups) - 1
		if last >= 0 && size+s.SizeBytes() <= k.limitedSize && s.End()-1-groups[last][0].Base() <= math.MaxInt32 {
			groups[last] = append(groups[last], s)
			size += s.SizeBytes()
			continue
		}
		groups = append(groups, []*segment.Segment{s})
		size = s.SizeBytes()
	}
	return groups
}
