package processor

import "time"

// Here is what keeps a worker from going on: memory, time, and the end.

// full says that enough was gathered for a commit.
func (w *worker) full() bool { return w.committer.SizeBytes() >= w.run.config.BufferBytes }

// room says that there is memory for more. If there is none, what is under way
// beside the worker will give some back.
func (w *worker) room() bool {
	if w.commits.busy && w.full() {
		return false
	}
	if !w.commits.busy && !w.drains.busy {
		return true
	}
	// Up to the bound stores only hurry, see pressed; as much again is what may
	// gather while they do.
	for _, rt := range w.tasks {
		if rt.Dirtier(2 * w.run.cacheBytes) {
			return false
		}
	}
	return true
}

// lookBytes is how much a task appends before it looks how much is gathered,
// which takes too long to be done for every record.
const lookBytes = 64 << 10

// enough ends a task's slice.
func (w *worker) enough(e *env) bool {
	if e.appended >= lookBytes {
		e.appended = 0
		return w.full()
	}
	return w.stopping.Load()
}

// The pace of a worker that has yet to see how long records take.
const firstSliceRecords = 16

// pace chooses the length of the next slice by what the last step took, so that
// commits are made in time where records take long.
func (w *worker) pace(took time.Duration) {
	interval := w.run.config.CommitInterval
	switch {
	case took > interval:
		w.slice = max(1, int(float64(w.slice)*float64(interval/2)/float64(took)))
	case w.processed >= w.slice && took < interval/4:
		w.slice = min(2*w.slice, sliceRecords)
	}
}
