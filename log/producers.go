package log

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/coord"
)

// noTxn is the first offset of the open transactions of a partition that has
// none.
const noTxn Offset = -1

// states returns what the partition remembers of its producers. Only the leader
// may ask.
func (b *Broker) states(p *partition) *coord.ProducerStates {
	if p.producers == nil {
		p.producers = coord.NewProducerStates(coord.ProducerConfig{Expiration: b.cfg.ProducerExpiration})
	}
	return p.producers
}

// openFirst returns where the oldest open transaction begins, or noTxn.
func openFirst(s *coord.ProducerStates) Offset { return Offset(s.LastStable(int64(noTxn))) }

// producerBatch is how the rules for producers see a batch.
func producerBatch(h *batch.Header) coord.ProducerBatch {
	return coord.ProducerBatch{
		ProducerID: h.ProducerID, Epoch: h.ProducerEpoch, BaseSequence: h.BaseSequence, Count: h.LastOffsetDelta + 1,
		MaxTimestampMillis: h.MaxTimestampMillis, Transactional: h.Attributes&batch.Transactional != 0,
	}
}

// A produced is what a batch with a producer, once it has its offsets, changes
// beside the records of its partition.
type produced struct {
	openFirst Offset
	aborted   *AbortedTxn // ended by it
	undo      coord.ProducerUndo
}

// noteProduced takes a batch with a producer into account: h is its header, b its
// bytes, both stamped.
func noteProduced(s *coord.ProducerStates, h *batch.Header, b []byte, now time.Time) (produced, error) {
	var out produced
	if h.Attributes&batch.Control == 0 {
		out.undo = s.Append(producerBatch(h), h.BaseOffset, now)
		out.openFirst = openFirst(s)
		return out, nil
	}
	m, err := markerOf(b)
	if err != nil {
		return out, err
	}
	ended, undo := s.End(h.ProducerID, h.ProducerEpoch, m.Commit, h.BaseOffset, now)
	if ended.Aborted && ended.FirstOffset != coord.None {
		out.aborted = &AbortedTxn{h.ProducerID, Offset(ended.FirstOffset), Offset(ended.LastOffset), Offset(ended.LastStable)}
	}
	out.undo, out.openFirst = undo, openFirst(s)
	return out, nil
}

// markerOf reads a control batch.
func markerOf(b []byte) (batch.Marker, error) {
	var r batch.Reader
	if err := r.Reset(b); err != nil {
		return batch.Marker{}, err
	}
	var rec batch.Record
	if !r.Next(&rec) {
		return batch.Marker{}, fmt.Errorf("control batch without a record: %w", r.Err())
	}
	return batch.ParseMarker(&rec)
}

// producedLocked makes that visible.
func (p *partition) producedLocked(out produced) {
	p.openFirst = out.openFirst
	if out.aborted != nil {
		p.aborted = append(p.aborted, *out.aborted) // readers hold shorter slices of it
	}
}

// stableEndLocked is the last stable offset: below it no transaction is open.
func (p *partition) stableEndLocked() Offset {
	if p.openFirst != noTxn {
		return max(p.openFirst, p.start)
	}
	return p.end
}

// forgetAbortedLocked gives up the aborted transactions that ended below an
// offset: what they speak of is not there any more.
func (p *partition) forgetAbortedLocked(before Offset) {
	n := 0
	for n < len(p.aborted) && p.aborted[n].Last < before {
		n++
	}
	p.aborted = p.aborted[n:]
}

// producerEntries describes the producers and aborted transactions of p for a
// checkpoint.
func (p *partition) producerEntriesLocked(dst []byte) []byte {
	if p.producers != nil && p.producers.Len() > 0 {
		e := producersEntry{at: p.at()}
		for state := range p.producers.All() {
			e.producers = append(e.producers, state)
		}
		dst = e.appendTo(dst)
	}
	if len(p.aborted) > 0 {
		dst = abortedEntry{p.at(), p.aborted}.appendTo(dst)
	}
	return dst
}

// producers takes in what a checkpoint remembers.
func (l loader) producers(e producersEntry) error {
	p, err := l.b.partitionByIDLocked(e.at)
	if err != nil {
		return err
	}
	s := l.b.states(p)
	for _, state := range e.producers {
		if err := s.Load(state); err != nil {
			return fmt.Errorf("partition %s: %w", p.tp, err)
		}
	}
	p.openFirst = openFirst(s)
	return nil
}

func (l loader) aborted(e abortedEntry) error {
	p, err := l.b.partitionByIDLocked(e.at)
	if err == nil {
		p.aborted = e.aborted
	}
	return err
}
