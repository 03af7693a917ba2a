package log

import (
	"encoding/binary"
	"fmt"

	"github.com/freshet/freshet/log/internal/segment"
)

// A partitionEntry is what a checkpoint knows of a partition: its segments are
// on stable storage up to these sizes.
type partitionEntry struct {
	at       partitionID
	start    Offset
	end      Offset
	cleaned  Offset // what is below has been compacted
	epochs   []epochStart
	segments []segment.Meta
}

const (
	epochBytes    = 12
	segment1Bytes = 24 // of format 1
	metaBytes     = 68
)

// check finds what no checkpoint has: readers rely on segments that follow
// each other up to the end.
func (e *partitionEntry) check() error {
	next := int64(e.start)
	for i, s := range e.segments {
		if i == 0 && s.Base >= 0 && s.Base <= next {
			next = s.Base // the start may have moved on
		}
		if s.Base != next || s.First < s.Base || s.End < s.First || s.SizeBytes < 0 {
			return fmt.Errorf("partition entry: segment of offsets %d to %d, first %d, %d bytes, where offset %d is next", s.Base, s.End, s.First, s.SizeBytes, next)
		}
		next = s.End
	}
	if e.start < 0 || Offset(next) != e.end || e.start > e.end {
		return fmt.Errorf("partition entry: offsets %d to %d, segments end at %d", e.start, e.end, next)
	}
	for i, ep := range e.epochs {
		if i > 0 && (ep.epoch <= e.epochs[i-1].epoch || ep.start <= e.epochs[i-1].start) {
			return fmt.Errorf("partition entry: leader epoch %d from offset %d is out of order", ep.epoch, ep.start)
		}
	}
	return nil
}

func (e partitionEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendAt(beginEntry(dst, entryPartition), e.at)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.start))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.end))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.cleaned))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.epochs)))
	for _, ep := range e.epochs {
		dst = binary.BigEndian.AppendUint32(dst, uint32(ep.epoch))
		dst = binary.BigEndian.AppendUint64(dst, uint64(ep.start))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.segments)))
	for _, s := range e.segments {
		dst = appendMeta(dst, s)
	}
	return endEntry(dst, begin)
}

func appendMeta(dst []byte, m segment.Meta) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Base))
	dst = binary.BigEndian.AppendUint32(dst, m.Generation)
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.First))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.End))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.SizeBytes))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.FirstTimestampMillis))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.MaxTimestampMillis))
	dst = binary.BigEndian.AppendUint32(dst, m.Sums.OffsetEntries)
	dst = binary.BigEndian.AppendUint32(dst, m.Sums.OffsetCRC)
	dst = binary.BigEndian.AppendUint32(dst, m.Sums.TimeEntries)
	return binary.BigEndian.AppendUint32(dst, m.Sums.TimeCRC)
}

func (d *decoder) meta() segment.Meta {
	return segment.Meta{
		Base: d.i64(), Generation: d.u32(), First: d.i64(), End: d.i64(), SizeBytes: d.i64(),
		FirstTimestampMillis: d.i64(), MaxTimestampMillis: d.i64(),
		Sums: segment.Sums{OffsetEntries: d.u32(), OffsetCRC: d.u32(), TimeEntries: d.u32(), TimeCRC: d.u32()},
	}
}

func decodePartition(d *decoder) entry {
	e := partitionEntry{at: d.at(), start: d.offset(), end: d.offset(), cleaned: d.offset(), epochs: d.epochs()}
	for n := d.count(metaBytes); n > 0; n-- {
		e.segments = append(e.segments, d.meta())
	}
	return e
}

func decodePartition1(d *decoder) entry {
	e := partitionEntry{at: d.at(), start: d.offset(), end: d.offset(), epochs: d.epochs()}
	for n := d.count(segment1Bytes); n > 0; n-- {
		m := segment.Meta{Base: d.i64(), End: d.i64(), SizeBytes: d.i64(), FirstTimestampMillis: segment.Unknown, MaxTimestampMillis: segment.Unknown}
		m.First = m.Base
		e.segments = append(e.segments, m)
	}
	return e
}

func (d *decoder) epochs() (out []epochStart) {
	for n := d.count(epochBytes); n > 0; n-- {
		out = append(out, epochStart{epoch: d.i32(), start: d.offset()})
	}
	return out
}
