package log

import (
	"sort"

	"github.com/freshet/freshet/internal/batch"
)

// abortedFromLocked returns the aborted transactions that may have records from
// an offset on.
func (p *partition) abortedFromLocked(from Offset) []AbortedTxn {
	i := sort.Search(len(p.aborted), func(i int) bool { return p.aborted[i].Last >= from })
	return p.aborted[i:len(p.aborted):len(p.aborted)]
}

// An abortedCursor tells which batches belong to aborted transactions. It is
// asked in the order of offsets.
//
// Transactions are by their last offset, and none that comes behind another
// begins before that one's StableEnd. So for each batch few are looked at: those
// that ended while an older one was open.
type abortedCursor []AbortedTxn

func (c *abortedCursor) has(h *batch.Header) bool {
	if h.Attributes&batch.Transactional == 0 {
		return false
	}
	at := Offset(h.BaseOffset)
	txns := *c
	for len(txns) > 0 && txns[0].Last < at {
		txns = txns[1:]
	}
	*c = txns
	for i := range txns {
		t := &txns[i]
		if t.ProducerID == h.ProducerID && t.First <= at && at <= t.Last {
			return true
		}
		if t.StableEnd > at {
			return false
		}
	}
	return false
}

// between returns those that may have records from an offset up to another.
func (c abortedCursor) between(from, to Offset) []AbortedTxn {
	var out []AbortedTxn
	for i := range c {
		if t := &c[i]; t.Last >= from && t.First < to {
			out = append(out, *t)
		}
		if c[i].StableEnd >= to {
			break
		}
	}
	return out
}
