package log

import "sort"

// EpochEnd returns where a leader epoch ends in tp: the first offset of the
// next epoch that wrote there, or the partition's end. An epoch of which tp has
// nothing, such as one whose records a crash of the machine took, ends where
// the one before it does; so an offset that was reached under an epoch is still
// the same record if and only if it is not beyond that epoch's end.
//
// Kafka answers OffsetForLeaderEpoch so.
func (b *Broker) EpochEnd(tp TopicPartition, epoch int32) (Offset, error) {
	p, err := b.partition(tp)
	if err != nil {
		return 0, err
	}
	b.pub.RLock()
	defer b.pub.RUnlock()
	if epoch > b.epoch {
		return p.start, nil
	}
	next := sort.Search(len(p.epochs), func(i int) bool { return p.epochs[i].epoch > epoch })
	if next < len(p.epochs) {
		return p.epochs[next].start, nil
	}
	return p.end, nil
}
