package batch

import "fmt"

// Contents is what [Validate] has seen of the records of a batch.
type Contents struct {
	// Batch is the batch uncompressed: the one that was validated, or one in
	// the scratch buffer or what that has grown to.
	Batch []byte

	// MinTimestampMillis and MaxTimestampMillis are those of the records. Not
	// every producer says the latter in the header: if it differs there, the
	// batch wants [StampMaxTimestamp], as Kafka corrects it.
	MinTimestampMillis, MaxTimestampMillis int64

	// NullKey counts the records before the first that has no key, and is -1 if
	// all have one. A compacted topic takes no other batches.
	NullKey int
}

// Validate checks all that a log must know of a batch which somebody else has
// encoded before it appends it: that it is whole and unharmed, that the records
// are there, readable, as many as it says and with offsets in a row from its
// base offset, and that it says nothing that only brokers may say. It has no
// opinion on timestamps, and none on sizes except that a compressed batch may
// not be larger than maxDecompressed bytes uncompressed.
//
// It returns an error that wraps [ErrCorrupt] if the bytes are wrong,
// [ErrInvalid] if a producer may not send them, and what [Decompress] returns.
//
// A compressed batch is decompressed into scratch, which grows if need be; the
// memory of [Contents.Batch] may be the next scratch. Without compression
// Validate allocates nothing and leaves scratch alone.
func Validate(b []byte, maxDecompressed int, scratch []byte) (Header, Contents, error) {
	h, err := verify(b)
	if err == nil {
		err = h.checkProduced()
	}
	if err != nil {
		return h, Contents{}, err
	}
	c := Contents{Batch: b, NullKey: -1}
	if h.Codec() != None {
		if c.Batch, err = Decompress(scratch[:0], b, maxDecompressed); err != nil {
			return h, Contents{}, err
		}
	}
	if err := c.read(h); err != nil {
		return h, Contents{}, err
	}
	return h, c, nil
}

// checkProduced refuses what a producer may not say.
//
// Source: Kafka 4.0, LogValidator.java, validateBatch and validateTimestamp.
func (h *Header) checkProduced() error {
	switch {
	case h.Count == 0 || h.Count-1 != h.LastOffsetDelta:
		return fmt.Errorf("%w: count %d and last offset delta %d, want at least one record and an offset for each", ErrInvalid, h.Count, h.LastOffsetDelta)
	case h.Attributes&Control != 0:
		return fmt.Errorf("%w: it is a control batch, which only brokers write", ErrInvalid)
	case h.Attributes&(LogAppendTime|DeleteHorizon) != 0:
		return fmt.Errorf("%w: attributes %#x, want no log append time or delete horizon from a producer", ErrInvalid, h.Attributes)
	case h.ProducerID >= 0 && (h.ProducerEpoch < 0 || h.BaseSequence < 0):
		return fmt.Errorf("%w: producer %d has epoch %d and sequence %d, want neither negative", ErrInvalid, h.ProducerID, h.ProducerEpoch, h.BaseSequence)
	case h.ProducerID < 0 && h.Attributes&Transactional != 0:
		return fmt.Errorf("%w: a transaction without a producer id", ErrInvalid)
	}
	return nil
}

// read walks the records of c.Batch.
func (c *Contents) read(h Header) error {
	var r Reader
	if err := r.Reset(c.Batch); err != nil {
		return err
	}
	next := h.BaseOffset
	for rec := (Record{}); r.Next(&rec); next++ {
		if rec.Offset != next {
			return fmt.Errorf("%w: record %d has offset delta %d", ErrInvalid, next-h.BaseOffset, rec.Offset-h.BaseOffset)
		}
		if next == h.BaseOffset {
			c.MinTimestampMillis, c.MaxTimestampMillis = rec.TimestampMillis, rec.TimestampMillis
		}
		c.MinTimestampMillis = min(c.MinTimestampMillis, rec.TimestampMillis)
		c.MaxTimestampMillis = max(c.MaxTimestampMillis, rec.TimestampMillis)
		if rec.Key == nil && c.NullKey < 0 {
			c.NullKey = int(next - h.BaseOffset)
		}
		if rec.HeaderCount > 0 {
			if err := ParseHeaders(rec.RawHeaders, rec.HeaderCount, ignoreHeader); err != nil {
				return fmt.Errorf("record %d: %w", next-h.BaseOffset, err)
			}
		}
	}
	return r.Err()
}

func ignoreHeader(_, _ []byte) error { return nil }
