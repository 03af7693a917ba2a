package log

import (
	"fmt"

	"github.com/freshet/freshet/internal/batch"
)

// A batchFilter decides which records of a partition stay. It is asked for all
// its batches, in order.
//
//   - Below where the pass has got, the last record of each key stays, and those
//     without a key. Behind it everything does.
//   - A tombstone that is the last of its key stays until the delete horizon of
//     its batch. The pass that meets it first writes that down: now and
//     delete.retention.ms (KIP-534).
//   - What was aborted goes.
//   - The marker of a transaction stays while a pass still meets batches of that;
//     then its delete horizon is written down, and when it has come it goes.
type batchFilter struct {
	p       *pass
	aborted abortedCursor
	open    map[int64]bool // producers whose transaction has batches that were met
	opener  opener
	stays   []bool // of the records of a batch
	out     []byte
	packed  []byte

	kept, dropped int64
}

func newBatchFilter(p *pass) batchFilter {
	return batchFilter{p: p, aborted: p.aborted, open: map[int64]bool{}}
}

// apply returns what is left of a batch, nil if nothing is: b itself if it is
// all. The rest is valid until the next call.
func (f *batchFilter) apply(h *batch.Header, b []byte) ([]byte, error) {
	control := h.Attributes&batch.Control != 0
	switch {
	case Offset(h.LastOffset()) < f.p.start:
		f.dropped += int64(h.Count)
		return nil, nil
	case Offset(h.BaseOffset) >= f.p.to:
		f.kept += int64(h.Count)
		return b, nil
	case control:
		return f.marker(h, b)
	}
	if h.Attributes&batch.Transactional != 0 {
		f.open[h.ProducerID] = true
	}
	if f.aborted.has(h) {
		f.dropped += int64(h.Count)
		return nil, nil
	}
	return f.records(h, b)
}

// horizon returns from when on the tombstones or the marker of a batch may go,
// and false where nobody has met them yet.
func horizon(h *batch.Header) (millis int64, ok bool) {
	return h.BaseTimestampMillis, h.Attributes&batch.DeleteHorizon != 0
}

// newHorizon is that of what this pass meets first.
func (f *batchFilter) newHorizon() int64 { return f.p.wall + f.p.cfg.DeleteRetention.Milliseconds() }

func (f *batchFilter) marker(h *batch.Header, b []byte) ([]byte, error) {
	met := f.open[h.ProducerID]
	delete(f.open, h.ProducerID)
	until, has := horizon(h)
	switch {
	case met:
	case !has:
		out, n, err := batch.Filter(f.out[:0], b, f.newHorizon(), func(*batch.Record) bool { return true })
		f.out = out
		f.kept += int64(n)
		return out, err
	case until <= f.p.now:
		f.dropped += int64(h.Count)
		return nil, nil
	}
	f.kept += int64(h.Count)
	return b, nil
}

// records filters a batch of records.
func (f *batchFilter) records(h *batch.Header, b []byte) ([]byte, error) {
	plain, err := f.opener.open(h, b, f.p.cfg)
	if err != nil {
		return nil, err
	}
	kept, tombstones, err := f.decide(h, plain)
	if err != nil {
		return nil, err
	}
	f.kept += int64(kept)
	f.dropped += int64(h.Count) - int64(kept)
	until := batch.NoHorizon
	if _, has := horizon(h); tombstones && !has {
		until = f.newHorizon()
	}
	switch {
	case kept == 0:
		return nil, nil
	case kept == int(h.Count) && until == batch.NoHorizon:
		return b, nil
	}
	i := -1
	f.out, _, err = batch.Filter(f.out[:0], plain, until, func(*batch.Record) bool { i++; return f.stays[i] })
	if err == nil && h.Codec() != batch.None {
		f.packed, err = batch.Compress(f.packed[:0], f.out, h.Codec())
		return f.packed, err
	}
	return f.out, err
}

// decide notes which records stay, and whether tombstones are among them that
// this pass met.
func (f *batchFilter) decide(h *batch.Header, plain []byte) (kept int, tombstones bool, err error) {
	until, has := horizon(h)
	gone := has && until <= f.p.now
	f.stays = f.stays[:0]
	var r batch.Reader
	if err := r.Reset(plain); err != nil {
		return 0, false, fmt.Errorf("batch at offset %d: %w", h.BaseOffset, err)
	}
	var rec batch.Record
	for r.Next(&rec) {
		stay := true
		if o := Offset(rec.Offset); rec.Key != nil && o < f.p.to {
			newer := f.p.keys.newest(hashKey(rec.Key)) > o
			stay = !newer && !(rec.Value == nil && gone)
			tombstones = tombstones || stay && rec.Value == nil
		}
		if f.stays = append(f.stays, stay); stay {
			kept++
		}
	}
	return kept, tombstones, r.Err()
}
