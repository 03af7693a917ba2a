package statetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/freshet/freshet/serde"
	"github.com/freshet/freshet/state"
)

const store = "counts"

func decode(t *testing.T, b []byte) int64 {
	t.Helper()
	v, err := serde.Int64.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// open opens the DB, from nothing if it is corrupt, and brings it up to the
// changelog in chunks as small as can be.
func (h *history) open() {
	db, err := h.machine.Engine().Open(task)
	if errors.Is(err, state.ErrCorrupt) {
		h.must(h.machine.Engine().Remove(task))
		db, err = h.machine.Engine().Open(task)
	}
	h.must(err)
	h.db = db
	h.restore()
	h.overlay = state.NewOverlay(store, serde.String, serde.Int64, db, h.options)
}

func (h *history) restore() {
	p, _, err := state.ReadPosition(h.db, store)
	h.must(err)
	if p.Offset > int64(len(h.changelog)) {
		h.t.Fatalf("position %s is beyond the changelog's end %d", p, len(h.changelog))
	}
	r := state.NewRestorer(h.db, store, 1)
	for i, c := range h.changelog[p.Offset:] {
		r.Add([]byte(c.key), c.value, c.timestampMillis)
		if h.rng.IntN(4) == 0 && r.Full() {
			h.must(r.Flush(state.Position{Offset: p.Offset + int64(i) + 1}))
		}
	}
	h.must(r.Flush(state.Position{Offset: int64(len(h.changelog))}))
	if got, want := r.Counts().Records, int64(len(h.changelog))-p.Offset; got != want {
		h.t.Fatalf("restored %d records, want %d", got, want)
	}
}

// wantEntry compares an entry with what it must say, now and as last forwarded.
func (h *history) wantEntry(key string, e *state.Entry[int64]) {
	h.t.Helper()
	got, ok := e.Value()
	want, wantOK := h.current[key]
	if ok != wantOK || got != want.value || ok && e.TimestampMillis() != want.timestampMillis {
		h.t.Fatalf("%s = %d at %d, %t, want %+v, %t", key, got, e.TimestampMillis(), ok, want, wantOK)
	}
	if !h.options.KeepForwarded {
		return
	}
	got, at, ok := e.Forwarded()
	want, wantOK = h.forwarded[key]
	if ok != wantOK || got != want.value || ok && at != want.timestampMillis {
		h.t.Fatalf("%s was forwarded as %d at %d, %t, want %+v, %t", key, got, at, ok, want, wantOK)
	}
}

// check compares the whole store, a range of it and one key.
func (h *history) check() {
	got := map[string]version{}
	h.must(h.overlay.All(func(k string, v, timestampMillis int64) bool {
		got[k] = version{v, timestampMillis}
		return true
	}))
	if !maps.Equal(got, h.current) {
		h.t.Fatalf("All = %v, want %v", got, h.current)
	}
	from, to := fmt.Sprint("k", h.rng.IntN(40)), fmt.Sprint("k", h.rng.IntN(40))
	var keys, want []string
	h.must(h.overlay.Range([]byte(from), []byte(to), func(key []byte, _, _ int64) bool {
		keys = append(keys, string(key))
		return true
	}))
	for _, k := range slices.Sorted(maps.Keys(h.current)) {
		if k >= from && k < to {
			want = append(want, k)
		}
	}
	if !slices.Equal(keys, want) {
		h.t.Fatalf("Range(%s, %s) = %s, want %s", from, to, keys, want)
	}
	v, ok, err := h.overlay.Get(from)
	h.must(err)
	if want, wantOK := h.current[from]; v != want.value || ok != wantOK {
		h.t.Fatalf("Get(%s) = %d, %t, want %+v, %t", from, v, ok, want, wantOK)
	}
}
