package log

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log/internal/segment"
)

// A TimedOffset is an offset and the timestamp of the record there.
type TimedOffset struct {
	Offset          Offset
	TimestampMillis int64
}

// OffsetForTime returns the first record of a partition whose timestamp is
// millis, in epoch milliseconds, or later; ok is false where there is none. It
// is exact, also where timestamps are in no order. Records of aborted
// transactions count, markers of transactions do not.
//
// Kafka answers ListOffsets so.
func (b *Broker) OffsetForTime(tp TopicPartition, millis int64) (at TimedOffset, ok bool, err error) {
	p, err := b.partition(tp)
	if err != nil {
		return TimedOffset{}, false, err
	}
	for range locateTries {
		s := b.searchTime(p, millis)
		at, ok, err = s.run()
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if p.topic.gone.Load() {
			return TimedOffset{}, false, p.deleted()
		}
	}
	switch {
	case errors.Is(err, fs.ErrClosed):
		return TimedOffset{}, false, ErrClosed
	case err != nil:
		return TimedOffset{}, false, fmt.Errorf("offset of %s for time %d: %w", tp, millis, err)
	}
	return at, ok, nil
}

// A timeSearch looks through a partition as it was at one moment.
type timeSearch struct {
	millis     int64
	start, end Offset
	segments   []*segment.Segment
	tail       []segment.Span

	buf     []byte
	scratch scratch
}

func (b *Broker) searchTime(p *partition, millis int64) *timeSearch {
	b.pub.RLock()
	defer b.pub.RUnlock()
	s := &timeSearch{millis: millis, start: p.start, end: p.end, segments: p.segments}
	if len(p.tail) > 0 {
		s.tail, _ = p.tailFromLocked(max(p.start, Offset(p.tail[0].First)))
	}
	return s
}

func (s *timeSearch) run() (at TimedOffset, ok bool, err error) {
	for _, seg := range s.segments {
		if Offset(seg.End()) <= s.start {
			continue
		}
		if at, ok, err = s.inSegment(seg); ok || err != nil {
			return at, ok, err
		}
	}
	for _, sp := range s.tail {
		if at, ok, err = s.inBatches(sp.Bytes); ok || err != nil {
			return at, ok, err
		}
	}
	return TimedOffset{}, false, nil
}

// inSegment begins at the first batch that says it has such a record. It may
// not have one for us: below the start, or a marker; so it goes on to the end.
func (s *timeSearch) inSegment(seg *segment.Segment) (TimedOffset, bool, error) {
	newest, err := seg.MaxTimestamp()
	if err != nil || newest < s.millis {
		return TimedOffset{}, false, err
	}
	pos, found, err := seg.FindTimestamp(s.millis)
	if err != nil || !found {
		return TimedOffset{}, false, err
	}
	if s.start > Offset(seg.Base()) {
		from, err := seg.Position(int64(s.start))
		if err != nil {
			return TimedOffset{}, false, err
		}
		pos = max(pos, from)
	}
	for {
		b, err := seg.ReadAt(pos, timeReadBytes, s.buf)
		if err != nil || len(b) == 0 {
			return TimedOffset{}, false, err
		}
		s.buf = b
		if at, ok, err := s.inBatches(b); ok || err != nil {
			return at, ok, err
		}
		pos += int64(len(b))
	}
}

// timeReadBytes is how much is read of a segment at a time: most often the
// first batch has the record.
const timeReadBytes = 64 << 10

func (s *timeSearch) inBatches(b []byte) (TimedOffset, bool, error) {
	for len(b) > 0 {
		h, err := batch.ParseHeader(b)
		if err == nil && h.SizeBytes() > len(b) {
			err = ErrCorrupt
		}
		if err != nil {
			return TimedOffset{}, false, err
		}
		if h.MaxTimestampMillis >= s.millis && h.Attributes&batch.Control == 0 {
			if at, ok, err := s.inBatch(b[:h.SizeBytes()], h); ok || err != nil {
				return at, ok, err
			}
		}
		b = b[h.SizeBytes():]
	}
	return TimedOffset{}, false, nil
}

func (s *timeSearch) inBatch(b []byte, h batch.Header) (TimedOffset, bool, error) {
	if h.Codec() != batch.None {
		var err error
		if b, err = s.scratch.begin().decompress(b); err != nil {
			return TimedOffset{}, false, err
		}
	}
	var r batch.Reader
	if err := r.Reset(b); err != nil {
		return TimedOffset{}, false, err
	}
	for rec := (batch.Record{}); r.Next(&rec); {
		o := Offset(rec.Offset)
		if o >= s.end {
			return TimedOffset{}, false, nil
		}
		if o >= s.start && rec.TimestampMillis >= s.millis {
			return TimedOffset{o, rec.TimestampMillis}, true, nil
		}
	}
	return TimedOffset{}, false, r.Err()
}
