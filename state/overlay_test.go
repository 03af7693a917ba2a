package state_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/freshet/freshet/serde"
	"github.com/freshet/freshet/state"
)

// A countingDB counts reads of single keys.
type countingDB struct {
	state.DB
	gets int
}

func (d *countingDB) Get(key []byte) ([]byte, bool, error) {
	d.gets++
	return d.DB.Get(key)
}

func newDB(t testing.TB) *countingDB {
	t.Helper()
	db, err := state.Memory().Open("0_0")
	if err != nil {
		t.Fatal(err)
	}
	return &countingDB{DB: db}
}

func newCounts(db state.DB, o state.Options) *state.Overlay[string, int64] {
	return state.NewOverlay("counts", serde.String, serde.Int64, db, o)
}

func load(t testing.TB, o *state.Overlay[string, int64], key string) *state.Entry[int64] {
	t.Helper()
	e, err := o.Load([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// flush commits and drains everything that has changed.
func flush(t testing.TB, o *state.Overlay[string, int64], db state.DB) {
	t.Helper()
	if err := o.Forward(func(*state.Entry[int64]) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := o.Seal(nil); err != nil {
		t.Fatal(err)
	}
	o.Committed()
	writes := o.Drain(nil)
	state.SortWrites(writes)
	if err := db.Apply(writes); err != nil {
		t.Fatal(err)
	}
	o.Drained()
}

func TestMissInACompleteOverlayReadsNothing(t *testing.T) {
	db := newDB(t)
	o := newCounts(db, state.Options{})
	for i := range 100 {
		o.Put(load(t, o, fmt.Sprint(i)), 1, 0)
	}
	flush(t, o, db)
	load(t, o, "never seen")
	if db.gets != 0 {
		t.Errorf("%d reads of a DB that held nothing at first, want 0", db.gets)
	}
	o = newCounts(db, state.Options{})
	if v, ok, err := o.Get("7"); v != 1 || !ok || err != nil {
		t.Errorf("Get after reopening = %d, %t, %v, want 1", v, ok, err)
	}
	if db.gets != 1 {
		t.Errorf("%d reads for one key, want 1", db.gets)
	}
}

func TestOverlayIsIncompleteAfterEviction(t *testing.T) {
	db := newDB(t)
	o := newCounts(db, state.Options{MaxBytes: 1})
	o.Put(load(t, o, "a"), 1, 0)
	load(t, o, "absent")
	flush(t, o, db)
	o.Trim()
	if n := o.Bytes(); n != 0 {
		t.Fatalf("Bytes = %d after Trim, want 0", n)
	}
	if v, _ := load(t, o, "a").Value(); v != 1 {
		t.Errorf("a = %d after eviction, want 1", v)
	}
}

func TestEvictingAbsenceKeepsTheOverlayComplete(t *testing.T) {
	db := newDB(t)
	o := newCounts(db, state.Options{MaxBytes: 1})
	load(t, o, "absent")
	o.Trim()
	load(t, o, "absent")
	if db.gets != 0 || o.Bytes() == 0 {
		t.Errorf("%d reads, %d bytes, want 0 reads of an entry that was evicted", db.gets, o.Bytes())
	}
}

func TestTrimKeepsWhatIsUsed(t *testing.T) {
	const keys, hot = 1000, 10
	db := newDB(t)
	o := newCounts(db, state.Options{MaxBytes: 40_000})
	for i := range keys {
		o.Put(load(t, o, fmt.Sprint(i)), 1, 0)
	}
	flush(t, o, db)
	o.Trim()
	db.gets = 0
	for i := range keys {
		load(t, o, fmt.Sprint(i%hot))
		load(t, o, fmt.Sprint("other", i))
		o.Trim()
	}
	gets := db.gets - keys // those of others
	if gets > 2*hot {
		t.Errorf("%d keys in constant use were read %d times, want at most %d", hot, gets, 2*hot)
	}
	if o.Bytes() > 40_000 {
		t.Errorf("Bytes = %d, want at most 40000", o.Bytes())
	}
}

func TestPressureWhenNothingCanGo(t *testing.T) {
	db := newDB(t)
	o := newCounts(db, state.Options{MaxBytes: 10_000})
	n := 0
	for ; !o.Pressure(); n++ {
		if n > 10_000 {
			t.Fatal("no pressure")
		}
		o.Put(load(t, o, fmt.Sprint(n)), 1, 0)
	}
	o.Trim()
	if !o.Pressure() || db.gets != 0 {
		t.Error("Trim gave up what the DB does not have")
	}
	flush(t, o, db)
	if o.Pressure() || o.DirtyBytes() != 0 {
		t.Errorf("pressure %t, %d dirty bytes with everything in the DB", o.Pressure(), o.DirtyBytes())
	}
}

func TestForwardOfAChangeMadeByForward(t *testing.T) {
	o := newCounts(newDB(t), state.Options{KeepForwarded: true})
	o.Put(load(t, o, "a"), 1, 0)
	var told []string
	err := o.Forward(func(e *state.Entry[int64]) error {
		was, _, _ := e.Forwarded()
		is, _ := e.Value()
		told = append(told, fmt.Sprintf("%s %d->%d", e.Key(), was, is))
		if is < 3 {
			o.Put(e, is+1, 0)
			o.Put(load(t, o, "b"), 10*is, 0)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a 0->1", "a 1->2", "b 0->20", "a 2->3"}
	if !slices.Equal(told, want) {
		t.Errorf("forwarded %q, want %q", told, want)
	}
}

func TestRetractionSeesTheForwardedValue(t *testing.T) {
	db := newDB(t)
	o := newCounts(db, state.Options{KeepForwarded: true})
	o.Put(load(t, o, "a"), 1, 10)
	flush(t, o, db)
	o.Put(load(t, o, "a"), 2, 20)
	o.Delete(load(t, o, "a"), 30)
	o.Put(load(t, o, "a"), 3, 40)
	e := load(t, o, "a")
	if v, at, ok := e.Forwarded(); v != 1 || at != 10 || !ok {
		t.Errorf("forwarded %d at %d, %t, want 1 at 10", v, at, ok)
	}
	if v, ok := e.Value(); v != 3 || !ok || e.TimestampMillis() != 40 {
		t.Errorf("current %d at %d, %t, want 3 at 40", v, e.TimestampMillis(), ok)
	}
}

func TestSealTwiceIsRefused(t *testing.T) {
	o := newCounts(newDB(t), state.Options{})
	o.Put(load(t, o, "a"), 1, 0)
	if err := o.Seal(nil); err != nil {
		t.Fatal(err)
	}
	if err := o.Seal(nil); err == nil {
		t.Error("Seal before Committed: no error")
	}
	o.Committed()
	if err := o.Seal(nil); err != nil {
		t.Errorf("Seal after Committed: %v", err)
	}
}

func TestSealReturnsTheChangelogsError(t *testing.T) {
	full := errors.New("full")
	o := newCounts(newDB(t), state.Options{})
	o.Put(load(t, o, "a"), 1, 0)
	if err := o.Seal(func(_, _ []byte, _ int64) error { return full }); !errors.Is(err, full) {
		t.Errorf("Seal = %v, want %v", err, full)
	}
}

func TestStoresOfOneDBAreApart(t *testing.T) {
	db := newDB(t)
	names := []string{"a", "a\x01", "ab", "b"}
	for i, name := range names {
		o := state.NewOverlay(name, serde.String, serde.Int64, db, state.Options{})
		o.Put(load(t, o, "k"), int64(i), 0)
		flush(t, o, db)
	}
	for i, name := range names {
		o := state.NewOverlay(name, serde.String, serde.Int64, db, state.Options{})
		var got []int64
		if err := o.All(func(_ string, v, _ int64) bool { got = append(got, v); return true }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, []int64{int64(i)}) {
			t.Errorf("store %q holds %d, want [%d]", name, got, i)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{"counts": true, "Zähler 1": true, "": false, "a\x00b": false, "\x00": false} {
		if err := state.CheckName(name); (err == nil) != ok {
			t.Errorf("CheckName(%q) = %v, want good %t", name, err, ok)
		}
	}
}

func TestValuesThatAreNotOursAreCorrupt(t *testing.T) {
	db := newDB(t)
	if err := db.Apply([]state.Write{{Key: []byte("counts\x00a"), Value: []byte("short")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := newCounts(db, state.Options{}).Load([]byte("a")); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("Load of a value without a timestamp: %v, want ErrCorrupt", err)
	}
}
