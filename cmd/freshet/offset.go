package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/freshet/freshet/log"
)

// Words of --offset.
const (
	offsetStart = "start"
	offsetEnd   = "end"
)

// parseOffset reads start, end, an offset, or -N for N before the end.
func parseOffset(s string, p log.PartitionDescription) (log.Offset, error) {
	switch s {
	case offsetStart:
		return p.Start, nil
	case offsetEnd:
		return p.End, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, usageError(fmt.Errorf("--offset %q: want start, end, an offset, or -N for the last N", s))
	}
	if strings.HasPrefix(s, "-") {
		return max(p.Start, p.End+log.Offset(n)), nil
	}
	if from := log.Offset(n); from >= p.Start && from <= p.End {
		return from, nil
	}
	return 0, fmt.Errorf("--offset %d: partition %d has %d to %d: %w", n, p.Partition, p.Start, p.End, log.ErrOffsetOutOfRange)
}

// choosePartitions returns the partitions with these numbers, or all.
func choosePartitions(d log.TopicDescription, numbers []int32) ([]log.PartitionDescription, error) {
	if len(numbers) == 0 {
		return d.Partitions, nil
	}
	var chosen []log.PartitionDescription
	for _, n := range numbers {
		if n < 0 || int(n) >= len(d.Partitions) {
			return nil, fmt.Errorf("no partition %d in topic %q, it has 0 to %d: %w", n, d.Name, len(d.Partitions)-1, log.ErrUnknownTopic)
		}
		chosen = append(chosen, d.Partitions[n])
	}
	return chosen, nil
}
