package log

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestForeignReaderKnowsMarkers reads the segments of a partition with another
// implementation of the protocol, and follows its transactions.
func TestForeignReaderKnowsMarkers(t *testing.T) {
	l := newTxnLog(t)
	txn := l.begin("x")
	l.write(txn, a0, "1")
	txn = l.end(txn, true)
	l.write(txn, a0, "2")
	txn = l.end(txn, false)
	must(t, l.Close())
	p, err := l.partition(a0)
	must(t, err)
	dir := partitionDir(p.at())
	files, err := l.mem.ReadDir(dir)
	must(t, err)
	var got []string
	for _, f := range files {
		if name := f.Name(); len(name) > 4 && name[len(name)-4:] == ".log" {
			b, err := vfs.ReadFile(l.mem, dir+"/"+name)
			must(t, err)
			got = append(got, describeForeign(t, b)...)
		}
	}
	want := []string{
		"0: producer 0, epoch 0, sequence 0, transactional",
		"1: producer 0, epoch 1, sequence -1, transactional, COMMIT by 1",
		"2: producer 0, epoch 1, sequence 0, transactional",
		"3: producer 0, epoch 2, sequence -1, transactional, ABORT by 1",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("want %q\ngot  %q", want, got)
	}
	if txn.Producer.Epoch != 2 {
		t.Fatalf("the producer goes on as %+v, want epoch 2", txn)
	}
}

func describeForeign(t *testing.T, b []byte) (lines []string) {
	t.Helper()
	for len(b) > 0 {
		size := 12 + int(binary.BigEndian.Uint32(b[8:]))
		var batch kmsg.RecordBatch
		must(t, batch.ReadFrom(b[:size]))
		b = b[size:]
		line := fmt.Sprintf("%d: producer %d, epoch %d, sequence %d", batch.FirstOffset, batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence)
		if batch.Attributes&0x10 != 0 {
			line += ", transactional"
		}
		if batch.Attributes&0x20 != 0 {
			var r kmsg.Record
			var key kmsg.ControlRecordKey
			var marker kmsg.EndTxnMarker
			must(t, r.ReadFrom(batch.Records), key.ReadFrom(r.Key), marker.ReadFrom(r.Value))
			line += fmt.Sprintf(", %s by %d", key.Type, marker.CoordinatorEpoch)
		}
		lines = append(lines, line)
	}
	return lines
}
