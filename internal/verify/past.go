package verify

import "fmt"

// A past follows the producers and transactions of a partition through its
// segments, and compares them with what the checkpoint remembers: the sequences
// of their newest batches, the transactions that were aborted, and those that
// were open at its place in the journal.
//
// Only segments that were never compacted have everything, so it begins anew
// behind each other one, knowing nothing.
type past struct {
	v *verifier
	p *partition

	from      int64 // everything from here on is known
	whole     bool  // from is where the partition began
	producers map[int64]producer
	open      map[int64]bool // of producers whose transaction's beginning is known, or that there is none
	kept      map[int64]keptOf
	at        int // the next of p.aborted
	checked   bool
}

type keptOf struct {
	producerID int64
	epoch      int16
	keptBatch
}

func newPast(v *verifier, p *partition) *past {
	h := &past{v: v, p: p, kept: map[int64]keptOf{}}
	for producerID, state := range p.producers {
		for _, k := range state.kept {
			h.kept[k.lastOffset] = keptOf{producerID, state.epoch, k}
		}
	}
	h.begin(0)
	if len(p.segments) > 0 {
		h.begin(p.segments[0].base)
	}
	return h
}

// begin knows nothing of what is before an offset.
func (h *past) begin(offset int64) {
	h.from, h.whole = offset, offset == 0
	h.producers, h.open = map[int64]producer{}, map[int64]bool{}
}

// lost says that batches are missing.
func (h *past) lost() { h.checked = true }

// batch takes in the next batch of the segments.
func (h *past) batch(w *segmentWalk, b *batch) {
	name := w.name
	if w.g.generation > 0 {
		return
	}
	if b.base >= h.p.journalFrom {
		h.end()
	}
	if b.producerID < 0 {
		return
	}
	before, known := h.producers[b.producerID]
	if !known && h.whole {
		h.open[b.producerID] = true
	}
	after, odd, wrong := before.note(b, known)
	if !known {
		wrong = nil
	}
	if odd != nil {
		h.v.report.note(name, b.pos, "partition %s, offset %d: %v; the log may have forgotten the producer between", h.p, b.base, odd)
	}
	if wrong != nil {
		h.problem(name, b, wrong)
	}
	h.producers[b.producerID] = after
	if h.checked {
		return
	}
	if err := h.checkKept(b); err != nil {
		h.problem(name, b, err)
	}
	if b.attributes&attrControl != 0 {
		if err := h.checkMarker(b, before, known); err != nil {
			h.problem(name, b, err)
		}
		h.open[b.producerID] = true
	}
}

func (h *past) problem(name string, b *batch, err error) {
	h.v.report.problem(name, b.pos, "partition %s, offset %d: %v", h.p, b.base, err)
}

// checkKept compares a batch with what the checkpoint remembers of it.
func (h *past) checkKept(b *batch) error {
	k, found := h.kept[b.last]
	switch {
	case !found || b.producerID == k.producerID && b.attributes&attrControl == 0 && b.producerEpoch == k.epoch &&
		b.lastSequence() == k.lastSequence && b.last-b.base+1 == int64(k.count):
		return nil
	}
	return fmt.Errorf("a batch of producer %d, epoch %d, to sequence %d; CHECKPOINT remembers %d records of producer %d, epoch %d, to sequence %d",
		b.producerID, b.producerEpoch, b.lastSequence(), k.count, k.producerID, k.epoch, k.lastSequence)
}

// optional reports whether the checkpoint need not have an aborted transaction
// that ended at an offset: nothing of it is there any more.
func (h *past) optional(last int64) bool { return last < max(h.p.start, h.p.cleaned) }

// checkMarker compares the end of a transaction with the list of those that were
// aborted.
func (h *past) checkMarker(b *batch, before producer, known bool) error {
	listed := h.upTo(b.base)
	first := int64(none)
	if known {
		first = before.txnFirst
	}
	sure := h.open[b.producerID]
	switch {
	case listed == nil && b.commits, listed == nil && first == none, listed == nil && h.optional(b.base):
		return nil
	case listed == nil:
		return fmt.Errorf("producer %d aborted what it wrote from offset %d on, and CHECKPOINT does not say so", b.producerID, first)
	case listed.producerID != b.producerID || b.commits:
		return fmt.Errorf("a marker of producer %d, commit %t; CHECKPOINT says that producer %d aborted", b.producerID, b.commits, listed.producerID)
	case sure && listed.first != first || !sure && first != none && listed.first > first:
		return fmt.Errorf("producer %d aborted offsets from %d on, CHECKPOINT says %d", b.producerID, first, listed.first)
	case h.whole && listed.stableEnd != h.lastStable(b.producerID, b.last+1):
		return fmt.Errorf("all was decided below offset %d, CHECKPOINT says %d", h.lastStable(b.producerID, b.last+1), listed.stableEnd)
	}
	return nil
}

// lastStable is the offset below which no transaction is open but that of a
// producer, which ends.
func (h *past) lastStable(ended, end int64) int64 {
	for producerID, state := range h.producers {
		if state.txnFirst != none && producerID != ended {
			end = min(end, state.txnFirst)
		}
	}
	return end
}

// upTo passes over the aborted transactions that ended before an offset, and
// returns the one that ended there, if there is one.
func (h *past) upTo(offset int64) *abortedTxn {
	for ; h.at < len(h.p.aborted); h.at++ {
		a := &h.p.aborted[h.at]
		if a.last == offset {
			h.at++
			return a
		}
		if a.last > offset {
			return nil
		}
		if a.last >= h.from && !h.optional(a.last) {
			h.v.report.problem(checkpointName, 0, "partition %s: producer %d aborted a transaction at offset %d, where no marker says so", h.p, a.producerID, a.last)
		}
	}
	return nil
}

// end compares at the checkpoint's place in the journal.
func (h *past) end() {
	if h.checked || h.v.truncated {
		return
	}
	h.checked = true
	h.upTo(h.p.journalFrom)
	if h.at < len(h.p.aborted) {
		h.v.report.problem(checkpointName, 0, "partition %s: producer %d aborted a transaction at offset %d, which is not there", h.p, h.p.aborted[h.at].producerID, h.p.aborted[h.at].last)
	}
	for producerID, state := range h.producers {
		if state.txnFirst != none && h.open[producerID] && h.p.producers[producerID].txnFirst != state.txnFirst {
			h.v.report.problem(checkpointName, 0, "partition %s: producer %d has an open transaction from offset %d on, CHECKPOINT does not say so", h.p, producerID, state.txnFirst)
		}
	}
	for producerID, state := range h.p.producers {
		if seen, known := h.producers[producerID]; state.txnFirst >= h.from && (!known || seen.txnFirst != state.txnFirst) {
			h.v.report.problem(checkpointName, 0, "partition %s: producer %d has no open transaction from offset %d on, CHECKPOINT says so", h.p, producerID, state.txnFirst)
		}
	}
}
