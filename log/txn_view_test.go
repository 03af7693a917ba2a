package log

import (
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/batch"
)

// A partitionView is what is in a partition by its batches alone.
type partitionView struct {
	all       []string // values
	committed []string // what readers of committed records see: below the last stable offset
	decided   []string // that, and what they will see later
	aborted   []AbortedTxn
	markers   int
	stable    Offset
}

// rawBatches returns every batch of a partition as it is stored.
func rawBatches(b *Broker, tp TopicPartition) ([][]byte, error) {
	p, err := b.partition(tp)
	if err != nil {
		return nil, err
	}
	b.pub.RLock()
	segments, tail := p.segments, p.tail
	b.pub.RUnlock()
	var all []byte
	for _, s := range segments {
		for pos := int64(0); pos < s.SizeBytes(); {
			bytes, err := s.ReadAt(pos, 1<<20, nil)
			if err != nil {
				return nil, err
			}
			all = append(all, bytes...)
			pos += int64(len(bytes))
		}
	}
	for _, sp := range tail {
		all = append(all, sp.Bytes...)
	}
	var out [][]byte
	for len(all) > 0 {
		h, err := batch.ParseHeader(all)
		if err != nil {
			return nil, err
		}
		out = append(out, all[:h.SizeBytes()])
		all = all[h.SizeBytes():]
	}
	return out, nil
}

// viewOf reads a partition from its markers, and compares what the log says of
// the last stable offset and of aborted transactions with that.
func viewOf(b *Broker, tp TopicPartition) (v partitionView, err error) {
	batches, err := rawBatches(b, tp)
	if err != nil {
		return v, err
	}
	type stored struct {
		header    batch.Header
		values    []string
		committed bool
	}
	var data []*stored
	waiting := map[int64][]*stored{} // by producer
	open := map[int64]Offset{}
	var end Offset
	for _, raw := range batches {
		h, err := batch.ParseHeader(raw)
		if err != nil {
			return v, err
		}
		if Offset(h.BaseOffset) != end {
			return v, fmt.Errorf("batch at offset %d, want %d", h.BaseOffset, end)
		}
		end = Offset(h.LastOffset()) + 1
		if h.Attributes&batch.Control == 0 {
			s := &stored{header: h, committed: h.Attributes&batch.Transactional == 0}
			var r batch.Reader
			if err := r.Reset(raw); err != nil {
				return v, err
			}
			var rec batch.Record
			for r.Next(&rec) {
				s.values = append(s.values, string(rec.Value))
			}
			data = append(data, s)
			v.all = append(v.all, s.values...)
			if !s.committed {
				waiting[h.ProducerID] = append(waiting[h.ProducerID], s)
			}
			if _, found := open[h.ProducerID]; !found && !s.committed {
				open[h.ProducerID] = Offset(h.BaseOffset)
			}
			continue
		}
		m, err := markerOf(raw)
		if err != nil {
			return v, err
		}
		v.markers++
		first, found := open[h.ProducerID]
		delete(open, h.ProducerID)
		for _, s := range waiting[h.ProducerID] {
			s.committed = m.Commit
		}
		delete(waiting, h.ProducerID)
		if !m.Commit && found {
			v.aborted = append(v.aborted, AbortedTxn{h.ProducerID, first, Offset(h.BaseOffset), oldest(open, end)})
		}
	}
	v.stable = oldest(open, end)
	for _, s := range data {
		if !s.committed {
			continue
		}
		v.decided = append(v.decided, s.values...)
		if Offset(s.header.BaseOffset) < v.stable {
			v.committed = append(v.committed, s.values...)
		}
	}
	return v, v.compare(b, tp, end)
}

func oldest(open map[int64]Offset, end Offset) Offset {
	for _, first := range open {
		end = min(end, first)
	}
	return end
}

func (v *partitionView) compare(b *Broker, tp TopicPartition, end Offset) error {
	p, err := b.partition(tp)
	if err != nil {
		return err
	}
	b.pub.RLock()
	defer b.pub.RUnlock()
	switch {
	case p.end != end:
		return fmt.Errorf("%s ends at %d, its batches at %d", tp, p.end, end)
	case p.stableEndLocked() != v.stable:
		return fmt.Errorf("%s: last stable offset %d, by its batches %d", tp, p.stableEndLocked(), v.stable)
	case !slices.Equal(p.aborted, v.aborted):
		return fmt.Errorf("%s: aborted transactions %v, by its batches %v", tp, p.aborted, v.aborted)
	}
	return nil
}
