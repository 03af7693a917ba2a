package main

// A bug is a mistake that somebody could make.
type bug struct {
	name string
	file string // in the repository
	good string // is there once
	bad  string // takes its place
	pkg  string // whose tests see it
	run  string // these
}

const (
	logPkg     = "./log"
	journalPkg = "./log/internal/journal"
	segmentPkg = "./log/internal/segment"
)

var bugs = []bug{
	{"ack-before-sync", "log/internal/journal/write.go",
		"if j.cfg.Sync != SyncGroups {\n\t\treturn nil", "if j.cfg.Sync != SyncGroups || true {\n\t\treturn nil",
		logPkg, "TestCrashHistories"},
	{"ack-before-write", "log/internal/journal/journal.go",
		"if err := j.write(sequenced); err != nil {", "j.cfg.Sequencer.Publish(sequenced)\n\tif err := j.write(sequenced); err != nil {",
		journalPkg, "TestFailedSyncPoisons|TestRefusedGroup"},
	{"no-directory-sync", "log/internal/journal/write.go",
		"err = j.cfg.FS.SyncDir(\".\")", "err = nil",
		logPkg, "TestCrashHistories"},
	{"sync-retried", "log/internal/journal/write.go",
		"if j.syncErr == nil {", "if true {",
		journalPkg, "TestSyncThatFailedElsewhere"},
	{"failed-sync-goes-on", "log/internal/journal/journal.go",
		"err = j.poison(err)\n\t\tj.cfg.Sequencer.Lost(group)", "err = fmt.Errorf(\"%w: %w\", ErrPoisoned, err)\n\t\tj.cfg.Sequencer.Lost(group)",
		logPkg, "TestNothingIsAcknowledgedAfterAFailedSync"},
	{"cut-in-the-middle", "log/internal/journal/replay.go",
		"if after.found && (after.durable >= s.next || r.sameBoot(s)) {", "if false {",
		journalPkg, "TestEveryFlippedBitIsNoticed|TestHole"},
	{"refused-write-stays", "log/internal/journal/write.go",
		"if err := j.file.Truncate(j.pos); err != nil {", "if err := error(nil); err != nil {",
		logPkg, "TestLogAgainstModel"},
	{"journal-sum-trusted", "log/internal/journal/scan.go",
		"got != h.crc {", "got != h.crc && false {",
		journalPkg, "TestEveryFlippedBitIsNoticed"},
	{"undo-forgotten", "log/commit.go",
		"c.undo[i]()", "_ = c.undo[i]",
		logPkg, "TestLogAgainstModel"},
	{"checkpoint-before-segments", "log/checkpoint.go",
		"if err := b.unsynced.sync(); err != nil {\n\t\treturn err\n\t}\n\tencoded := b.encodeCheckpoint(s, closed)",
		"encoded := b.encodeCheckpoint(s, closed)\n\tdefer b.unsynced.sync()",
		logPkg, "TestCrashHistories|TestReopen"},
	{"segments-ahead-of-journal", "log/checkpoint.go",
		"if err := b.journal.SyncNow(); err != nil {", "if err := error(nil); err != nil {",
		logPkg, "TestCrashHistories"},
	{"checkpoint-not-synced", "internal/vfs/files.go",
		"if err := f.Sync(); err != nil {", "if err := error(nil); err != nil {",
		logPkg, "TestCrashHistories"},
	{"placed-batch-not-verified", "log/place.go",
		"if err == nil && (!bytes.Equal(b[:batch.HeaderBytes], e.header) || batch.Verify(b) != nil) {", "if err == nil && bytes.Equal(b, nil) {",
		logPkg, "TestCrashHistories|TestLogAgainstModel"},
	{"placed-batch-of-deleted-topic-lost", "log/place.go",
		"err = sync(s)\n\t\t}", "if !p.topic.gone.Load() {\n\t\t\t\terr = sync(s)\n\t\t\t}\n\t\t}",
		logPkg, "TestPlacedBatchOfDeletedTopicIsSynced"},
	{"duplicates-forgotten", "log/checkpoint.go",
		"s.entries = p.producerEntriesLocked(s.entries)", "",
		logPkg, "TestLogAgainstModel"},
	{"sequence-wraps-wrongly", "internal/coord/producer.go",
		"return int32((int64(sequence) + n) & math.MaxInt32)", "return int32(min(int64(sequence)+n, math.MaxInt32))",
		logPkg, "TestKilledProcessLosesNothing"},
	{"old-epoch-accepted", "internal/coord/producer.go",
		"case b.Epoch < p.Epoch:\n\t\treturn InvalidProducerEpoch", "case b.Epoch < p.Epoch:\n\t\treturn OK",
		"./internal/coord", "Producer"},
	{"stable-end-early", "log/producers.go",
		"if p.openFirst != noTxn {\n\t\treturn max(p.openFirst, p.start)", "if p.openFirst != noTxn {\n\t\treturn p.end",
		logPkg, "TestLogAgainstModel"},
	{"aborted-records-seen", "log/records.go",
		"|| r.aborted.has(h):", ":",
		logPkg, "TestLogAgainstModel"},
	{"offsets-of-aborted-transactions", "log/txn_offsets.go",
		"if !e.Commit {\n\t\treturn\n\t}\n\tfor _, o := range pending.list", "for _, o := range pending.list",
		logPkg, "TestLogAgainstModel"},
	{"tombstone-early", "log/compact_filter.go",
		"gone := has && until <= f.p.now", "gone := has || until != 1",
		logPkg, "TestTombstone|TestCompact"},
	{"old-fence-accepted", "log/group.go",
		"if code != coord.OK {\n\t\treturn fmt.Errorf(\"member %q of group", "if false {\n\t\treturn fmt.Errorf(\"member %q of group",
		logPkg, "TestFence|TestLogAgainstModel"},
	{"index-trusted", "log/internal/segment/load.go",
		"if crc != want || n == 0 {", "if n == 0 {",
		segmentPkg, "TestIndexesAreDisposable"},
	{"other-files-taken-for-segments", "log/internal/segment/name.go",
		"\\.(?:log|index|timeindex)$`", "\\.(?:log|index|timeindex)`",
		segmentPkg, "TestNames|TestListAndRemove"},
	{"memory-reused-while-read", "log/partition.go",
		"if !p.lent.Load() {", "if true {",
		logPkg, "TestSeenMemoryIsNotReused"},
	{"decompressed-without-bound", "log/append.go",
		"return max(min(10*maxMessageBytes, maxDecompressedBytes), maxMessageBytes)", "return 1 << 40",
		logPkg, "TestBombsAreRefused"},
	{"lock-forgotten", "internal/vfs/lock_unix.go",
		"unix.LOCK_EX|unix.LOCK_NB", "unix.LOCK_SH|unix.LOCK_NB",
		logPkg, "TestOneOwner"},
}
