// Package segment stores a run of record batches in one append-only file.
//
// A segment is three files named by its base offset, in 20 decimal digits, and
// by its generation, if that is not 0:
//
//	00000000000000001000.log          batches, back to back, as Kafka writes them
//	00000000000000001000.index        offset -> position, 8 bytes an entry
//	00000000000000001000.timeindex    timestamp -> offset, 12 bytes an entry
//	00000000000000001000.2.log        what two compactions left of it
//
// An entry of either index, big-endian as all of Kafka is, stands for one batch
// in about every 4 KiB of the .log file:
//
//	0                    4               8
//	+--------------------+---------------+
//	| last offset - base | file position |
//	+--------------------+---------------+
//
//	0                      8                     12
//	+----------------------+---------------------+
//	| max timestamp so far | last offset - base  |
//	+----------------------+---------------------+
//
// One goroutine appends, and one syncs; any number read. A batch is visible to
// readers only after Append or Publish. What is published survives a crash of
// the machine once Sync has returned; the owner remembers the [Meta] (it is in the
// checkpoint) and passes it to Open. What is behind comes again from the journal.
//
// A log has many segments, so each costs little while nobody uses it: opening
// looks at the size of one file, files are open only while [Files] has room, and
// of the indexes memory has only entries that were not saved yet.
//
// The indexes are disposable: missing, torn, outdated or lying, they are made
// anew from the .log. [Sums] tell.
//
// Layout: Kafka 4.0, LogSegment, OffsetIndex and TimeIndex; docs/format/segment.md.
package segment
