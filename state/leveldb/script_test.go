package leveldb

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/freshet/freshet/internal/vfs"
	"github.com/freshet/freshet/state"
)

// A script is a sequence of Applies. The n-th takes the position to n; models[n]
// is what the database must hold then.
type script struct {
	steps  [][]state.Write
	models []map[string]string
}

const store = "s"

// newScript makes applies of a few puts and deletes over a few keys.
func newScript(seed uint64, applies int) script {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := script{models: []map[string]string{{}}}
	for n := range applies {
		writes := []state.Write{state.PositionWrite(store, state.Position{Offset: int64(n + 1)})}
		model := maps.Clone(s.models[n])
		touched := map[string]bool{}
		for range 1 + rng.IntN(8) {
			key := fmt.Sprintf("%s\x00%03d", store, rng.IntN(60))
			if touched[key] {
				continue
			}
			touched[key] = true
			w := state.Write{Key: []byte(key)}
			delete(model, key)
			if rng.IntN(4) > 0 {
				w.Value = fmt.Appendf(nil, "%d %d %x", n, rng.Uint64(), make([]byte, rng.IntN(60)))
				model[key] = string(w.Value)
			}
			writes = append(writes, w)
		}
		state.SortWrites(writes)
		s.steps = append(s.steps, writes)
		s.models = append(s.models, model)
	}
	return s
}

// run opens the task, applies steps[from:to], and counts in acknowledged those
// that returned. It returns the first error. It closes what it opened, if asked
// to or on an error.
func (s script) run(e state.Engine, from, to int, acknowledged *atomic.Int64) error {
	db, err := e.Open(task)
	if err != nil {
		return err
	}
	for _, writes := range s.steps[from:to] {
		if err := db.Apply(writes); err != nil {
			return errors.Join(err, db.Close())
		}
		acknowledged.Add(1)
	}
	return db.Close()
}

// content reads everything twice, by Scan and by Get, and returns it with the
// position.
func content(db state.DB) (position int64, got map[string]string, err error) {
	p, _, err := state.ReadPosition(db, store)
	if err != nil {
		return 0, nil, err
	}
	got = map[string]string{}
	err = db.Scan([]byte{0x01}, nil, func(key, value []byte) bool {
		got[string(key)] = string(value)
		return true
	})
	if err != nil {
		return 0, nil, err
	}
	for i := range 60 {
		key := fmt.Sprintf("%s\x00%03d", store, i)
		value, found, err := db.Get([]byte(key))
		if err != nil {
			return 0, nil, err
		}
		if want, wantFound := got[key]; found != wantFound || string(value) != want {
			return 0, nil, fmt.Errorf("Get(%q) = %q, %t, but Scan saw %q, %t", key, value, found, want, wantFound)
		}
	}
	return p.Offset, got, nil
}

// verify opens what a crash left. It must be ErrCorrupt, sooner or later, or
// exactly what one of the Applies from atLeast on made of it. It returns whether
// it was corrupt.
func (s script) verify(t *testing.T, mem vfs.FS, boot string, atLeast int64) (corrupt bool) {
	t.Helper()
	db, err := newEngine(mem, boot).Open(task)
	if errors.Is(err, state.ErrCorrupt) {
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	position, got, err := content(db)
	closeErr := db.Close()
	if errors.Is(err, state.ErrCorrupt) || errors.Is(closeErr, state.ErrCorrupt) {
		return true
	}
	if err := errors.Join(err, closeErr); err != nil {
		t.Fatal(err)
	}
	if position < atLeast || position >= int64(len(s.models)) {
		t.Fatalf("position %d, want %d to %d", position, atLeast, len(s.models)-1)
	}
	if want := s.models[position]; !maps.Equal(got, want) {
		t.Fatalf("at position %d the database holds %d keys that differ from the %d it must hold", position, len(got), len(want))
	}
	return false
}
