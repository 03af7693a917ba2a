package log

import (
	"fmt"
	"io/fs"

	"github.com/freshet/freshet/log/internal/segment"
)

// takeOverLocked makes b what another broker of the same log is, which is given
// up. Consumers keep the topics and partitions that they know, and those that are
// not there any more were deleted.
func (b *Broker) takeOverLocked(next *Broker) {
	b.cluster, b.epoch, b.format = next.cluster, next.epoch, next.format
	b.txns, b.txnOffsets, b.nextProducerID = next.txns, next.txnOffsets, next.nextProducerID
	b.pub.committed, b.pub.groups = next.pub.committed, next.pub.groups
	b.pub.openTxns, b.pub.producerIDs = next.pub.openTxns, next.pub.producerIDs
	b.pub.doomed, b.pub.dirty, b.pub.tailBytes = next.pub.doomed, nil, next.pub.tailBytes
	old := b.pub.byID
	for _, t := range next.pub.topics {
		if known, ok := old[t.id]; ok {
			known.takeOver(t)
			next.addTopicLocked(known)
			delete(old, t.id)
		}
	}
	b.pub.topics, b.pub.byID = next.pub.topics, next.pub.byID
	for _, t := range old {
		t.going = true
		t.gone.Store(true)
		for _, p := range t.partitions() {
			p.tail, p.tailBytes, p.segments = nil, 0, nil
			p.wakeLocked()
		}
	}
	b.topicChanges.Add(1)
}

// takeOver makes t what another object of the same topic is.
func (t *topic) takeOver(next *topic) {
	t.alter(*next.config())
	t.going = next.going
	from := next.partitions()
	for i, p := range t.partitions() {
		p.takeOver(from[i])
	}
}

// takeOver makes p what another object of the same partition is.
func (p *partition) takeOver(next *partition) {
	p.next, p.producers = next.next, next.producers
	p.start, p.end, p.segments = next.start, next.end, next.segments
	p.tail, p.placed, p.tailBytes = next.tail, next.placed, next.tailBytes
	p.lent.Store(true)
	p.epochs, p.openFirst, p.aborted = next.epochs, next.openFirst, next.aborted
	p.cleaned, p.durable = next.cleaned, next.durable
	p.wakeLocked()
}

// segmentsOf returns the segments that the follower's broker has of a partition,
// to go on with. Only the follower changes them.
func (f *follower) segmentsOf(at partitionID) []*segment.Segment {
	p, err := f.b.partitionByIDLocked(at)
	if err != nil {
		return nil
	}
	return p.segments
}

// segments returns those of all partitions.
func (b *Broker) segments() map[*segment.Segment]bool {
	all := map[*segment.Segment]bool{}
	for _, t := range b.pub.topics {
		for _, p := range t.partitions() {
			for _, s := range p.segments {
				all[s] = true
			}
		}
	}
	return all
}

// forget closes the segments that nobody needs any more. Who still reads one
// looks again where its records are.
func (f *follower) forget(segments, but map[*segment.Segment]bool) {
	for s := range segments {
		if !but[s] {
			f.tellForgotten(s.Forget())
		}
	}
}

// forgetDoomedLocked is that for those which the owner is about to remove.
func (f *follower) forgetDoomedLocked() {
	for _, d := range f.b.pub.doomed {
		for _, s := range d.segments {
			f.tellForgotten(s.Forget())
		}
	}
	f.b.pub.doomed = nil
}

func (f *follower) tellForgotten(err error) {
	if err != nil {
		f.b.cfg.Logger.Warn("segment not closed", "err", err)
	}
}

// checkSwap returns fs.ErrNotExist where compacted segments take the place of
// some that the checkpoint which was loaded does not know: there is a newer one.
func (p *partition) checkSwap(e *swapEntry) error {
	if max(e.end, e.cleaned) > p.durable {
		return fmt.Errorf("segments of offsets %d to %d of partition %s are in a checkpoint that is newer than the one in use: %w",
			e.first, e.end, p.tp, fs.ErrNotExist)
	}
	return nil
}
