package statetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/freshet/freshet/state"
)

// task is the name of the only task of most tests.
const task = "0_0"

// TestEngine runs the tests of databases. Each begins with an empty engine.
func TestEngine(t *testing.T, newEngine func(t *testing.T) state.Engine) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, e state.Engine)
	}{
		{"GetReturnsWhatWasApplied", testGet},
		{"ScanIsOrderedAndBounded", testScan},
		{"ScanSeesTheMomentOfTheCall", testScanMoment},
		{"LargeApplyIsWhole", testLargeApply},
		{"PositionComesBack", testPosition},
		{"OpenFindsWhatWasClosed", testReopen},
		{"RemoveLeavesNothing", testRemove},
		{"TasksAreApart", testTasks},
		{"ClosedIsClosed", testClosed},
		{"ReadsGoOnWhileApplying", testConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newEngine(t)) })
	}
}

func mustOpen(t *testing.T, e state.Engine, task string) state.DB {
	t.Helper()
	db, err := e.Open(task)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func mustApply(t *testing.T, db state.DB, writes ...state.Write) {
	t.Helper()
	if err := db.Apply(writes); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t *testing.T, db state.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(key, value string) state.Write { return state.Write{Key: []byte(key), Value: []byte(value)} }

// wantGet compares one key; an empty want differs from none, which is absent.
func wantGet(t *testing.T, db state.DB, key, want string) {
	t.Helper()
	got, found, err := db.Get([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	if !found || string(got) != want {
		t.Fatalf("Get(%q) = %q, %t, want %q", key, got, found, want)
	}
}

func wantAbsent(t *testing.T, db state.DB, key string) {
	t.Helper()
	got, found, err := db.Get([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	if found {
		t.Fatalf("Get(%q) = %q, want nothing", key, got)
	}
}

// scan returns key=value pairs, separated by spaces.
func scan(t *testing.T, db state.DB, from, to []byte) string {
	t.Helper()
	var b bytes.Buffer
	err := db.Scan(from, to, func(key, value []byte) bool {
		fmt.Fprintf(&b, "%s=%s ", key, value)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func testGet(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, task)
	defer mustClose(t, db)
	wantAbsent(t, db, "a")
	value := []byte("1")
	mustApply(t, db, state.Write{Key: []byte("a"), Value: value}, put("b", ""))
	value[0] = 'x' // Apply has copied it
	wantGet(t, db, "a", "1")
	wantGet(t, db, "b", "")
	mustApply(t, db, state.Write{Key: []byte("a")}, put("b", "2"), state.Write{Key: []byte("never")})
	wantAbsent(t, db, "a")
	wantGet(t, db, "b", "2")
	wantAbsent(t, db, "never")
}

func testScan(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, task)
	defer mustClose(t, db)
	mustApply(t, db, put("a", "1"), put("a\x00", "2"), put("b", "3"), put("b\xff", "4"), put("c", "5"))
	for _, test := range []struct{ from, to, want string }{
		{"", "", "a=1 a\x00=2 b=3 b\xff=4 c=5"},
		{"a\x00", "b", "a\x00=2"},
		{"b", "c", "b=3 b\xff=4"},
		{"bb", "c", "b\xff=4"},
		{"c", "", "c=5"},
		{"d", "", ""},
		{"b", "b", ""},
	} {
		to := []byte(test.to)
		if test.to == "" {
			to = nil
		}
		if got := scan(t, db, []byte(test.from), to); got != test.want {
			t.Errorf("Scan(%q, %q) = %q, want %q", test.from, test.to, got, test.want)
		}
	}
	calls := 0
	err := db.Scan(nil, nil, func(_, _ []byte) bool { calls++; return calls < 2 })
	if err != nil || calls != 2 {
		t.Errorf("stopped Scan made %d calls, error %v, want 2 calls", calls, err)
	}
}

func testScanMoment(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, task)
	defer mustClose(t, db)
	mustApply(t, db, put("a", "1"), put("b", "1"), put("c", "1"))
	var kept []state.Write
	err := db.Scan(nil, nil, func(key, value []byte) bool {
		mustApply(t, db, put("b", "2"), state.Write{Key: []byte("c")}, put("d", "2"))
		wantGet(t, db, "d", "2")
		kept = append(kept, state.Write{Key: key, Value: value})
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s", kept); got != "[{a 1} {b 1} {c 1}]" {
		t.Errorf("Scan saw %s, want [{a 1} {b 1} {c 1}]", got)
	}
}

// testLargeApply writes more than any engine writes at once, in one Apply.
func testLargeApply(t *testing.T, e state.Engine) {
	const n, valueBytes = 3000, 1000
	db := mustOpen(t, e, task)
	defer mustClose(t, db)
	writes := []state.Write{state.PositionWrite("s", state.Position{Offset: n})}
	for i := range n {
		writes = append(writes, put(fmt.Sprintf("s\x00%06d", i), string(bytes.Repeat([]byte{byte(i)}, valueBytes))))
	}
	mustApply(t, db, writes...)
	for i := range n {
		wantGet(t, db, fmt.Sprintf("s\x00%06d", i), string(bytes.Repeat([]byte{byte(i)}, valueBytes)))
	}
	p, found, err := state.ReadPosition(db, "s")
	if err != nil || !found || p.Offset != n {
		t.Errorf("ReadPosition = %s, %t, %v, want offset %d", p, found, err, n)
	}
}

func testPosition(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, task)
	defer mustClose(t, db)
	if _, found, err := state.ReadPosition(db, "s"); found || err != nil {
		t.Fatalf("ReadPosition of a new store: %t, %v, want none", found, err)
	}
	want := state.Position{TopicID: uuid.UUID{1, 2, 3}, LeaderEpoch: 4, Offset: 5, SeenMillis: 6}
	mustApply(t, db, state.PositionWrite("s", want))
	got, found, err := state.ReadPosition(db, "s")
	if err != nil || !found || got != want {
		t.Errorf("ReadPosition = %s, %t, %v, want %s", got, found, err, want)
	}
	if _, found, err := state.ReadPosition(db, "t"); found || err != nil {
		t.Errorf("ReadPosition of another store: %t, %v, want none", found, err)
	}
}

func testReopen(t *testing.T, e state.Engine) {
	for i := range 4 {
		db := mustOpen(t, e, task)
		for j := range i {
			wantGet(t, db, fmt.Sprint("key", j), fmt.Sprint(j))
		}
		wantAbsent(t, db, fmt.Sprint("key", i))
		mustApply(t, db, put(fmt.Sprint("key", i), fmt.Sprint(i)))
		mustClose(t, db)
	}
}

func testRemove(t *testing.T, e state.Engine) {
	if err := e.Remove(task); err != nil {
		t.Fatalf("Remove of nothing: %v", err)
	}
	db := mustOpen(t, e, task)
	mustApply(t, db, put("a", "1"))
	mustClose(t, db)
	if err := e.Remove(task); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, e, task)
	defer mustClose(t, db)
	wantAbsent(t, db, "a")
}

func testTasks(t *testing.T, e state.Engine) {
	one, two := mustOpen(t, e, "0_1"), mustOpen(t, e, "0_2")
	mustApply(t, one, put("a", "1"))
	wantAbsent(t, two, "a")
	mustApply(t, two, put("a", "2"))
	mustClose(t, two)
	wantGet(t, one, "a", "1")
	if err := e.Remove("0_2"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, one, "a", "1")
	mustClose(t, one)
}

func testClosed(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, task)
	mustClose(t, db)
	_, _, getErr := db.Get([]byte("a"))
	for call, err := range map[string]error{
		"Get":   getErr,
		"Apply": db.Apply([]state.Write{put("a", "1")}),
		"Scan":  db.Scan(nil, nil, func(_, _ []byte) bool { return true }),
		"Close": db.Close(),
	} {
		if !errors.Is(err, state.ErrClosed) {
			t.Errorf("%s of a closed DB: %v, want ErrClosed", call, err)
		}
	}
}

// testConcurrent is for the race detector, and for readers that see half an
// Apply of one key.
func testConcurrent(t *testing.T, e state.Engine) {
	const rounds, keys = 50, 100
	db := mustOpen(t, e, task)
	defer mustClose(t, db)
	applied := make(chan error, 1)
	go func() {
		for i := range rounds {
			var writes []state.Write
			for k := range keys {
				writes = append(writes, put(fmt.Sprintf("%03d", k), fmt.Sprint(i)))
			}
			if err := db.Apply(writes); err != nil {
				applied <- err
				return
			}
		}
		applied <- nil
	}()
	for {
		first := ""
		err := db.Scan(nil, nil, func(_, value []byte) bool {
			if first == "" {
				first = string(value)
			}
			if string(value) != first {
				t.Errorf("Scan saw rounds %s and %s at once", first, value)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-applied:
			if err != nil {
				t.Fatal(err)
			}
			wantGet(t, db, "000", fmt.Sprint(rounds-1))
			return
		default:
		}
	}
}
