package processor_test

import (
	"testing"
	"time"

	"github.com/freshet/freshet/processor"
)

func TestMetricsString(t *testing.T) {
	m := processor.Metrics{Tasks: []processor.TaskMetrics{
		{Task: processor.TaskID{Subtopology: 0, Partition: 0}, Records: 1_234_567, Commits: 10, CommitTime: 12345 * time.Microsecond},
		{
			Task: processor.TaskID{Subtopology: 1, Partition: 10}, Records: 99, Lag: 5, BufferedBytes: 4096,
			RestoredRecords: 1_000_000, RestoredBytes: 1 << 20, RestoreTime: 1500 * time.Millisecond,
		},
	}}
	golden(t, "metrics.txt", m.String())
}
