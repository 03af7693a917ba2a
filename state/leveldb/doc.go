// Package leveldb keeps the state of tasks in LevelDB databases, one directory
// for each task:
//
//	0_3/LOCK               held by the process that has the database open
//	0_3/MARKER             the machine's boot in which it was opened last, and whether it was closed
//	0_3/CURRENT            names the manifest
//	0_3/MANIFEST-000004    which tables there are
//	0_3/000007.log         the journal: writes that are in no table yet
//	0_3/000005.ldb         a table
//
// MARKER, checksummed with CRC32C, big-endian:
//
//	0         1         2                 n - 4    n
//	+---------+---------+-----------------+--------+
//	| version | closed? | boot id, if any | crc    |
//	+---------+---------+-----------------+--------+
//
// An [Engine] may be called by any goroutine, a database by the two that
// [state.DB] names.
//
// What survives: the end of the process, however violent, loses nothing that
// was applied, because it is in the page cache. The journal is not synced at
// each write, so the end of the machine may leave holes: a position with some of
// the values it speaks of missing. Therefore a database that was not closed
// before another boot began is [state.ErrCorrupt], as is one with a single wrong
// byte in it that matters. All it costs is to rebuild it from the changelog.
//
// Sources: goleveldb, and its LevelDB file formats (log_format.md,
// table_format.md). The traps that this package walks around are named where it
// does.
package leveldb
