// Package processortest runs topologies in tests: the real runtime, stepped by
// hand, on a real log and real stores in memory, on a clock of its own.
//
//	Pipe ──▶ topics ──▶ Step, Run, Advance ──▶ topics ──▶ Read, Table
//	           │              │
//	           │            stores ──▶ Store
//	           └───────┬──────┘
//	        file system in memory: survives Restart and Crash
//
// A test says what happens and in which order:
//
//	d := processortest.New(t, topology, processortest.Config{Partitions: 3})
//	processortest.Pipe(d, lines, processor.KV("a", "to be or not to be"))
//	d.Run()
//	d.Crash()
//	got := processortest.Table(d, counts)
//
// Nothing happens by itself, and nothing waits for the wall clock. The order in
// which tasks get their turns is drawn from a seed, so a run can be repeated.
//
// A [Driver] belongs to one goroutine. It serves tests, benchmarks, property
// tests and, with a nil t, runnable examples.
//
// [Driver.Crash] leaves of log and stores what kill -9 leaves of a process: all
// that was written to files, nothing that was only in memory. The files are
// those of a [vfs.Mem].
//
// After Kafka's TopologyTestDriver, which has one partition, no log and no
// crashes.
package processortest
