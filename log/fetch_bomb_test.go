package log

import (
	"bytes"
	"errors"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"github.com/freshet/freshet/internal/vfs"
)

// TestBombsAreRefused appends batches that become far larger than their topic
// allows, and one just inside of that, which is read back.
func TestBombsAreRefused(t *testing.T) {
	b := open(t, vfs.NewMem(), Config{})
	const most = 100_000
	if _, err := b.CreateTopic("t", TopicConfig{MaxMessageBytes: most}); err != nil {
		t.Fatal(err)
	}
	tp := TopicPartition{"t", 0}
	var want [][]byte
	for _, codec := range codecs[1:] {
		for _, size := range []int{9 * most, 100 * most} {
			v := bytes.Repeat([]byte("0123456789abcdef"), size/16)
			b1 := encode(t, codec, testRecord{1, "k", string(v)})
			if len(b1) > most {
				continue // this codec does not get it that small
			}
			results, err := b.AppendBatches([]AppendBatch{{tp, b1}}, AppendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			refused := errors.Is(results[0].Err, ErrInvalidRecord) && errors.Is(results[0].Err, batch.ErrTooLarge)
			if size == 9*most {
				if results[0].Err != nil {
					t.Errorf("%v: %v", codec, results[0].Err)
				}
				want = append(want, v)
			} else if !refused {
				t.Errorf("%v: %d bytes became %d: %v", codec, len(b1), size, results[0].Err)
			}
		}
	}
	if len(want) < 3 {
		t.Fatalf("%d codecs made it small enough: this shows nothing", len(want))
	}
	// Lower limits are for what comes, not for what is there.
	if _, err := b.AlterTopic("t", map[string]string{"max.message.bytes": "128"}); err != nil {
		t.Fatal(err)
	}
	for i, r := range recordsOf(t, restart(t, b), tp) {
		if !bytes.Equal(r.Value, want[i]) {
			t.Errorf("record %d: %d bytes, want %d", i, len(r.Value), len(want[i]))
		}
	}
}
