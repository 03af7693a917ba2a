// Package bench measures Freshet against the same work written by hand.
//
//	Log        the embedded log        against  one file, one loop
//	Wordcount  topology, log, stores   against  the same pipeline straight on files
//
//	round 1   by hand, freshet    round 2   freshet, by hand    round 3   …
//
// The rules, so that a ratio means something:
//
//   - Both sides run in one process, one after the other, interleaved, and the
//     side that begins changes with each round. Every figure is the median of
//     the rounds; a ratio is the median of the rounds' own ratios, by hand's
//     time over Freshet's: 1 is as fast, less is slower.
//   - Every pass works on new files in a directory of its own, which is removed
//     afterwards. The garbage of one side is collected before the other begins.
//   - Both sides do the same number of records, chosen so that the side by hand
//     takes long enough to be measured; results are compared, and a difference
//     fails the benchmark.
//   - Freshet is called through its public API only, with its default settings
//     but for the durability that is being measured.
//   - Appending, Freshet's time ends when Close has returned: everything is
//     then in its segments, which is the second time that the bytes are
//     written. In the modes that leave syncing to the operating system the loop
//     by hand syncs nothing at its end, so what Close spends in syncing is
//     measured and taken off. In sync mode nothing is taken off. The rate until
//     the last acknowledgement is reported beside it.
//   - CPU time is that of the whole process, background goroutines and garbage
//     collector included, over the same span.
//   - By hand means without excuses: plain functions on files, no layers, no
//     locks, every buffer used again, errors checked. It writes the same
//     record batches byte for byte, reads them with the same decoder, and syncs
//     with the same call (fdatasync on Linux).
//   - In the sections of Log that follow append, both sides get the same time
//     and not the same number of records. Freshet's partitions have a record
//     each before the clock starts. When it is opened again it has to have as
//     many records as were acknowledged. What is measured of Freshet
//     alone, such as recovery, has no ratio.
//   - Many goroutines write by hand to one file, under a lock. Records for many
//     partitions are written by hand with one system call, and one sync, for
//     all of a commit.
//   - A latency counts from when the operation was meant to begin, not from when
//     the one before let it.
//   - The wordcount by hand has as many goroutines as the topology has workers,
//     the same partitions, partitioner, batches and intervals, and could
//     recover from what it writes. Its time, and Freshet's, runs from nothing
//     but a source on disk until everything is counted and committed; files,
//     topics and stores are made within it. CPU time counts until everything
//     is closed.
//
// Only commands call it. A benchmark belongs to one goroutine and wants the
// machine for itself. Nothing survives a crash, but temporary directories may
// be left behind.
package bench
