package log

import (
	"encoding/binary"

	"github.com/freshet/freshet/internal/coord"
)

// A producerIDEntry says that producer ids below next were given away.
type producerIDEntry struct{ next int64 }

func (e producerIDEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	return endEntry(binary.BigEndian.AppendUint64(beginEntry(dst, entryProducerID), uint64(e.next)), begin)
}

func decodeProducerID(d *decoder) entry { return producerIDEntry{d.i64()} }

// A producersEntry is what a partition remembers of its producers, as of the
// checkpoint's place in the journal.
type producersEntry struct {
	at        partitionID
	producers []coord.Producer
}

const (
	producerBytes = 27 // without its batches
	sequenceBytes = 24
)

func (e producersEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendAt(beginEntry(dst, entryProducers), e.at)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.producers)))
	for i := range e.producers {
		p := &e.producers[i]
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.ID))
		dst = binary.BigEndian.AppendUint16(dst, uint16(p.Epoch))
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.TxnFirstOffset))
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.LastUsedMillis))
		dst = append(dst, byte(p.Kept))
		for _, r := range p.Batches[:p.Kept] {
			dst = binary.BigEndian.AppendUint32(dst, uint32(r.LastSequence))
			dst = binary.BigEndian.AppendUint32(dst, uint32(r.Count))
			dst = binary.BigEndian.AppendUint64(dst, uint64(r.LastOffset))
			dst = binary.BigEndian.AppendUint64(dst, uint64(r.MaxTimestampMillis))
		}
	}
	return endEntry(dst, begin)
}

func decodeProducers(d *decoder) entry {
	e := producersEntry{at: d.at()}
	for n := d.count(producerBytes); n > 0; n-- {
		p := coord.Producer{ID: d.i64(), Epoch: int16(d.u16()), TxnFirstOffset: d.i64(), LastUsedMillis: d.i64(), Kept: int8(d.u8())}
		if p.Kept < 0 || int(p.Kept) > len(p.Batches) {
			d.fail(errShortEntry)
			break
		}
		for i := range p.Batches[:p.Kept] {
			p.Batches[i] = coord.SequenceRange{LastSequence: d.i32(), Count: d.i32(), LastOffset: d.i64(), MaxTimestampMillis: d.i64()}
		}
		e.producers = append(e.producers, p)
	}
	return e
}

// An abortedEntry lists the aborted transactions of a partition, as of the
// checkpoint's place in the journal.
type abortedEntry struct {
	at      partitionID
	aborted []AbortedTxn
}

const abortedBytes = 32

func (e abortedEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendAt(beginEntry(dst, entryAborted), e.at)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.aborted)))
	for _, a := range e.aborted {
		dst = binary.BigEndian.AppendUint64(dst, uint64(a.ProducerID))
		dst = binary.BigEndian.AppendUint64(dst, uint64(a.First))
		dst = binary.BigEndian.AppendUint64(dst, uint64(a.Last))
		dst = binary.BigEndian.AppendUint64(dst, uint64(a.StableEnd))
	}
	return endEntry(dst, begin)
}

func decodeAborted(d *decoder) entry {
	e := abortedEntry{at: d.at()}
	for n := d.count(abortedBytes); n > 0; n-- {
		e.aborted = append(e.aborted, AbortedTxn{ProducerID: d.i64(), First: d.offset(), Last: d.offset(), StableEnd: d.offset()})
	}
	return e
}
