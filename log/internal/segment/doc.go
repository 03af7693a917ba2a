// Package segment stores a run of record batches in one append-only file.
//
// A segment is two files named by its base offset, the offset of its first
// record, in 20 decimal digits:
//
//	00000000000000001000.log      batches, back to back, as Kafka writes them
//	00000000000000001000.index    offset -> position, 8 bytes an entry
//
// An index entry, big-endian as all of Kafka is, stands for one batch in about
// every 4 KiB of the .log file:
//
//	0                    4               8
//	+--------------------+---------------+
//	| last offset - base | file position |
//	+--------------------+---------------+
//
// One goroutine appends; any number read. A batch is visible to readers only
// after Append returns. What is appended survives a crash of the machine once
// Sync has returned; the owner knows that size (it is in the checkpoint) and
// passes it to Open, which cuts the rest: it comes again from the journal. The
// index is disposable: missing, torn or lying, it is made anew from the .log.
//
// Layout: Kafka 4.0, LogSegment.java and OffsetIndex.java; docs/format/segment.md.
package segment
