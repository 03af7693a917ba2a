package log

import (
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/coord"
	"github.com/freshet/freshet/log/internal/segment"
	"github.com/google/uuid"
)

// apply prints an entry.
func (d *dumper) apply(e entry) error {
	switch e := e.(type) {
	case topicEntry:
		return d.topic(e)
	case topicDeletedEntry:
		return d.of(e.id, "topic %s deleted, id %s", e.id)
	case batchEntry:
		return d.batch(e)
	case placedEntry:
		return d.placed(e)
	case logStartEntry:
		return d.at(e.at, "log start of %s: %d", e.start)
	case offsetEntry:
		return d.at(e.at, "offset of %s, "+describeOffset(&e))
	case offsetGoneEntry:
		return d.at(e.at, "offset of %s, group %q, deleted", e.group)
	case groupEntry:
		return d.any("group %q, generation %d, protocol type %q", e.group, e.generation, e.protocolType)
	case groupGoneEntry:
		return d.any("group %q deleted", e.group)
	case producerIDEntry:
		return d.any("producer ids below %d are given away", e.next)
	case txnEntry:
		return d.txn(&e.txn)
	case txnGoneEntry:
		return d.any("transactional id %q forgotten", e.id)
	case txnOffsetEntry:
		return d.at(e.offset.at, "pending offset of %s, producer %d, "+describeOffset(&e.offset), e.producerID)
	case swapEntry:
		return d.swap(e)
	case partitionEntry:
		return d.partition(e)
	case doomedEntry:
		if e.at.partition == allPartitions {
			return d.of(e.at.topic, "to be removed: topic %s")
		}
		return d.at(e.at, "to be removed: %s, %s", segment.LogName(int64(e.base), e.generation))
	case producersEntry:
		return d.producers(e)
	case abortedEntry:
		return d.aborted(e)
	}
	return fmt.Errorf("entry %T cannot be printed", e)
}

// of prints what belongs to a topic, if that is wanted: the format has the name
// first.
func (d *dumper) of(id uuid.UUID, format string, args ...any) error {
	name, ok := d.wanted(id)
	if !ok {
		return nil
	}
	return d.any(format, append([]any{name}, args...)...)
}

// at is of for a partition.
func (d *dumper) at(at partitionID, format string, args ...any) error {
	name, ok := d.wanted(at.topic)
	if !ok {
		return nil
	}
	return d.any(format, append([]any{fmt.Sprintf("%s-%d", name, at.partition)}, args...)...)
}

// any prints what belongs to no topic.
func (d *dumper) any(format string, args ...any) error {
	return d.printf("    "+format+"\n", args...)
}

// millisText prints a time.
func millisText(millis int64) string {
	return time.UnixMilli(millis).UTC().Format(time.RFC3339Nano)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (d *dumper) topic(e topicEntry) error {
	d.topics[e.id] = e.name
	configs := ""
	if s := e.cfg.String(); s != "" {
		configs = ", " + s
	}
	return d.of(e.id, "topic %s, id %s, %d partitions%s", e.id, e.cfg.Partitions, configs)
}

// describeOffset returns text that is safe in a format.
func describeOffset(e *offsetEntry) string {
	text := fmt.Sprintf("group %q: %d", e.group, e.o.Offset)
	if e.o.LeaderEpoch >= 0 {
		text += fmt.Sprintf(", leader epoch %d", e.o.LeaderEpoch)
	}
	if e.o.TimestampMillis != 0 {
		text += ", at " + millisText(e.o.TimestampMillis)
	}
	return strings.ReplaceAll(fmt.Sprintf("%s, metadata %q", text, e.o.Metadata), "%", "%%")
}

func (d *dumper) txn(t *coord.Transaction) error {
	var parts []string
	for _, p := range t.Partitions {
		parts = append(parts, fmt.Sprintf("%s-%d", p.Topic, p.Index))
	}
	for _, g := range t.Groups {
		parts = append(parts, fmt.Sprintf("group %q", g))
	}
	text := ""
	if t.LastEpoch != coord.None {
		text = fmt.Sprintf(", before producer %d, epoch %d", t.LastProducerID, t.LastEpoch)
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return d.any("transactional id %q %s, producer %d, epoch %d, timeout %s, started %s, updated %s%s", t.ID, t.State,
		t.ProducerID, t.Epoch, t.Timeout, timeText(t.Started), timeText(t.Updated), text)
}

func (d *dumper) partition(e partitionEntry) error {
	if _, ok := d.wanted(e.at.topic); !ok {
		return nil
	}
	d.partitions = append(d.partitions, e)
	cleaned := ""
	if e.cleaned > 0 {
		cleaned = fmt.Sprintf(", compacted below %d", e.cleaned)
	}
	if err := d.at(e.at, "partition %s, offsets %d to %d%s", e.start, e.end, cleaned); err != nil {
		return err
	}
	for _, ep := range e.epochs {
		if err := d.any("  leader epoch %d from offset %d", ep.epoch, ep.start); err != nil {
			return err
		}
	}
	return d.metas(e.segments)
}

func (d *dumper) swap(e swapEntry) error {
	if _, ok := d.wanted(e.at.topic); !ok {
		return nil
	}
	if err := d.at(e.at, "swap in %s of offsets %d to %d, compacted below %d", e.first, e.end, e.cleaned); err != nil {
		return err
	}
	return d.metas(e.segments)
}

// metas prints what is remembered of segments.
func (d *dumper) metas(segments []segment.Meta) error {
	for _, m := range segments {
		text := ""
		if m.First != m.Base {
			text += fmt.Sprintf(", the first is %d", m.First)
		}
		if m.Generation > 0 {
			text += fmt.Sprintf(", generation %d", m.Generation)
		}
		if m.MaxTimestampMillis != segment.Unknown {
			text += ", newest " + millisText(m.MaxTimestampMillis)
		}
		if s := m.Sums; s != (segment.Sums{}) {
			text += fmt.Sprintf(", %d offset entries, crc %08x, %d time entries, crc %08x", s.OffsetEntries, s.OffsetCRC, s.TimeEntries, s.TimeCRC)
		}
		if err := d.any("  segment of offsets %d to %d, %d bytes%s", m.Base, m.End, m.SizeBytes, text); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumper) producers(e producersEntry) error {
	if _, ok := d.wanted(e.at.topic); !ok {
		return nil
	}
	if err := d.at(e.at, "producers of %s: %d", len(e.producers)); err != nil {
		return err
	}
	for i := range e.producers {
		p := &e.producers[i]
		open := ""
		if p.TxnFirstOffset != coord.None {
			open = fmt.Sprintf(", transaction open from offset %d", p.TxnFirstOffset)
		}
		if err := d.any("  producer %d, epoch %d, last used %s%s", p.ID, p.Epoch, millisText(p.LastUsedMillis), open); err != nil {
			return err
		}
		for _, r := range p.Batches[:p.Kept] {
			if err := d.any("    sequences %d to %d, offsets %d to %d, newest %s", r.FirstSequence(), r.LastSequence,
				r.FirstOffset(), r.LastOffset, millisText(r.MaxTimestampMillis)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dumper) aborted(e abortedEntry) error {
	if _, ok := d.wanted(e.at.topic); !ok {
		return nil
	}
	if err := d.at(e.at, "aborted transactions of %s: %d", len(e.aborted)); err != nil {
		return err
	}
	for _, a := range e.aborted {
		if err := d.any("  producer %d, offsets %d to %d, stable to %d", a.ProducerID, a.First, a.Last, a.StableEnd); err != nil {
			return err
		}
	}
	return nil
}
