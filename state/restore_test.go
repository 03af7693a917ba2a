package state_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/freshet/freshet/state"
)

func TestRestoreKeepsTheNewestOfAChunk(t *testing.T) {
	db := newDB(t)
	r := state.NewRestorer(db, "counts", 0)
	value := func(n byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, n} }
	for _, c := range []struct {
		key   string
		value []byte
	}{
		{"a", value(1)}, {"b", value(2)}, {"a", value(3)}, {"c", value(4)}, {"b", nil}, {"d", nil}, {"d", value(5)},
	} {
		r.Add([]byte(c.key), c.value, 100)
	}
	if r.Full() {
		t.Error("seven records fill a Restorer of 16 MiB")
	}
	if err := r.Flush(state.Position{Offset: 7}); err != nil {
		t.Fatal(err)
	}
	got := ""
	err := newCounts(db, state.Options{}).All(func(k string, v, at int64) bool {
		got += fmt.Sprintf("%s=%d@%d ", k, v, at)
		return true
	})
	if want := "a=3@100 c=4@100 d=5@100 "; err != nil || got != want {
		t.Errorf("restored %q, %v, want %q", got, err, want)
	}
	if c := r.Counts(); c.Records != 7 || c.Writes != 4 || c.Chunks != 1 {
		t.Errorf("counts %+v, want 7 records, 4 writes, 1 chunk", c)
	}
}

func TestRestorerIsBounded(t *testing.T) {
	const bound = 10_000
	r := state.NewRestorer(newDB(t), "counts", bound)
	for range bound {
		r.Add([]byte("the same key"), make([]byte, 8), 0)
	}
	if r.Full() {
		t.Error("one key, however often, fills a Restorer")
	}
	n := 0
	for ; !r.Full(); n++ {
		if n > bound {
			t.Fatal("never full")
		}
		r.Add(fmt.Appendf(nil, "key %d", n), make([]byte, 100), 0)
	}
	if n < bound/200 || n > bound/100 {
		t.Errorf("full after %d keys of about 150 bytes, want about %d", n, bound/150)
	}
	if err := r.Flush(state.Position{Offset: 1}); err != nil {
		t.Fatal(err)
	}
	if r.Full() {
		t.Error("full after Flush")
	}
}

func TestRestoreReturnsTheDBsError(t *testing.T) {
	db := newDB(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := state.NewRestorer(db, "counts", 0).Flush(state.Position{}); !errors.Is(err, state.ErrClosed) {
		t.Errorf("Flush to a closed DB: %v, want ErrClosed", err)
	}
}
