package log

import "time"

// CleanerStats tell what compaction has done since the log was opened.
type CleanerStats struct {
	Passes         int64 // over one partition each
	RecordsKept    int64
	RecordsDropped int64 // markers of transactions among them
	BytesRead      int64 // each pass reads what is new twice
	BytesWritten   int64
	Duration       time.Duration // of all passes
	Failed         int64         // passes that were given up

	// Last is the newest pass that came to its end.
	Last CleanerPass
}

// A CleanerPass is one pass over one partition.
type CleanerPass struct {
	Partition      TopicPartition
	From, To       Offset // what was new in it
	RecordsKept    int64
	RecordsDropped int64
	BytesRead      int64
	BytesWritten   int64
	SizeBytes      int64 // of the segments that it went through, when it began
	Duration       time.Duration
}

// CleanerStats returns what compaction has done since the log was opened.
func (b *Broker) CleanerStats() CleanerStats {
	b.cleaner.mu.Lock()
	defer b.cleaner.mu.Unlock()
	return b.cleaner.mu.stats
}
