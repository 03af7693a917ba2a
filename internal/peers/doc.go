// Peers measures the log of Freshet beside other systems that keep records in
// order: go run . log.
//
//	round 1   freshet, kfake, nats, …     round 2   kfake, nats, …, freshet
//	  pass      new directory → open → append → close → open → read → close
//	            time of appending ├──────────────┤     ├────┤ of reading
//
// The rules, the same for all:
//
//   - All run in this process, one after the other, interleaved; who begins
//     changes with each round. One round before the first is not counted.
//     Garbage is collected before each measurement.
//   - All append the same records, one batch in flight: the next is begun when
//     the system has acknowledged the one before.
//   - The time of appending ends when closing has returned, since what a
//     system has not written by then is not there. The rate until the last
//     acknowledgement stands beside it.
//   - Then the directory is opened again, and everything is read. Opening is
//     reported but not part of reading. Number, bytes and order of the
//     records must be those that were appended; a difference ends the run.
//   - CPU time is that of the whole process in the same span: clients, servers,
//     background work and the collector of garbage.
//   - Space on disk is what the file system has allocated after closing.
//   - A ratio is the system's rate over Freshet's of the same round; the median
//     of the rounds is reported. It is in parentheses where the two do not
//     promise the same.
//   - Everybody is called through the public API, with the defaults but for
//     durability and compression, which is off. Exceptions are in the file of
//     the system.
//
// It is a module of its own, so that nothing of the others gets into the
// requirements of Freshet. Only people call it. It wants the machine for
// itself. Directories that a crash leaves behind are called freshet-peers-*.
package main
