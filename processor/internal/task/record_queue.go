package task

import (
	"fmt"

	"github.com/freshet/freshet/log"
)

// maxWaitingFetches is how much of a partition waits behind the fetch being
// read before no more is asked for.
const maxWaitingFetches = 1

// A recordQueue holds what was fetched of one partition and not yet processed.
// Its first record is decoded, so that its timestamp can be compared.
type recordQueue struct {
	input   Input
	head    log.Record
	hasHead bool
	reading log.Fetch   // head is the last record that was read of it
	waiting []log.Fetch // after reading, in order
	sealed  log.Offset  // position at the last Seal
	fetched log.Offset  // after all that was fetched
}

func (q *recordQueue) add(f log.Fetch) error {
	q.waiting = append(q.waiting, f)
	q.fetched = f.Next
	if q.hasHead {
		return nil
	}
	return q.advance()
}

// advance makes the next record the head, if there is one.
func (q *recordQueue) advance() error {
	for {
		if q.reading.Records.Next(&q.head) {
			q.hasHead = true
			return nil
		}
		q.hasHead = false
		if err := q.reading.Records.Err(); err != nil {
			return fmt.Errorf("read %s: %w", q.input.TopicPartition, err)
		}
		q.reading = log.Fetch{}
		if len(q.waiting) == 0 {
			return nil
		}
		q.reading = q.waiting[0]
		q.waiting[0] = log.Fetch{}
		q.waiting = q.waiting[1:]
	}
}

// position is the offset of the next record to be processed.
func (q *recordQueue) position() log.Offset {
	if q.hasHead {
		return q.head.Offset
	}
	return q.fetched
}

func (q *recordQueue) full() bool { return len(q.waiting) >= maxWaitingFetches }
