package log

import (
	"fmt"
	"math"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/log/internal/segment"
)

// An epochStart is the first offset that was written under a leader epoch,
// that is by one opening of the log.
type epochStart struct {
	epoch int32
	start Offset
}

// A partition is one partition of a topic. What readers may see is guarded by
// Broker.pub; next belongs to the leader of the journal.
//
//	start                        end      next
//	  | segments ........ | tail .. | (being written) |
type partition struct {
	topic *topic
	id    int32
	tp    TopicPartition

	next       Offset                // that the leader gives to the next record
	producers  *coord.ProducerStates // the leader's; nil until there is one
	placing    placing               // the leader's
	appending  sync.Mutex            // held by who writes to the newest segment: the flusher or the leader
	plain      atomic.Bool           // since the last checkpoint, more than placed batches was written there
	dirDurable bool                  // under appending: the directory is there and synced

	start, end Offset
	segments   []*segment.Segment // replaced, never changed in place
	tail       []segment.Span     // published, not yet in a segment; appended to, then replaced
	placed     int                // how many of the tail, from its start, are in a segment all the same
	tailBytes  int64
	lent       atomic.Bool // a consumer has seen the tail, so its memory is not reused
	epochs     []epochStart
	openFirst  Offset       // where the oldest open transaction begins, or noTxn
	aborted    []AbortedTxn // by their last offset; appended to, then replaced
	cleaned    Offset       // what is below has been compacted
	durable    Offset       // segments that end here or below are in the checkpoint
	consumers  []*Consumer
}

func newPartition(t *topic, id int32) *partition {
	return &partition{topic: t, id: id, tp: TopicPartition{t.name, id}, openFirst: noTxn}
}

func (p *partition) at() partitionID { return partitionID{p.topic.id, p.id} }

// publishLocked makes a batch visible.
func (p *partition) publishLocked(sp segment.Span, epoch int32) {
	p.epochLocked(epoch, Offset(sp.First))
	p.tail = append(p.tail, sp)
	p.tailBytes += int64(len(sp.Bytes))
	p.end = Offset(sp.Last + 1)
}

func (p *partition) epochLocked(epoch int32, start Offset) {
	if n := len(p.epochs); n == 0 || p.epochs[n-1].epoch != epoch {
		p.epochs = append(p.epochs, epochStart{epoch, start})
	}
}

// flushedLocked moves the n oldest spans of the tail out: the segments have
// them. Their memory is reused if no consumer has seen it.
func (p *partition) flushedLocked(n int, free *buffers) (bytes int64) {
	for _, sp := range p.tail[:n] {
		bytes += int64(len(sp.Bytes))
		if !p.lent.Load() {
			free.put(sp.Bytes)
		}
	}
	// Consumers may hold the old slice, so it is left as it is.
	p.tail = append([]segment.Span(nil), p.tail[n:]...)
	p.tailBytes -= bytes
	p.placed -= min(n, p.placed)
	if len(p.tail) == 0 {
		p.lent.Store(false)
	}
	return bytes
}

// tailFromLocked returns the spans of the tail from offset on, or false where
// the offset is older than the tail.
func (p *partition) tailFromLocked(from Offset) ([]segment.Span, bool) {
	if len(p.tail) == 0 || Offset(p.tail[0].First) > from {
		return nil, false
	}
	p.lent.Store(true)
	i := sort.Search(len(p.tail), func(i int) bool { return Offset(p.tail[i].Last) >= from })
	return p.tail[i:len(p.tail):len(p.tail)], true
}

// segmentFromLocked returns the segment that holds offset.
func (p *partition) segmentFromLocked(from Offset) *segment.Segment {
	i := sort.Search(len(p.segments), func(i int) bool { return Offset(p.segments[i].End()) > from })
	if i == len(p.segments) {
		return nil
	}
	return p.segments[i]
}

// waitingBytesLocked is the size of those batches of the tail that are in no
// segment yet.
func (p *partition) waitingBytesLocked() int64 {
	bytes := p.tailBytes
	for _, sp := range p.tail[:p.placed] {
		bytes -= int64(len(sp.Bytes))
	}
	return bytes
}

func (p *partition) describeLocked() PartitionDescription {
	d := PartitionDescription{
		Partition: p.id, Start: p.start, End: p.end, StableEnd: p.stableEndLocked(), LeaderEpoch: -1,
		SizeBytes: p.sizeBytesLocked(), Segments: len(p.segments),
	}
	if p.topic.config().compacts() {
		_, d.Uncompacted = dirtyBytes(p.segments, p.cleaned, math.MaxInt64)
		d.Uncompacted += p.waitingBytesLocked()
	}
	if n := len(p.epochs); n > 0 {
		d.LeaderEpoch = p.epochs[n-1].epoch
	}
	return d
}

// sizeBytesLocked is the size of the batches, those in memory included.
func (p *partition) sizeBytesLocked() int64 {
	bytes := p.waitingBytesLocked()
	for _, s := range p.segments {
		bytes += s.SizeBytes()
	}
	return bytes
}

// spanOf describes one whole batch.
func spanOf(b []byte) (segment.Span, batch.Header, error) {
	h, err := batch.ParseHeader(b)
	if err == nil && h.SizeBytes() != len(b) {
		err = fmt.Errorf("%w: %d bytes, want %d by its length field", ErrCorrupt, len(b), h.SizeBytes())
	}
	if err != nil {
		return segment.Span{}, h, err
	}
	return segment.Span{Bytes: b, First: h.BaseOffset, Last: h.LastOffset()}, h, nil
}
