package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
)

// Version is the format that this package writes. It reads those from
// OldestVersion on: the records are the same, but the log has gained entries.
const (
	Version       = 2
	OldestVersion = 1
)

const (
	fileMagic         = "FRESHETJ"
	fileHeaderBytes   = 64
	recordHeaderBytes = 48
	alignBytes        = 8

	// maxBodyBytes bounds one record. A commit is split into parts long
	// before; only a single larger batch comes near it.
	maxBodyBytes = 1<<31 - 1 - recordHeaderBytes - alignBytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Boot names one boot of the machine; the zero Boot is an unknown one.
type Boot [16]byte

// fileHeader is the first 64 bytes of a file.
//
//	0               8       12      16              24
//	+---------------+-------+-------+---------------+
//	| magic         |version| crc   | salt          |
//	+---------------+-------+-------+---------------+
//	24              32                              48
//	+---------------+-------------------------------+
//	| first sequence| boot                          |
//	+---------------+-------------------------------+
//	48      52                                      64
//	+-------+---------------------------------------+
//	|prevcrc| zero                                  |
//	+-------+---------------------------------------+
type fileHeader struct {
	salt    uint64 // in every record of this file, so that bytes of another are never taken for one
	first   uint64 // sequence number of the first record
	boot    Boot   // under which it was written
	prevCRC uint32 // of the record before the first
}

func (h fileHeader) encode() []byte {
	b := make([]byte, fileHeaderBytes)
	copy(b, fileMagic)
	binary.BigEndian.PutUint32(b[8:], Version)
	binary.BigEndian.PutUint64(b[16:], h.salt)
	binary.BigEndian.PutUint64(b[24:], h.first)
	copy(b[32:], h.boot[:])
	binary.BigEndian.PutUint32(b[48:], h.prevCRC)
	binary.BigEndian.PutUint32(b[12:], crc32.Checksum(b, castagnoli))
	return b
}

func decodeFileHeader(b []byte) (fileHeader, error) {
	var h fileHeader
	if len(b) < fileHeaderBytes {
		return h, fmt.Errorf("file header is %d bytes, want %d", len(b), fileHeaderBytes)
	}
	if string(b[:8]) != fileMagic {
		return h, fmt.Errorf("magic is %q, want %q", b[:8], fileMagic)
	}
	if v := binary.BigEndian.Uint32(b[8:]); v < OldestVersion || v > Version {
		return h, fmt.Errorf("%w: file has version %d, this program reads %d to %d (use one that reads version %d)",
			ErrVersion, v, OldestVersion, Version, v)
	}
	var zeroed [fileHeaderBytes]byte
	copy(zeroed[:], b)
	clear(zeroed[12:16])
	if got, want := crc32.Checksum(zeroed[:], castagnoli), binary.BigEndian.Uint32(b[12:]); got != want {
		return h, fmt.Errorf("file header crc %08x, want %08x", got, want)
	}
	h.salt = binary.BigEndian.Uint64(b[16:])
	h.first = binary.BigEndian.Uint64(b[24:])
	copy(h.boot[:], b[32:48])
	h.prevCRC = binary.BigEndian.Uint32(b[48:])
	return h, nil
}

// recordHeader precedes each body.
//
//	0       4       8               16              24
//	+-------+-------+---------------+---------------+
//	|length | crc   | salt          | sequence      |
//	+-------+-------+---------------+---------------+
//	24      28      32              40              48
//	+-------+-------+---------------+---------------+
//	|prevcrc| flags | durable       | time          |
//	+-------+-------+---------------+---------------+
//
// The crc is of everything but itself: length, the rest of the header, body.
type recordHeader struct {
	bodyBytes  uint32
	crc        uint32
	salt       uint64
	sequence   uint64
	prevCRC    uint32
	flags      uint32
	durable    uint64 // sequence number up to which all was known to be synced when this was written
	timeMillis uint64
}

// flagMore says that the next record belongs to the same commit.
const flagMore = 1 << 0

func (h recordHeader) put(b []byte) {
	binary.BigEndian.PutUint32(b[0:], h.bodyBytes)
	binary.BigEndian.PutUint32(b[4:], h.crc)
	binary.BigEndian.PutUint64(b[8:], h.salt)
	binary.BigEndian.PutUint64(b[16:], h.sequence)
	binary.BigEndian.PutUint32(b[24:], h.prevCRC)
	binary.BigEndian.PutUint32(b[28:], h.flags)
	binary.BigEndian.PutUint64(b[32:], h.durable)
	binary.BigEndian.PutUint64(b[40:], h.timeMillis)
}

func decodeRecordHeader(b []byte) recordHeader {
	return recordHeader{
		bodyBytes:  binary.BigEndian.Uint32(b[0:]),
		crc:        binary.BigEndian.Uint32(b[4:]),
		salt:       binary.BigEndian.Uint64(b[8:]),
		sequence:   binary.BigEndian.Uint64(b[16:]),
		prevCRC:    binary.BigEndian.Uint32(b[24:]),
		flags:      binary.BigEndian.Uint32(b[28:]),
		durable:    binary.BigEndian.Uint64(b[32:]),
		timeMillis: binary.BigEndian.Uint64(b[40:]),
	}
}

// headerCRC is the checksum of an encoded header without its crc field; the
// body's bytes are added by the caller.
func headerCRC(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[0:4], castagnoli), castagnoli, b[8:recordHeaderBytes])
}

// paddedBytes is what a record of that body takes in its file.
func paddedBytes(bodyBytes int) int64 {
	return (int64(recordHeaderBytes) + int64(bodyBytes) + alignBytes - 1) &^ (alignBytes - 1)
}

var fileNames = regexp.MustCompile(`^([0-9]{20})\.journal$`)

func fileName(first uint64) string { return fmt.Sprintf("%020d.journal", first) }

// parseFileName reports whether name is wholly that of a journal file, so that
// no temporary or foreign file is ever taken for one.
func parseFileName(name string) (first uint64, ok bool) {
	m := fileNames.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	first, err := strconv.ParseUint(m[1], 10, 64)
	return first, err == nil
}
