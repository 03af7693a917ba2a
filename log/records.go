package log

import (
	"fmt"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log/internal/segment"
)

// Records is a cursor over consecutive records of one partition. Whole batches
// stay as they were stored; a record is decoded when it is asked for, without
// copying, and a compressed batch is decompressed when its first record is. It
// belongs to one goroutine.
type Records struct {
	spans   []segment.Span
	bytes   []byte        // batches left of the current span
	from    Offset        // records below are skipped: a fetch may begin inside a batch
	aborted abortedCursor // batches that are skipped
	scratch *scratch      // to decompress into; nil: new memory
	header  batch.Header  // of the batch
	batch   batch.Reader
	raw     batch.Record
	fixed   []Record // instead of all that
	err     error
}

// NewRecords returns a cursor over rs, for tests and for logs of another kind.
func NewRecords(rs []Record) Records { return Records{fixed: rs} }

// Next decodes the next record into rec and returns true, or returns false at
// the end and where a batch makes no sense: see Err.
func (r *Records) Next(rec *Record) bool {
	for {
		if !r.batch.Next(&r.raw) {
			if !r.advance() {
				return r.nextFixed(rec)
			}
			continue
		}
		if Offset(r.raw.Offset) >= r.from {
			break
		}
	}
	rec.Key, rec.Value = r.raw.Key, r.raw.Value
	rec.TimestampMillis, rec.Offset = r.raw.TimestampMillis, Offset(r.raw.Offset)
	rec.Headers = nil
	if r.raw.HeaderCount > 0 {
		r.headers(rec)
	}
	return r.err == nil
}

func (r *Records) nextFixed(rec *Record) bool {
	if len(r.fixed) == 0 || r.err != nil {
		return false
	}
	*rec = r.fixed[0]
	r.fixed = r.fixed[1:]
	return true
}

func (r *Records) headers(rec *Record) {
	rec.Headers = make([]Header, 0, r.raw.HeaderCount)
	r.err = batch.ParseHeaders(r.raw.RawHeaders, r.raw.HeaderCount, func(key, value []byte) error {
		rec.Headers = append(rec.Headers, Header{string(key), value})
		return nil
	})
}

// advance begins the next batch that has something for readers.
func (r *Records) advance() bool {
	if r.err == nil {
		r.err = r.batch.Err()
	}
	for r.err == nil {
		b := r.nextBatch()
		switch h := &r.header; {
		case b == nil:
			return false
		case h.Attributes&batch.Control != 0 || r.aborted.has(h):
			continue
		case h.Codec() == batch.None:
			r.err = r.batch.ResetParsed(h, b)
		default:
			if b, r.err = r.scratch.decompress(b); r.err == nil {
				r.err = r.batch.Reset(b)
			}
		}
		return r.err == nil
	}
	return false
}

// nextBatch cuts a batch off, whose header is r.header; nil at the end and where
// there is no sense.
func (r *Records) nextBatch() []byte {
	for len(r.bytes) == 0 {
		if len(r.spans) == 0 {
			return nil
		}
		r.bytes = r.spans[0].Bytes
		r.spans = r.spans[1:]
	}
	var err error
	r.header, err = batch.ParseHeader(r.bytes)
	size := r.header.SizeBytes()
	if err == nil && size > len(r.bytes) {
		err = fmt.Errorf("batch of %d bytes, %d left: %w", size, len(r.bytes), ErrCorrupt)
	}
	if err != nil {
		r.err = err
		return nil
	}
	b := r.bytes[:size]
	r.bytes = r.bytes[size:]
	return b
}

// Err returns the error that made Next return false, or nil at the end.
func (r *Records) Err() error { return r.err }
