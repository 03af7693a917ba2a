package statetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/freshet/freshet/state"
)

// A history is a store, driven at random, beside the maps that say what it holds.
type history struct {
	t       *testing.T
	rng     *rand.Rand
	machine Machine
	options state.Options

	db      state.DB
	overlay *state.Overlay[string, int64]
	draining

	now       int64
	current   map[string]version // what the store must say
	forwarded map[string]version // what Forward told last
	unsent    []string           // changed since Forward, in order
	unsealed  []string           // changed since Seal, in order
	inFlight  []change           // what Seal emitted
	changelog []change           // what is committed
}

// A version is a value and its time.
type version struct {
	value           int64
	timestampMillis int64
}

// A change is a record of the changelog.
type change struct {
	key             string
	value           []byte // nil if deleted
	timestampMillis int64
}

// draining is what the background goroutine would have in hand.
type draining struct {
	writes []state.Write
	active bool
}

func newHistory(t *testing.T, rng *rand.Rand, m Machine) *history {
	h := &history{t: t, rng: rng, machine: m, current: map[string]version{}, forwarded: map[string]version{}}
	if rng.IntN(2) == 0 {
		h.options.MaxBytes = tiny
	}
	switch rng.IntN(3) {
	case 0:
		h.options.EveryUpdate = true
	case 1:
		h.options.KeepForwarded = true
	}
	h.open()
	return h
}

// step does one thing that a worker may do now.
func (h *history) step() {
	h.now++
	switch n := h.rng.IntN(100); {
	case n < 60:
		h.record()
	case n < 66:
		h.forward()
	case n < 76:
		h.seal()
	case n < 84:
		h.commit()
	case n < 88:
		h.drain()
	case n < 92:
		h.apply()
	case n < 95:
		h.overlay.Trim()
	case n < 98:
		h.check()
	default:
		h.crash()
	}
}

// record changes a few keys, and sometimes takes that back.
func (h *history) record() {
	keep := *h
	keep.current = map[string]version{}
	for k, v := range h.current {
		keep.current[k] = v
	}
	h.overlay.Begin()
	for range h.rng.IntN(4) {
		h.change(fmt.Sprint("k", h.rng.IntN(30)))
	}
	if h.rng.IntN(5) == 0 {
		h.overlay.Rollback()
		h.current, h.unsent, h.unsealed = keep.current, keep.unsent, keep.unsealed
		return
	}
	h.overlay.End()
}

func (h *history) change(key string) {
	e, err := h.overlay.Load([]byte(key))
	h.must(err)
	h.wantEntry(key, e)
	if h.rng.IntN(3) == 0 {
		h.overlay.Delete(e, h.now)
		delete(h.current, key)
	} else {
		v := version{h.rng.Int64(), h.now}
		h.overlay.Put(e, v.value, h.now)
		h.current[key] = v
	}
	h.unsent = appendNew(h.unsent, key)
	h.unsealed = appendNew(h.unsealed, key)
}

// appendNew appends key if it is not there, always to memory of its own, so that
// a history can go back to the slice it came from.
func appendNew(keys []string, key string) []string {
	for _, k := range keys {
		if k == key {
			return keys
		}
	}
	return append(keys[:len(keys):len(keys)], key)
}

func (h *history) forward() {
	if h.options.EveryUpdate {
		h.must(h.overlay.Forward(func(e *state.Entry[int64]) error {
			return fmt.Errorf("forwarded %s, which was forwarded at its update", e.Key())
		}))
		return
	}
	want := h.unsent
	h.must(h.overlay.Forward(func(e *state.Entry[int64]) error {
		key := string(e.Key())
		if len(want) == 0 || want[0] != key {
			return fmt.Errorf("forwarded %s, want the first of %s", key, want)
		}
		want = want[1:]
		h.wantEntry(key, e)
		h.forwarded[key] = h.current[key]
		if _, ok := h.current[key]; !ok {
			delete(h.forwarded, key)
		}
		return nil
	}))
	if len(want) > 0 {
		h.t.Fatalf("Forward left out %s", want)
	}
	h.unsent = nil
}

func (h *history) seal() {
	if len(h.inFlight) > 0 {
		return
	}
	h.forward()
	h.must(h.overlay.Seal(func(key, value []byte, timestampMillis int64) error {
		if value != nil {
			value = append([]byte{}, value...)
		}
		h.inFlight = append(h.inFlight, change{string(key), value, timestampMillis})
		return nil
	}))
	var got []string
	for _, c := range h.inFlight {
		got = append(got, c.key)
	}
	if fmt.Sprint(got) != fmt.Sprint(h.unsealed) {
		h.t.Fatalf("Seal emitted %s, want %s", got, h.unsealed)
	}
	h.unsealed = nil
}

func (h *history) commit() {
	h.changelog = append(h.changelog, h.inFlight...)
	h.inFlight = nil
	h.overlay.Committed()
	h.overlay.Trim()
}

func (h *history) drain() {
	writes := h.overlay.Drain(nil)
	if h.draining.active {
		if len(writes) > 0 {
			h.t.Fatalf("Drain gave %d writes while others were on their way", len(writes))
		}
		return
	}
	if len(writes) == 0 {
		return // which needs no Drained
	}
	writes = append(writes, state.PositionWrite(store, state.Position{Offset: int64(len(h.changelog))}))
	state.SortWrites(writes)
	h.draining = draining{writes, true}
}

func (h *history) apply() {
	if !h.draining.active {
		return
	}
	h.must(h.db.Apply(h.draining.writes))
	h.draining = draining{}
	h.overlay.Drained()
}

// settle brings everything down to the DB, after which nothing is dirty.
func (h *history) settle() {
	h.commit()
	h.apply()
	h.seal()
	h.commit()
	h.drain()
	h.apply()
	if n := h.overlay.DirtyBytes(); n != 0 {
		h.t.Fatalf("DirtyBytes = %d with everything in the DB, want 0", n)
	}
	if h.overlay.Pressure() {
		h.t.Fatal("Pressure with everything in the DB")
	}
	h.overlay.Trim()
	h.overlay.Trim()
	if n := h.overlay.Bytes(); h.options.MaxBytes == tiny && n > tiny {
		h.t.Fatalf("Bytes = %d after two turns of the clock, want at most %d", n, tiny)
	}
}

// crash loses the process, and what was in flight may have been committed.
func (h *history) crash() {
	db := h.db
	h.machine.Crash(h.rng)
	if err := db.Close(); err != nil && !errors.Is(err, state.ErrClosed) {
		h.t.Fatalf("close what is left of the dead process: %v", err)
	}
	if h.rng.IntN(2) == 0 {
		h.changelog = append(h.changelog, h.inFlight...)
	}
	h.inFlight, h.unsent, h.unsealed, h.draining = nil, nil, nil, draining{}
	h.current = map[string]version{}
	for _, c := range h.changelog {
		delete(h.current, c.key)
		if c.value != nil {
			h.current[c.key] = version{decode(h.t, c.value), c.timestampMillis}
		}
	}
	h.forwarded = map[string]version{}
	for k, v := range h.current {
		h.forwarded[k] = v
	}
	h.open()
}

func (h *history) close() { mustClose(h.t, h.db) }

func (h *history) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}
