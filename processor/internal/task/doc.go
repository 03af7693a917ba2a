// Package task is the life of one task: a subtopology at work on one partition
// of each of its topics.
//
//	fetched batches ─▶ record queue ┐
//	fetched batches ─▶ record queue ┴▶ partition group ─▶ typed operators
//	                                                         │ stores
//	        Process, Process, …, Seal ─▶ commit ─▶ Committed ─▶ Drain ─▶ DB
//
// A Task is stepped by the worker that owns it. It starts no goroutines, knows
// no time but that of its records, and nothing in it is locked. Reading topics,
// committing, and writing the database in the background are the worker's.
//
// What survives a crash is what the log has committed: the offsets read, the
// stream time as their metadata, and the changelogs of the stores. A Task that
// failed, or whose commit did, is dropped and built anew from that.
//
// Words: StreamTask, PartitionGroup and RecordQueue of Kafka Streams 4.0.
package task
