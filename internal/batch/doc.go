// Package batch reads and writes Kafka's record batch, version 2: the unit in
// which records are appended, stored, fetched and checked.
//
// Big-endian; every "varint" is the zigzag base-128 form of protocol buffers:
//
//	 0                   8          12          16 17         21    23
//	+-------------------+-----------+-----------+--+-----------+-----+
//	| base offset       | length    |leader epoch|2| crc32c    |attr.|
//	+-------------------+-----------+-----------+--+-----------+-----+
//	 23          27                  35                  43
//	+-----------+-------------------+-------------------+
//	|last delta | base timestamp    | max timestamp     |
//	+-----------+-------------------+-------------------+
//	 43                  51    53          57          61
//	+-------------------+-----+-----------+-----------+-----------
//	| producer id       |epoch| sequence  | count     | records …
//	+-------------------+-----+-----------+-----------+-----------
//
//	record:  length varint │ attributes 1 │ timestamp delta varint │ offset delta varint
//	         │ key length varint, key │ value length varint, value
//	         │ header count varint { key length varint, key, value length varint, value }
//
// The length counts what follows it, in the batch (whole = 12 + length) as in
// the record. A length of -1 is null. The checksum covers everything from the
// attributes to the end, so the base offset and the leader epoch can be
// written later without it: that is what [Stamp] does.
//
// In a compressed batch the records are one gzip stream, Snappy in xerial's
// frames or bare, an LZ4 frame, or Zstandard; the header is never compressed.
// [Compress] and [Decompress] go from one to the other. Batches are built and
// read uncompressed: a compressed one passes [ParseHeader], [Verify] and the
// functions that change a header, and [Reader.Reset] refuses it.
//
// A batch that a client has encoded goes through [Validate] before it is
// appended. [Filter] is what compaction does to a batch, [AppendMarker] what
// ends a transaction.
//
// Nothing here holds a lock or keeps what it is given: a [Builder] and a
// [Reader] belong to one goroutine each, a finished batch to everybody, once
// nobody stamps it any more. Codecs and their memory wait in pools for the next
// batch. Nothing here touches a disk: what survives a crash is for the caller to
// say, and [Verify] tells whether it did.
//
// Bytes may come from anywhere. Every length is checked against the bytes that
// are there before it is believed. Reading allocates nothing; decompressing grows
// its output as bytes come, up to what the caller allows, whatever they declare.
//
// Layout: Kafka 4.0, DefaultRecordBatch.java, DefaultRecord.java,
// EndTransactionMarker.java; the codecs' where they are.
package batch
