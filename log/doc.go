// Package log is an embedded, durable, partitioned log: Kafka's topics,
// partitions, offsets and record batches inside one Go process.
//
// A [Broker] owns one data directory:
//
//	LOCK                                    held by the one writing process
//	CHECKPOINT                              everything that is not a segment, and where to replay from
//	journal/00000000000000000001.journal    every change, in order, checksummed
//	topics/<topic id>/<partition>/          segments: Kafka record batches, byte for byte
//
// Everything that changes the log goes through one commit journal. A [Commit]
// holds batches for any number of partitions and the offsets that a reader of
// other partitions has reached; it becomes visible, and survives a crash, as
// a whole or not at all. Segments are derived from the journal.
//
// Kafka's transactions are here too, for its clients and as a
// [TransactionalProducer]: records are in the log before their outcome is, so
// readers say whether they wait for it. The outcome is one record of the
// journal, whatever it touches; so a transaction is open or over, and never in
// between. One that is open too long is aborted; an open one goes on after a
// restart.
//
// A group has members that share partitions, each a [GroupConsumer] in this
// process or a client of Kafka's elsewhere, or one program has claimed it, see
// [Broker.ClaimGroup]. A commit of a member, or of a claim, that was replaced is
// refused. Generations and offsets survive the process; members do not, they
// join again.
//
// Who knows Kafka finds here:
//
//	AdminClient                 methods of Broker: CreateTopic, AlterTopic, DeleteRecords, ResetOffsets, …
//	KafkaProducer               Producer: Produce waits for its own commit, ProduceAsync lingers
//	  with a transactional.id   TransactionalProducer; or a CommitBuilder, which is atomic with nothing to abort
//	KafkaConsumer.assign        Consumer, from offsets of Broker.Offsets and OffsetForTime
//	KafkaConsumer.subscribe     Broker.Subscribe: a GroupConsumer, which commits when it is told to, never by itself
//	isolation.level             Consumer.ReadCommitted, GroupConfig.ReadCommitted
//	acks, flush.messages        Config.Durability
//	topic configs               TopicConfig
//	broker configs              Config
//
// The examples show each of them.
//
// Any goroutine may call a [Broker] and a [Producer]. A [Consumer], a
// [TransactionalProducer] and a [CommitBuilder] belong to one goroutine at a
// time. Other processes may read the same directory with [OpenReadOnly] while
// its owner runs.
//
// What survives: with the default durability, [Sync], whatever was
// acknowledged survives the crash of the process and of the machine; with
// [Interval] and [OS] the crash of the machine may take the last moments, and
// what is left is always a prefix of what was acknowledged.
//
// Formats: docs/format/journal.md, docs/format/segment.md.
package log
