package batch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// A Builder encodes one batch in place, record by record.
//
// The zero Builder is empty and ready. A Builder belongs to one goroutine.
type Builder struct {
	buf     []byte // header, still blank, and records; nil while there is none
	count   int
	baseMs  int64 // timestamp of the first record
	maxMs   int64
	initCap int // what to allocate for the first record

	attributes int16
	appendMs   int64 // the timestamp of all records, if attributes say so

	// The complements of what the header says, so that the zero Builder says -1:
	// Kafka's "no producer", "no epoch", "no sequence".
	notProducerID    int64
	notProducerEpoch int16
	notSequence      int32
}

// Reset empties b. The first record will allocate capacityBytes, or what it
// takes itself if that is more; 0 lets the buffer grow from that.
func (b *Builder) Reset(capacityBytes int) {
	*b = Builder{initCap: capacityBytes}
}

// ResetBuffer empties b and gives it the buffer of a batch that nobody needs any
// more.
func (b *Builder) ResetBuffer(buf []byte) {
	*b = Builder{buf: buf[:0]}
}

// SetProducer makes the batch one of a producer that counts its records. It may
// be called at any time before [Builder.Finish], as all the setters: what they
// set is for one batch.
func (b *Builder) SetProducer(id int64, epoch int16, baseSequence int32) {
	b.notProducerID, b.notProducerEpoch, b.notSequence = ^id, ^epoch, ^baseSequence
}

// SetTransactional says whether the batch belongs to a transaction.
func (b *Builder) SetTransactional(on bool) { b.set(Transactional, on) }

// SetControl says whether the batch holds a marker that no application sees;
// see [AppendMarker].
func (b *Builder) SetControl(on bool) { b.set(Control, on) }

// SetLogAppendTime gives all records of the batch this timestamp, whatever they
// are appended with.
func (b *Builder) SetLogAppendTime(millis int64) {
	b.set(LogAppendTime, true)
	b.appendMs = millis
}

func (b *Builder) set(bit int16, on bool) {
	b.attributes &^= bit
	if on {
		b.attributes |= bit
	}
}

// Append encodes a record as the next of the batch. A nil key or value is null.
// Nothing is kept of the arguments.
//
// The caller sees to it that the batch does not outgrow [MaxBytes], by
// [RecordSizeBytes] and [Builder.SizeBytes].
func (b *Builder) Append(timestampMillis int64, key, value []byte, headers []RecordHeader) {
	n := 0
	for i := range headers {
		n += recordHeaderBytes(&headers[i])
	}
	place := b.record(timestampMillis, key, value, len(headers), n)
	if n > 0 {
		AppendHeaders(b.buf[:place], headers)
	}
}

// AppendRaw is Append for headers that are encoded already, by [AppendHeader]
// or by whoever wrote the batch that they were read from.
func (b *Builder) AppendRaw(timestampMillis int64, key, value []byte, headerCount int, rawHeaders []byte) {
	place := b.record(timestampMillis, key, value, headerCount, len(rawHeaders))
	copy(b.buf[place:], rawHeaders)
}

// record encodes a record up to its headers, for which it leaves headerBytes
// bytes at the end of b.buf, and returns their place.
//
// Its size is known before its first byte is written, so the length in front
// is written once and nothing moves.
func (b *Builder) record(timestampMillis int64, key, value []byte, headerCount, headerBytes int) int {
	if b.count == 0 {
		b.begin(timestampMillis, RawRecordSizeBytes(key, value, nil)+headerBytes)
	}
	b.maxMs = max(b.maxMs, timestampMillis)
	time := zigzag(timestampMillis - b.baseMs)
	delta := uint64(b.count) << 1
	keyLen, valueLen := lengthCode(key), lengthCode(value)
	headers := uint64(headerCount) << 1
	b.count++

	body := 1 + uvarintBytes(time) + uvarintBytes(delta) + uvarintBytes(keyLen) + len(key) +
		uvarintBytes(valueLen) + len(value) + uvarintBytes(headers) + headerBytes
	length := uint64(body) << 1
	size := uvarintBytes(length) + body

	start := len(b.buf)
	if cap(b.buf)-start < size {
		b.buf = slices.Grow(b.buf, size)
	}
	b.buf = b.buf[:start+size]
	d := b.buf[start:]
	i := putUvarint(d, 0, length)
	d[i] = 0 // attributes: none are defined
	i = putUvarint(d, i+1, time)
	i = putUvarint(d, i, delta)
	i = putUvarint(d, i, keyLen)
	i += copy(d[i:], key)
	i = putUvarint(d, i, valueLen)
	i += copy(d[i:], value)
	i = putUvarint(d, i, headers)
	return start + i
}

// begin makes room for the header and the first record.
func (b *Builder) begin(timestampMillis int64, recordBytes int) {
	b.baseMs, b.maxMs = timestampMillis, timestampMillis
	if need := max(b.initCap, HeaderBytes+recordBytes); cap(b.buf) < need {
		b.buf = make([]byte, HeaderBytes, need)
	}
	b.buf = b.buf[:HeaderBytes] // Finish writes every byte of it
}

func recordHeaderBytes(h *RecordHeader) int {
	return uvarintBytes(uint64(len(h.Key))<<1) + len(h.Key) + uvarintBytes(lengthCode(h.Value)) + len(h.Value)
}

// SizeBytes returns the size of the batch so far: 0 before the first record.
func (b *Builder) SizeBytes() int { return len(b.buf) }

// Count returns the number of records so far.
func (b *Builder) Count() int { return b.count }

// Finish fills in the header and the checksum, and returns the batch, whose
// buffer is now the caller's. Its base offset is 0 and its leader epoch -1
// until it is stamped. The Builder is empty afterwards, has no producer and no
// attributes, and may go on with the same capacity. Finish of an empty Builder
// returns nil: there are no batches without records.
//
// Finish panics if the batch is larger than [MaxBytes].
func (b *Builder) Finish() []byte {
	if b.count == 0 {
		return nil
	}
	d := b.buf
	if len(d) > MaxBytes {
		panic(fmt.Sprintf("batch: %d bytes, want at most %d", len(d), MaxBytes))
	}
	if b.attributes&LogAppendTime != 0 {
		b.maxMs = b.appendMs
	}
	Stamp(d, 0, -1)
	binary.BigEndian.PutUint32(d[lengthPos:], uint32(len(d)-prefixBytes))
	d[magicPos] = magic
	binary.BigEndian.PutUint16(d[attributesPos:], uint16(b.attributes))
	binary.BigEndian.PutUint32(d[lastDeltaPos:], uint32(b.count-1))
	binary.BigEndian.PutUint64(d[baseTimePos:], uint64(b.baseMs))
	binary.BigEndian.PutUint64(d[maxTimePos:], uint64(b.maxMs))
	putProducer(d, ^b.notProducerID, ^b.notProducerEpoch, ^b.notSequence)
	binary.BigEndian.PutUint32(d[countPos:], uint32(b.count))
	binary.BigEndian.PutUint32(d[crcPos:], crc32.Checksum(d[attributesPos:], castagnoli))
	b.Reset(b.initCap)
	return d
}
