package log

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// A topicEntry is a topic as it is from here on: created, altered or grown.
// Configs are pairs of strings under Kafka's names.
type topicEntry struct {
	id   uuid.UUID
	name string
	cfg  TopicConfig
}

func (e topicEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = beginEntry(dst, entryTopic)
	dst = append(dst, e.id[:]...)
	dst = appendString(dst, e.name)
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.cfg.Partitions))
	pairs := e.cfg.pairs()
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(pairs)))
	for _, p := range pairs {
		dst = appendString(appendString(dst, p.Name), p.Value)
	}
	return endEntry(dst, begin)
}

func decodeTopic(d *decoder) entry {
	e := topicEntry{id: d.id(), name: d.string(), cfg: defaultTopicConfig()}
	e.cfg.Partitions = d.i32()
	for n := d.u16(); n > 0 && d.err == nil; n-- {
		if err := e.cfg.set(d.string(), d.string()); err != nil {
			d.fail(err)
		}
	}
	return e
}

// A topicDeletedEntry says that a topic is no more, nor are offsets that groups
// have committed for it.
type topicDeletedEntry struct{ id uuid.UUID }

func (e topicDeletedEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	return endEntry(append(beginEntry(dst, entryTopicDeleted), e.id[:]...), begin)
}

func decodeTopicDeleted(d *decoder) entry { return topicDeletedEntry{d.id()} }

// A logStartEntry says that records below an offset are no more.
type logStartEntry struct {
	at    partitionID
	start Offset
}

func (e logStartEntry) appendTo(dst []byte) []byte {
	begin := len(dst)
	dst = appendAt(beginEntry(dst, entryLogStart), e.at)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.start))
	return endEntry(dst, begin)
}

func decodeLogStart(d *decoder) entry { return logStartEntry{d.at(), d.offset()} }
