package processor

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/log"
	"github.com/freshet/freshet/state"
)

// A taskStatus is what others see of a task. Its worker publishes it once a
// slice or commit.
type taskStatus struct {
	id        TaskID
	inputs    []log.TopicPartition
	positions []atomic.Int64 // of inputs

	records       atomic.Int64
	commits       atomic.Int64
	commitNanos   atomic.Int64
	lastNanos     atomic.Int64
	bufferedBytes atomic.Int64

	restoredRecords atomic.Int64
	restoredBytes   atomic.Int64
	restoreNanos    atomic.Int64
}

func newPositions(n int) []atomic.Int64 { return make([]atomic.Int64, n) }

// publish tells what a slice of n records changed.
func (rt *runningTask) publish(n int) {
	s := rt.status
	s.records.Add(int64(n))
	for i := range rt.Inputs {
		s.positions[i].Store(int64(rt.Position(i)))
	}
	var buffered int64
	for _, st := range rt.Stores {
		buffered += st.DirtyBytes()
	}
	s.bufferedBytes.Store(buffered)
}

func (s *taskStatus) committed(took time.Duration) {
	s.commits.Add(1)
	s.commitNanos.Add(int64(took))
	s.lastNanos.Store(int64(took))
}

func (s *taskStatus) restored(c state.RestoreCounts) {
	s.restoredRecords.Add(c.Records)
	s.restoredBytes.Add(c.Bytes)
}

// Metrics tell what an App has done since it started.
type Metrics struct {
	Tasks []TaskMetrics // by subtopology, then partition
}

// TaskMetrics tell what a task has done since its App started.
type TaskMetrics struct {
	Task    TaskID
	Records int64 // source records processed
	Lag     int64 // source records not yet processed

	Commits       int64         // that the task took part in
	CommitTime    time.Duration // of all of them
	LastCommit    time.Duration // of the last one
	BufferedBytes int64         // changes of stores that their database does not hold yet

	RestoredRecords int64 // read from changelogs
	RestoredBytes   int64 // written to the database
	RestoreTime     time.Duration
}

func (s *taskStatus) metrics(cluster Cluster) TaskMetrics {
	m := TaskMetrics{
		Task:            s.id,
		Records:         s.records.Load(),
		Commits:         s.commits.Load(),
		CommitTime:      time.Duration(s.commitNanos.Load()),
		LastCommit:      time.Duration(s.lastNanos.Load()),
		BufferedBytes:   s.bufferedBytes.Load(),
		RestoredRecords: s.restoredRecords.Load(),
		RestoredBytes:   s.restoredBytes.Load(),
		RestoreTime:     time.Duration(s.restoreNanos.Load()),
	}
	for i, tp := range s.inputs {
		_, end, err := cluster.Offsets(tp)
		if err != nil {
			continue // a cluster that is closed or away tells no lag
		}
		m.Lag += max(0, int64(end)-s.positions[i].Load())
	}
	return m
}

// Total adds up the tasks of a subtopology, or of all if it is -1.
func (m Metrics) Total(subtopology int) TaskMetrics {
	total := TaskMetrics{Task: TaskID{Subtopology: subtopology, Partition: -1}}
	for _, t := range m.Tasks {
		if subtopology >= 0 && t.Task.Subtopology != subtopology {
			continue
		}
		total.Records += t.Records
		total.Lag += t.Lag
		total.Commits += t.Commits
		total.CommitTime += t.CommitTime
		total.LastCommit = max(total.LastCommit, t.LastCommit)
		total.BufferedBytes += t.BufferedBytes
		total.RestoredRecords += t.RestoredRecords
		total.RestoredBytes += t.RestoredBytes
		total.RestoreTime = max(total.RestoreTime, t.RestoreTime)
	}
	return total
}

// String prints a line a task.
func (m Metrics) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %12s %10s %8s %10s %12s %12s %10s\n",
		"task", "records", "lag", "commits", "commit", "buffered", "restored", "in")
	for _, t := range m.Tasks {
		mean := time.Duration(0)
		if t.Commits > 0 {
			mean = t.CommitTime / time.Duration(t.Commits)
		}
		fmt.Fprintf(&b, "%-8s %12d %10d %8d %10s %12d %12d %10s\n",
			t.Task, t.Records, t.Lag, t.Commits, mean.Round(time.Microsecond),
			t.BufferedBytes, t.RestoredRecords, t.RestoreTime.Round(time.Millisecond))
	}
	return b.String()
}
