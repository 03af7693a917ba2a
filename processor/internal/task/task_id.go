package task

import (
	"fmt"
	"strconv"
	"strings"
)

// An ID names a task: the subtopology it runs and the partition it reads. It
// prints as Kafka's do, subtopology_partition.
type ID struct {
	Subtopology int
	Partition   int32
}

func (id ID) String() string { return fmt.Sprintf("%d_%d", id.Subtopology, id.Partition) }

// ParseID reads what String prints.
func ParseID(s string) (ID, error) {
	sub, part, ok := strings.Cut(s, "_")
	if !ok {
		return ID{}, fmt.Errorf("task id %q: want <subtopology>_<partition>", s)
	}
	subtopology, err := strconv.ParseUint(sub, 10, 31)
	if err != nil {
		return ID{}, fmt.Errorf("task id %q: subtopology: %w", s, err)
	}
	partition, err := strconv.ParseUint(part, 10, 31)
	if err != nil {
		return ID{}, fmt.Errorf("task id %q: partition: %w", s, err)
	}
	id := ID{Subtopology: int(subtopology), Partition: int32(partition)}
	if id.String() != s {
		return ID{}, fmt.Errorf("task id %q: want %q", s, id)
	}
	return id, nil
}
