package bench

import (
	"bytes"
	"testing"

	"github.com/freshet/freshet/internal/batch"
	"pgregory.net/rapid"
)

func TestHandBatchIsWhatTheBuilderMakes(t *testing.T) {
	var hand handBatch // one for all, so that what is left in its buffer would show
	rapid.Check(t, func(t *rapid.T) {
		var b batch.Builder
		keys := rapid.SliceOfN(rapid.Byte(), 0, 200)
		for range rapid.IntRange(1, 150).Draw(t, "records") {
			at := rapid.Int64Range(0, 1<<50).Draw(t, "timestamp")
			key, value := keys.Draw(t, "key"), keys.Draw(t, "value")
			if rapid.Bool().Draw(t, "no key") {
				key = nil
			}
			b.Append(at, key, value, nil)
			hand.append(at, key, value)
		}
		offset := rapid.Int64Range(0, 1<<40).Draw(t, "offset")
		want := b.Finish()
		batch.Stamp(want, offset, 1)
		if got := hand.seal(offset); !bytes.Equal(want, got) {
			t.Fatalf("want %x\n got %x", want, got)
		}
	})
}
