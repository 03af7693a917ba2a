package verify

import (
	"testing"

	"github.com/freshet/freshet/log"
)

// seen are the records that verify found.
type seen struct {
	v       *verifier
	records map[*partition][]seenRecord
}

type seenRecord struct {
	offset, producerID int64
	attributes         uint16
}

func (s *seen) take(p *partition, b *batch, offset int64) {
	s.records[p] = append(s.records[p], seenRecord{offset, b.producerID, b.attributes})
}

// visible returns the offsets that readers see by what verify found. Records of
// the journal come before those of segments.
func (s *seen) visible(t *testing.T, tp log.TopicPartition, committed bool) (offsets []int64) {
	t.Helper()
	topic := s.v.names[tp.Topic]
	if topic == nil || int(tp.Partition) >= len(topic.partitions) {
		t.Fatalf("verify knows no partition %s", tp)
	}
	p := topic.partitions[tp.Partition]
	end := p.end
	if committed {
		end = p.lastStable(end)
	}
	for _, inSegments := range []bool{true, false} {
		for _, r := range s.records[p] {
			if (r.offset < p.sealedEnd) != inSegments || r.offset < p.start || r.offset >= end || r.attributes&attrControl != 0 {
				continue
			}
			if !committed || r.attributes&attrTransactional == 0 || !p.hasAborted(r) {
				offsets = append(offsets, r.offset)
			}
		}
	}
	return offsets
}

func (p *partition) hasAborted(r seenRecord) bool {
	for _, list := range [][]abortedTxn{p.aborted, p.later} {
		for _, a := range list {
			if a.producerID == r.producerID && r.offset >= a.first && r.offset <= a.last {
				return true
			}
		}
	}
	return false
}

// visible returns the offsets that readers of the log see.
func visible(t *testing.T, b *log.Broker, tp log.TopicPartition, committed bool) (offsets []int64) {
	t.Helper()
	start, _, err := b.Offsets(tp)
	if err != nil {
		t.Fatal(err)
	}
	c := b.NewConsumer()
	defer c.Close()
	if committed {
		c.ReadCommitted()
	}
	if err := c.Assign(tp, start); err != nil {
		t.Fatal(err)
	}
	for {
		fetches, err := c.Fetch(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetches) == 0 {
			return offsets
		}
		var r log.Record
		for fetches[0].Records.Next(&r) {
			offsets = append(offsets, int64(r.Offset))
		}
		if err := fetches[0].Records.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
