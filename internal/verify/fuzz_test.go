package verify

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"path"
	"testing"
	"testing/fstest"

	first "github.com/freshet/freshet/internal/batch"
)

// someBatch is a batch with all that a record may have.
func someBatch() []byte {
	var b first.Builder
	b.Reset(0)
	b.Append(1_700_000_000_000, []byte("key"), []byte("value"), []first.RecordHeader{{Key: "h", Value: nil}, {Key: "", Value: []byte{}}})
	b.Append(1_600_000_000_000, nil, nil, nil)
	return b.Finish()
}

// FuzzBatch compares what two decoders, written apart, take for a batch.
func FuzzBatch(f *testing.F) {
	f.Add(someBatch())
	f.Add(someBatch()[:70])
	for codec := first.Gzip; codec <= first.Zstd; codec++ {
		packed, err := first.Compress(nil, someBatch(), codec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Add(first.AppendMarker(nil, first.Marker{Commit: true}, 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < batchHeaderBytes {
			return
		}
		// A right checksum, or nothing behind it would ever be reached.
		binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[crcStartBytes:], castagnoli))
		want := first.Verify(b)
		if want == nil {
			want = readAll(b)
		}
		var s stream
		s.open(bytes.NewReader(b), int64(len(b)))
		got, err := s.batch(nil)
		if err == nil && got.size != int64(len(b)) {
			err = errShort
		}
		if (err == nil) != (want == nil) {
			t.Errorf("verify says %v, the package batch says %v", err, want)
		}
	})
}

func readAll(b []byte) error {
	b, err := first.Decompress(nil, b, maxPlainBytes)
	if err != nil {
		return err
	}
	h, err := first.ParseHeader(b)
	if err != nil {
		return err
	}
	control := h.Attributes&first.Control != 0
	if control && h.Count == 0 {
		return errShort
	}
	var r first.Reader
	if err := r.Reset(b); err != nil {
		return err
	}
	var rec first.Record
	for r.Next(&rec) {
		if control {
			if _, err := first.ParseMarker(&rec); err != nil {
				return err
			}
		}
		err := first.ParseHeaders(rec.RawHeaders, rec.HeaderCount, func(_, _ []byte) error { return nil })
		if err != nil {
			return err
		}
	}
	return r.Err()
}

// FuzzDirectory: whatever the files hold, verify returns.
func FuzzDirectory(f *testing.F) {
	const topicID = "00000000-0000-0000-0000-000000000000"
	entry := func(kind byte, payload ...byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload))), payload...)
	}
	zeros := func(n int, tail ...byte) []byte { return append(make([]byte, n), tail...) }
	log := someBatch()
	entries := entry(entryTopic, append(zeros(16, 0, 1, 't', 0, 0, 0, 1), 0, 0)...)
	partition := zeros(20 + 8)
	partition = binary.BigEndian.AppendUint64(partition, 2)
	partition = append(partition, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
	partition = append(partition, zeros(8)...)
	partition = binary.BigEndian.AppendUint64(partition, 2)
	partition = binary.BigEndian.AppendUint64(partition, uint64(len(log)))
	entries = append(entries, entry(entryPartition, partition...)...)
	f.Add(entries, entry(entryBatch, append(zeros(20), log...)...), log, []byte{0, 0, 0, 1, 0, 0, 0, 1})
	f.Add(entries, entry(entryOffset, zeros(40)...), log[:30], []byte{0})
	f.Fuzz(func(t *testing.T, entries, body, log, index []byte) {
		checkpoint := append(zeros(checkpointHeaderBytes), entries...)
		copy(checkpoint, checkpointMagic+"\x00\x00\x00\x01")
		binary.BigEndian.PutUint64(checkpoint[16:], 1)
		binary.BigEndian.PutUint32(checkpoint[12:], crc32.Checksum(checkpoint, castagnoli))

		header := zeros(fileHeaderBytes)
		copy(header, journalMagic+"\x00\x00\x00\x01")
		binary.BigEndian.PutUint64(header[24:], 1)
		binary.BigEndian.PutUint32(header[12:], crc32.Checksum(header, castagnoli))
		rec := append(zeros(recordHeaderBytes), body...)
		binary.BigEndian.PutUint32(rec, uint32(len(body)))
		binary.BigEndian.PutUint64(rec[16:], 1)
		sum := crc32.Update(crc32.Checksum(rec[:4], castagnoli), castagnoli, rec[8:])
		binary.BigEndian.PutUint32(rec[4:], sum)
		rec = append(rec, zeros(-len(rec)&(alignBytes-1))...)

		dir := path.Join(topicsDir, topicID, "0")
		r, err := Directory(fstest.MapFS{
			checkpointName: {Data: checkpoint},
			path.Join(journalDir, "00000000000000000001.journal"): {Data: append(header, rec...)},
			path.Join(dir, "00000000000000000000.log"):            {Data: log},
			path.Join(dir, "00000000000000000000.index"):          {Data: index},
		}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() && r.Commits != 1 {
			t.Errorf("no problem, and %d commits of 1; notes %v", r.Commits, r.Notes)
		}
	})
}
