// Package dsl is the language in which most topologies are written: typed
// streams and tables, and what is done to them.
//
//	From ──▶ Stream ──FlatMapValues──▶ Stream ──GroupBy──▶ Grouped ──Count──▶ Table ──ToStream──▶ Stream ──To──▶ topic
//	          │  ▲                                │                    │
//	          └──┘                         repartition topic     store, changelog
//	     Filter, Peek …                   (if the key changed)
//
// A [Stream] is facts, one after another; a [Table] is the last value of each
// key. Where a type changes the operator is a function, such as [Map] and
// [GroupBy]; where none does it is a method, such as [Stream.Filter]. Streams,
// tables and topics are values: any of them may be used any number of times.
//
// # Nulls
//
// A record of a topic may lack its key or its value. Functions see the zero
// value in its place, and
//
//	Filter, FilterNot, Peek   pass it on as it is
//	MapValues                 passes it on without a value; the function is not called
//	FlatMapValues             makes nothing of it; the function is not called
//	KeyBy, GroupBy            give it a key; it stays without a value
//	Map, FlatMap              make whole records of it
//	Count                     skips it
//
// Timestamps and headers go with the records that are made of a record. The
// updates of a table have a timestamp, the highest of the key, and no headers.
//
// # Keys
//
// Records are grouped where their key has them, in one task. Where the key was
// changed, by [Map], [FlatMap], [KeyBy] or [GroupBy], the operator that needs
// the grouping sends them through a repartition topic of its own first. Others
// do not.
//
// # Updates
//
// A table forwards the last update of each key once a commit, if all streams
// of it go to topics only, at most through MapValues: who folds those topics by
// key can not tell. If one goes any other way, such as through Filter, Peek or
// GroupBy, every update is forwarded.
//
// # Names
//
// An operator with a store has a name, given with [As], after which its topics
// are called. It stays the same for as long as their data is to be kept.
//
// A Builder belongs to one goroutine. Its mistakes are gathered: [Builder.Build]
// reports them all, each with the line of the program that made it. Functions
// given to operators are called by all tasks, each on the goroutine of its
// worker, so what they share they lock. They change neither keys nor values in
// place. Nothing in this package outlives a crash; stores and topics do, see
// package processor.
//
// Words and rules: Kafka Streams 4.0; deviations are in docs/semantics.md.
package dsl
