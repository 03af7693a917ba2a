// Package coord decides what Kafka's coordinators decide: who may append, who
// belongs to a group, which transaction is open. It is pure: no goroutine, no
// lock, no clock, no file. Time and ids are handed in, so a run can be repeated.
//
//	ProducerStates   one a partition: which batches were seen before, which
//	                 transactions are open, how far a reader of committed
//	                 records may read
//	Transactions     one a log: transactional id → producer id, epoch, what the
//	                 open transaction touches
//	Groups           one a log: members, generations, assignments
//
// The log owns one of each and calls them under its own order; nothing here may
// be called from two goroutines at once.
//
// A step answers with what is to be said, and with what must be in the journal
// before it is said. When the journal refuses a step of ProducerStates or
// Transactions, because the disk is full, the step is taken back with Undo,
// newest first.
//
// What survives a crash is what the caller writes: every [Producer] and
// [Transaction] value, and a [SavedGroup] for each group. Members are not kept:
// after a restart each hears that it is unknown, and joins again.
//
// There is no prepared state between open and ended: the log writes the
// outcome, the markers of all partitions and the offsets of all groups in one
// journal record, so a transaction is either open or over.
//
// Requests may come from anywhere. Sizes and numbers are checked before
// anything changes, and are refused with the code that Kafka uses.
//
// Rules: Kafka 4.0, ProducerStateManager.java, ProducerAppendInfo.java,
// TransactionCoordinator.scala, GroupMetadataManager.java (classic groups), with
// KIP-98, KIP-345, KIP-360, KIP-394, KIP-447 and KIP-890.
package coord
