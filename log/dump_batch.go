package log

import (
	"fmt"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/log/internal/segment"
)

func (d *dumper) batch(e batchEntry) error {
	h, err := batch.ParseHeader(e.batch)
	if err == nil {
		err = batch.Verify(e.batch)
	}
	var what string
	if err == nil {
		what, err = describeBatch(&h, e.batch)
	}
	if err != nil {
		name, _ := d.wanted(e.at.topic)
		return fmt.Errorf("batch of %s-%d: %w", name, e.at.partition, err)
	}
	if _, ok := d.wanted(e.at.topic); !ok {
		return nil
	}
	if err := d.at(e.at, "batch %s, %s", what); err != nil {
		return err
	}
	return d.records(&h, e.batch)
}

// placed prints a batch that stands in its segment. Its records are printed with
// that, once a checkpoint counts it.
func (d *dumper) placed(e placedEntry) error {
	h, err := batch.ParseHeader(e.header)
	if err != nil {
		name, _ := d.wanted(e.at.topic)
		return fmt.Errorf("placed batch of %s-%d: %w", name, e.at.partition, err)
	}
	return d.at(e.at, "batch %s, placed at %d in %s, %s", e.pos, segment.LogName(int64(e.base), 0), describeHeader(&h))
}

// describeBatch says what a whole batch is: a marker as such, any other by its
// header.
func describeBatch(h *batch.Header, b []byte) (string, error) {
	if h.Attributes&batch.Control == 0 {
		return describeHeader(h), nil
	}
	m, err := markerOf(b)
	if err != nil {
		return "", err
	}
	outcome := "abort"
	if m.Commit {
		outcome = "commit"
	}
	text := fmt.Sprintf("marker: %s of producer %d, epoch %d, offset %d, coordinator epoch %d, leader epoch %d, crc %08x, at %s",
		outcome, h.ProducerID, h.ProducerEpoch, h.BaseOffset, m.CoordinatorEpoch, h.LeaderEpoch, h.CRC, millisText(h.MaxTimestampMillis))
	if h.LastOffsetDelta > 0 {
		text += fmt.Sprintf(", stands for offsets to %d", h.LastOffset())
	}
	if h.Attributes&batch.DeleteHorizon != 0 {
		text += ", stays until " + millisText(h.BaseTimestampMillis)
	}
	return text, nil
}

func describeHeader(h *batch.Header) string {
	text := fmt.Sprintf("offsets %d to %d, %d records, %d bytes, leader epoch %d, crc %08x, newest %s",
		h.BaseOffset, h.LastOffset(), h.Count, h.SizeBytes(), h.LeaderEpoch, h.CRC, millisText(h.MaxTimestampMillis))
	if c := h.Codec(); c != batch.None {
		text += ", " + c.String()
	}
	if h.Attributes&batch.LogAppendTime != 0 {
		text += ", log append time"
	}
	if h.ProducerID >= 0 {
		text += fmt.Sprintf(", producer %d, epoch %d, sequence %d", h.ProducerID, h.ProducerEpoch, h.BaseSequence)
	}
	if h.Attributes&batch.Transactional != 0 {
		text += ", transactional"
	}
	if h.Attributes&batch.DeleteHorizon != 0 {
		text += ", tombstones stay until " + millisText(h.BaseTimestampMillis)
	}
	return text
}

// records prints the records of a batch, if that is wanted. A marker was printed
// already.
func (d *dumper) records(h *batch.Header, b []byte) error {
	if !d.cfg.Records || d.quiet || h.Attributes&batch.Control != 0 {
		return nil
	}
	if h.Codec() != batch.None {
		var err error
		if b, err = batch.Decompress(nil, b, maxMessageBytes); err != nil {
			return err
		}
	}
	var r batch.Reader
	if err := r.Reset(b); err != nil {
		return err
	}
	var rec batch.Record
	for r.Next(&rec) {
		if err := d.printf("      %d: key %s, value %s, %d headers\n", rec.Offset, quote(rec.Key), quote(rec.Value), rec.HeaderCount); err != nil {
			return err
		}
	}
	return r.Err()
}

func quote(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}
