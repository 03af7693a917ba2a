package leveldb

import (
	"cmp"
	"encoding/binary"
	"errors"
	"os"
	"slices"

	"github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/freshet/freshet/internal/vfs"
)

// A journal is a run of blocks, and a record a run of chunks, none of which
// crosses the end of a block:
//
//	0     4        6      7
//	+-----+--------+------+---------+
//	| crc | length | type | payload |      little-endian
//	+-----+--------+------+---------+
//
// A block's last bytes are unused if no header fits there.
const (
	blockBytes       = 32 << 10
	chunkHeaderBytes = 7

	fullChunk = 1 // the only one of a record
	lastChunk = 4
)

// cutTornTail takes from the newest journal the record that a process was
// writing when it died or its disk was full. goleveldb, being strict, would
// refuse the database.
//
// Nothing else is taken: a record that is whole and wrong is goleveldb's to
// refuse. Cutting the newest journal at any record is safe, since each record
// holds a whole Apply, or a chunk of one before the position: what is left is
// what the database was a moment ago. The same is true of no other file.
func (s *files) cutTornTail() error {
	journals, err := s.List(storage.TypeJournal)
	if err != nil {
		return classify(err)
	}
	if len(journals) == 0 {
		return nil
	}
	newest := slices.MaxFunc(journals, func(a, b storage.FileDesc) int { return cmp.Compare(a.Num, b.Num) })
	b, err := vfs.ReadFile(s.fsys, newest.String())
	if err != nil {
		return classify(err)
	}
	end, torn := tornTail(b)
	if !torn {
		return nil
	}
	return truncate(s.fsys, newest.String(), int64(end))
}

// tornTail says whether a journal ends inside a record, and where that begins;
// unused bytes before a record count as its own. It looks at lengths and types
// only.
func tornTail(b []byte) (begin int, torn bool) {
	for pos := 0; pos < len(b); {
		room := blockBytes - pos%blockBytes
		if room < chunkHeaderBytes {
			pos += room
			continue
		}
		if pos+chunkHeaderBytes > len(b) {
			return begin, true
		}
		length, kind := int(binary.LittleEndian.Uint16(b[pos+4:])), b[pos+6]
		if chunkHeaderBytes+length > room || kind < fullChunk || kind > lastChunk {
			return 0, false // no process writes that
		}
		pos += chunkHeaderBytes + length
		if pos > len(b) {
			return begin, true
		}
		if kind == fullChunk || kind == lastChunk {
			begin = pos
		}
	}
	return begin, begin < len(b)
}

func truncate(fsys vfs.FS, name string, size int64) (err error) {
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return classify(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}
