// Package processor runs topologies: typed graphs of processors between the
// topics of a log.
//
//	Topic ─▶ Source ─▶ Process ─▶ Process ─▶ Sink ─▶ Topic
//	                      │
//	                    Store ─▶ changelog topic
//
// A [Builder] draws the graph and a [Topology] is the finished drawing. Its
// connected parts are subtopologies; a subtopology runs once a partition of
// its source topics, and that is a task. An [App] shares the tasks among
// worker goroutines. A task belongs to one worker and nothing in it is locked,
// so a [Processor] needs no locks either and must not hand its [Context] or a
// [Record] to other goroutines.
//
// The edges of the graph are typed: the compiler checks that a processor takes
// what its parent makes. Types are erased once, when a task is wired; a record
// then travels by pointer through typed calls, and nothing is allocated for
// it.
//
// What a worker reads, writes and keeps in stores is committed together, many
// records at a time. After a crash at any moment the App goes on from its last
// commit as if nothing later had happened: every record has its effects on
// topics and stores exactly once. Effects elsewhere, such as a request that a
// processor sends, may happen again.
//
// A log is seen through the interfaces of cluster.go. [OnLog] and [OnDir] give
// the embedded one.
//
// Words and rules: Kafka Streams 4.0; deviations are in docs/semantics.md.
package processor
