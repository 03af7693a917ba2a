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
}

type partition struct {
	topic  *topic
	number int32
	known  bool // the checkpoint has it

	start, end int64 // end grows with the journal
	sealedEnd  int64 // end in the checkpoint
	epochs     []epochStart
	segments   []segment
}

type epochStart struct {
	epoch int32
	start int64
}

type segment struct{ base, end, size int64 }

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
