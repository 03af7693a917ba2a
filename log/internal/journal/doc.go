// Package journal is the commit journal: one append-only, checksummed sequence
// of records through which everything that changes a log goes.
//
// A journal is a directory of files, each named by the sequence number of its
// first record in 20 decimal digits:
//
//	00000000000000000001.journal
//	00000000000000004711.journal
//
// A file is a header and records back to back, each aligned to 8 bytes:
//
//	+-------------+----------+----------+--------------------
//	| file header | record 1 | record 2 | zeros (preallocated)
//	+-------------+----------+----------+--------------------
//
// Many goroutines may call [Journal.Commit]. One of them at a time, the
// leader, writes for all that have queued up meanwhile: it lets the
// [Sequencer] order and number the group, writes it with few writes and one
// sync, lets the Sequencer publish it, wakes the others and hands leadership
// on. So a single committer pays no hand-over and many share one sync.
//
// After a crash [Replay] returns the longest prefix of whole records. What
// follows it is a torn tail, which is cut, or corruption, which is refused:
// see [Replay] for how the two are told apart. The first failed write or sync
// poisons the journal, since after it nobody knows what the disk holds.
//
// Only package log calls this. Format: docs/format/journal.md.
package journal
