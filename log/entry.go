package log

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// The journal's records and the checkpoint are made of entries: a type, the
// length of the payload, the payload.
//
//	0   1       5
//	+---+-------+----------
//	| t |length | payload
//	+---+-------+----------
//
// Strings are a 16-bit length and bytes. Format: docs/format/journal.md.
type entryType byte

const (
	entryTopic     entryType = 1 // a topic was created
	entryBatch     entryType = 2 // a record batch was appended
	entryOffset    entryType = 3 // a group committed an offset
	entryPartition entryType = 4 // checkpoint only: what a partition's segments hold
)

const entryHeaderBytes = 5

// beginEntry appends the header of an entry whose payload follows; endEntry
// fills in its length.
func beginEntry(dst []byte, t entryType) []byte {
	return append(dst, byte(t), 0, 0, 0, 0)
}

func endEntry(dst []byte, begin int) []byte {
	binary.BigEndian.PutUint32(dst[begin+1:], uint32(len(dst)-begin-entryHeaderBytes))
	return dst
}

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

// appendTopicEntry: id, name, number of partitions, then the config as pairs
// of strings under Kafka's names.
func appendTopicEntry(dst []byte, id uuid.UUID, name string, cfg TopicConfig) []byte {
	begin := len(dst)
	dst = beginEntry(dst, entryTopic)
	dst = append(dst, id[:]...)
	dst = appendString(dst, name)
	dst = binary.BigEndian.AppendUint32(dst, uint32(cfg.Partitions))
	pairs := cfg.pairs()
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(pairs)))
	for _, p := range pairs {
		dst = appendString(appendString(dst, p[0]), p[1])
	}
	return endEntry(dst, begin)
}

// appendBatchHeader appends what stands before the bytes of a batch: the
// entry's header, the topic's id and the partition.
func appendBatchHeader(dst []byte, id uuid.UUID, partition int32, batchBytes int) []byte {
	dst = append(dst, byte(entryBatch))
	dst = binary.BigEndian.AppendUint32(dst, uint32(batchPrefixBytes+batchBytes))
	dst = append(dst, id[:]...)
	return binary.BigEndian.AppendUint32(dst, uint32(partition))
}

const batchPrefixBytes = 20 // topic id, partition

// appendOffsetEntry: group, topic id, partition, offset, metadata.
func appendOffsetEntry(dst []byte, group string, id uuid.UUID, partition int32, o CommittedOffset) []byte {
	begin := len(dst)
	dst = beginEntry(dst, entryOffset)
	dst = appendString(dst, group)
	dst = append(dst, id[:]...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(partition))
	dst = binary.BigEndian.AppendUint64(dst, uint64(o.Offset))
	dst = appendString(dst, o.Metadata)
	return endEntry(dst, begin)
}

// A partitionEntry is what a checkpoint knows of a partition: its segments are
// on stable storage up to these sizes.
type partitionEntry struct {
	topic     uuid.UUID
	partition int32
	start     Offset
	end       Offset
	epochs    []epochStart
	segments  []segmentEntry
}

type segmentEntry struct {
	base      Offset
	end       Offset
	sizeBytes int64
}

// check finds what no checkpoint has: readers rely on segments that follow
// each other from start to end.
func (p *partitionEntry) check() error {
	next := p.start
	for _, s := range p.segments {
		if s.base != next || s.end < s.base || s.sizeBytes < 0 {
			return fmt.Errorf("partition entry: segment of offsets %d to %d, %d bytes, where offset %d is next", s.base, s.end, s.sizeBytes, next)
		}
		next = s.end
	}
	if p.start < 0 || next != p.end {
		return fmt.Errorf("partition entry: offsets %d to %d, segments end at %d", p.start, p.end, next)
	}
	for i := range p.epochs {
		if e := p.epochs[i]; e.start < p.start || i > 0 && (e.epoch <= p.epochs[i-1].epoch || e.start <= p.epochs[i-1].start) {
			return fmt.Errorf("partition entry: leader epoch %d from offset %d is out of order", e.epoch, e.start)
		}
	}
	return nil
}

func appendPartitionEntry(dst []byte, p partitionEntry) []byte {
	begin := len(dst)
	dst = beginEntry(dst, entryPartition)
	dst = append(dst, p.topic[:]...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.partition))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.start))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.end))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.epochs)))
	for _, e := range p.epochs {
		dst = binary.BigEndian.AppendUint32(dst, uint32(e.epoch))
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.start))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.segments)))
	for _, s := range p.segments {
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.base))
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.end))
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.sizeBytes))
	}
	return endEntry(dst, begin)
}

// An applier takes decoded entries. Slices alias what was decoded.
type applier interface {
	applyTopic(id uuid.UUID, name string, cfg TopicConfig) error
	applyBatch(id uuid.UUID, partition int32, batch []byte) error
	applyOffset(group string, id uuid.UUID, partition int32, o CommittedOffset) error
	applyPartition(p partitionEntry) error
}

var errShortEntry = errors.New("entry is cut short")

// applyEntries decodes the entries of b and hands them to a, in order.
func applyEntries(b []byte, a applier) error {
	for len(b) > 0 {
		if len(b) < entryHeaderBytes {
			return errShortEntry
		}
		t, n := entryType(b[0]), binary.BigEndian.Uint32(b[1:])
		b = b[entryHeaderBytes:]
		if uint64(n) > uint64(len(b)) {
			return fmt.Errorf("entry of %d bytes, %d left: %w", n, len(b), errShortEntry)
		}
		if err := applyEntry(t, b[:n:n], a); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func applyEntry(t entryType, payload []byte, a applier) error {
	d := decoder{b: payload}
	switch t {
	case entryTopic:
		id, name := d.id(), d.string()
		cfg := TopicConfig{Partitions: int32(d.u32())}
		var err error
		for n := d.u16(); n > 0 && d.err == nil && err == nil; n-- {
			err = cfg.setPair(d.string(), d.string())
		}
		if err := errors.Join(d.done(), err); err != nil {
			return fmt.Errorf("topic entry: %w", err)
		}
		return a.applyTopic(id, name, cfg)
	case entryBatch:
		id, partition := d.id(), int32(d.u32())
		if d.err != nil {
			return fmt.Errorf("batch entry: %w", d.err)
		}
		return a.applyBatch(id, partition, d.b)
	case entryOffset:
		group, id, partition := d.string(), d.id(), int32(d.u32())
		o := CommittedOffset{Offset: Offset(d.u64()), Metadata: d.string()}
		if err := d.done(); err != nil {
			return fmt.Errorf("offset entry: %w", err)
		}
		return a.applyOffset(group, id, partition, o)
	case entryPartition:
		p := d.partition()
		if err := d.done(); err != nil {
			return fmt.Errorf("partition entry: %w", err)
		}
		return a.applyPartition(p)
	}
	return fmt.Errorf("entry of unknown type %d", t)
}

// A decoder takes values off the front of b. After the first that is not
// there all are zero and err is set.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && n > len(d.b) {
		d.err = errShortEntry
	}
	if d.err != nil {
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) u16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) string() string { return string(d.take(int(d.u16()))) }

func (d *decoder) id() (id uuid.UUID) {
	copy(id[:], d.take(len(id)))
	return id
}

func (d *decoder) partition() partitionEntry {
	p := partitionEntry{topic: d.id(), partition: int32(d.u32()), start: Offset(d.u64()), end: Offset(d.u64())}
	for n := d.u32(); n > 0 && d.err == nil; n-- {
		p.epochs = append(p.epochs, epochStart{epoch: int32(d.u32()), start: Offset(d.u64())})
	}
	for n := d.u32(); n > 0 && d.err == nil; n-- {
		p.segments = append(p.segments, segmentEntry{base: Offset(d.u64()), end: Offset(d.u64()), sizeBytes: int64(d.u64())})
	}
	return p
}

// done reports what was wrong, bytes left over included.
func (d *decoder) done() error {
	if d.err == nil && len(d.b) > 0 {
		d.err = fmt.Errorf("%d bytes too many", len(d.b))
	}
	return d.err
}
