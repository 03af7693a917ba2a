package state_test

import (
	"testing"
	"unsafe"

	"github.com/freshet/freshet/serde"
	"github.com/freshet/freshet/state"
)

type word string

// A string that was read from a batch keeps all of it alive. A store must not
// do that for as long as it holds the key.
func TestSealedStringsAndBytesShareNoMemoryWithWhatWasPut(t *testing.T) {
	batch := []byte("a large batch of which a store keeps one word")
	t.Run("string", func(t *testing.T) { sealedShares(t, serde.String, batch, address[string]) })
	t.Run("named string", func(t *testing.T) {
		s, err := serde.For[word]()
		if err != nil {
			t.Fatal(err)
		}
		sealedShares(t, s, batch, address[word])
	})
	t.Run("bytes", func(t *testing.T) {
		sealedShares(t, serde.Bytes, batch, func(v []byte) *byte { return unsafe.SliceData(v) })
	})
}

func address[V ~string](v V) *byte { return unsafe.StringData(string(v)) }

func sealedShares[V any](t *testing.T, values serde.Serde[V], batch []byte, address func(V) *byte) {
	t.Helper()
	// Not by the serde of V, which may copy.
	s := unsafe.String(unsafe.SliceData(batch), len(batch))
	var put V
	switch p := any(&put).(type) {
	case *string:
		*p = s
	case *word:
		*p = word(s)
	case *[]byte:
		*p = batch
	}
	if address(put) != unsafe.SliceData(batch) {
		t.Fatal("the value was copied before it was put")
	}
	o := state.NewOverlay("words", serde.String, values, newDB(t), state.Options{EveryUpdate: true})
	e, err := o.Find("k")
	if err != nil {
		t.Fatal(err)
	}
	o.Put(e, put, 1)
	var sealed string
	if err := o.Seal(func(_, value []byte, _ int64) error { sealed = string(value); return nil }); err != nil {
		t.Fatal(err)
	}
	v, _ := e.Value()
	if address(v) == unsafe.SliceData(batch) {
		t.Error("the store still holds the batch")
	}
	if after, err := values.Append(nil, v); err != nil || string(after) != sealed {
		t.Errorf("value is %q after Seal, sealed as %q (%v)", after, sealed, err)
	}
}

// Nil bytes are no key in a log: compaction has no place for them.
func TestTheEmptyKeyIsSealedAsAKey(t *testing.T) {
	o := newCounts(newDB(t), state.Options{})
	o.Put(load(t, o, ""), 1, 0)
	sealed := 0
	if err := o.Seal(func(key, _ []byte, _ int64) error {
		sealed++
		if key == nil {
			t.Error("the empty key was sealed as none")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if sealed != 1 {
		t.Errorf("sealed %d keys, want 1", sealed)
	}
}
