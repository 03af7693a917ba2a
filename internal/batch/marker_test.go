package batch

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestMarkerMatchesKmsg shows that a marker is the batch that Kafka writes, by
// franz-go's account of it, and is read as what it was.
func TestMarkerMatchesKmsg(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Marker{rapid.Bool().Draw(t, "commit"), rapid.Int32().Draw(t, "coordinator epoch")}
		id, epoch, millis := rapid.Int64().Draw(t, "id"), rapid.Int16().Draw(t, "epoch"), genMillis.Draw(t, "millis")

		key, value := kmsg.NewControlRecordKey(), kmsg.NewEndTxnMarker()
		if want.Commit {
			key.Type = kmsg.ControlRecordKeyTypeCommit
		}
		value.CoordinatorEpoch = want.CoordinatorEpoch
		batch := encodeKmsg([]testRecord{{Millis: millis, Key: key.AppendTo(nil), Value: value.AppendTo(nil)}}, func(kb *kmsg.RecordBatch) {
			kb.Attributes = 1<<4 | 1<<5
			kb.ProducerID, kb.ProducerEpoch = id, epoch
		})
		Stamp(batch, 0, -1)

		front := make([]byte, 3, rapid.IntRange(3, 200).Draw(t, "capacity"))
		got := AppendMarker(front, want, id, epoch, millis)
		if !bytes.Equal(got[:3], front) || !bytes.Equal(got[3:], batch) {
			t.Fatalf("want\n%x\ngot\n%x", batch, got[3:])
		}
		records, err := readAll(got[3:])
		if err != nil || len(records) != 1 {
			t.Fatalf("%v, %d records, want 1", err, len(records))
		}
		if m, err := ParseMarker(&records[0]); err != nil || m != want {
			t.Fatalf("got %+v, %v, want %+v", m, err, want)
		}
	})
}

func TestParseMarkerRefuses(t *testing.T) {
	const abort, epoch = "\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\x07"
	for _, test := range []struct {
		name, key, value string
		ok               bool
	}{
		{"abort", abort, epoch, true},
		{"a later version", "\x00\x01\x00\x01more", "\x00\x01\x00\x00\x00\x07more", true},
		{"no key", "", epoch, false},
		{"short key", abort[1:], epoch, false},
		{"key of version -1", "\xff\xff\x00\x00", epoch, false},
		{"a leader change", "\x00\x00\x00\x02", epoch, false},
		{"no value", abort, "", false},
		{"short value", abort, epoch[1:], false},
		{"value of version -1", abort, "\xff\xff\x00\x00\x00\x07", false},
	} {
		m, err := ParseMarker(&Record{Key: []byte(test.key), Value: []byte(test.value)})
		if test.ok && (err != nil || m.CoordinatorEpoch != 7) {
			t.Errorf("%s: got %+v, %v, want epoch 7", test.name, m, err)
		}
		if !test.ok && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %+v, %v, want %v", test.name, m, err, ErrCorrupt)
		}
	}
}
