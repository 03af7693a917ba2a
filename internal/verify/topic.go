package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// An id is a UUID.
type id [16]byte

// String returns the text form, as directories are named.
func (x id) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", x[:4], x[4:6], x[6:8], x[8:10], x[10:])
}

type topic struct {
	id         id
	name       string
	partitions []*partition
	going      bool // the checkpoint is younger than the record that deletes it
}

type partition struct {
	topic  *topic
	number int32
	known  bool // the checkpoint has it, or the journal made it

	start, end int64 // as of the checkpoint, then as the journal goes on
	cleaned    int64 // what is below has been compacted
	sealedEnd  int64 // end in the checkpoint
	epochs     []epochStart
	segments   []segment            // that the checkpoint counts, or that took their place
	doomed     map[segmentName]bool // others whose files may be there; only names matter

	// Of the checkpoint's place in the journal, which is before that of segments.
	producers   map[int64]producer
	aborted     []abortedTxn
	journalFrom int64 // where that place is: offset of the first batch behind it, or the end

	now    map[int64]producer // producers, as the journal goes on
	later  []abortedTxn       // that the journal aborts
	placed placedEnd
}

func newPartition(t *topic, number int32, known bool) *partition {
	return &partition{topic: t, number: number, known: known, doomed: map[segmentName]bool{}, journalFrom: 0,
		producers: map[int64]producer{}, now: map[int64]producer{}}
}

type epochStart struct {
	epoch int32
	start int64
}

func (p *partition) String() string { return fmt.Sprintf("%s-%d", p.topic.name, p.number) }

func (p *partition) dir() string { return fmt.Sprintf("%s/%s/%d", topicsDir, p.topic.id, p.number) }

// epochAt returns the leader epoch under which a batch at that offset was
// appended.
func (p *partition) epochAt(offset int64) (epoch int32, known bool) {
	for _, e := range p.epochs {
		if e.start > offset {
			break
		}
		epoch, known = e.epoch, true
	}
	return epoch, known
}

func (v *verifier) sortedTopics() []*topic {
	return slices.SortedFunc(maps.Values(v.topics), func(a, b *topic) int { return cmp.Compare(a.name, b.name) })
}

// find returns a partition, or an error that says that there is none.
func (v *verifier) find(x id, number int32) (*partition, error) {
	t, ok := v.topics[x]
	if !ok {
		return nil, fmt.Errorf("topic %s was never created", x)
	}
	if number < 0 || int(number) >= len(t.partitions) {
		return nil, fmt.Errorf("topic %s has %d partitions, none is number %d", t.name, len(t.partitions), number)
	}
	return t.partitions[number], nil
}
