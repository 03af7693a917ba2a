package log

import (
	"encoding/binary"
	"time"

	"github.com/freshet/freshet/internal/coord"
)

// A txnEntry is what is known of a transactional id from here on.
type txnEntry struct{ txn coord.Transaction }

func (e txnEntry) appendTo(dst []byte) []byte {
	t := &e.txn
	begin := len(dst)
	dst = appendString(beginEntry(dst, entryTxn), t.ID)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.ProducerID))
	dst = binary.BigEndian.AppendUint16(dst, uint16(t.Epoch))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.LastProducerID))
	dst = binary.BigEndian.AppendUint16(dst, uint16(t.LastEpoch))
	dst = append(dst, byte(t.State))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Timeout.Milliseconds()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(unixMillis(t.Started)))
	dst = binary.BigEndian.AppendUint64(dst, uint64(unixMillis(t.Updated)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(t.Partitions)))
	for _, p := range t.Partitions {
		dst = binary.BigEndian.AppendUint32(appendString(dst, p.Topic), uint32(p.Index))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(t.Groups)))
	for _, g := range t.Groups {
		dst = appendString(dst, g)
	}
	return endEntry(dst, begin)
}

func decodeTxn(d *decoder) entry {
	t := coord.Transaction{
		ID: d.string(), ProducerID: d.i64(), Epoch: int16(d.u16()), LastProducerID: d.i64(), LastEpoch: int16(d.u16()),
		State: coord.TxnState(d.u8()), Timeout: d.duration(), Started: d.time(), Updated: d.time(),
	}
	for n := d.count(6); n > 0; n-- {
		t.Partitions = append(t.Partitions, coord.Partition{Topic: d.string(), Index: d.i32()})
	}
	for n := d.count(2); n > 0; n-- {
		t.Groups = append(t.Groups, d.string())
	}
	return txnEntry{t}
}

// A txnGoneEntry says that a transactional id was forgotten.
type txnGoneEntry struct{ id string }

func (e txnGoneEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	return endEntry(appendString(beginEntry(dst, entryTxnGone), e.id), begin)
}

func decodeTxnGone(d *decoder) entry { return txnGoneEntry{d.string()} }

// A txnOffsetEntry is an offset that is committed when the transaction of a
// producer is.
type txnOffsetEntry struct {
	producerID int64
	offset     offsetEntry
}

func (e txnOffsetEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = binary.BigEndian.AppendUint64(beginEntry(dst, entryTxnOffset), uint64(e.producerID))
	return endEntry(e.offset.appendPayload(dst), begin)
}

func decodeTxnOffset(d *decoder) entry { return txnOffsetEntry{d.i64(), d.offsetEntry()} }

// unixMillis is 0 for the zero time, as no clock of ours says.
func unixMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (d *decoder) time() time.Time {
	if ms := d.i64(); ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

func (d *decoder) duration() time.Duration {
	return time.Duration(min(max(d.i64(), 0), maxMillis)) * time.Millisecond
}
