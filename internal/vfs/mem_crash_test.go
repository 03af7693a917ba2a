package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// outcomes crashes m many times and returns how often each outcome was seen.
func outcomes(m *Mem, look func(*Mem) string) map[string]int {
	const crashes = 1_000
	seen := map[string]int{}
	for seed := range uint64(crashes) {
		seen[look(m.Crash(seeded(seed)))]++
	}
	return seen
}

// wantOutcomes fails unless just these were seen, and none of them so rarely
// that a test with a hundred crashes would miss it.
func wantOutcomes(t *testing.T, seen map[string]int, want ...string) {
	t.Helper()
	const seldom = 10
	for _, w := range want {
		if seen[w] < seldom {
			t.Errorf("%q: seen %d times, want at least %d", w, seen[w], seldom)
		}
	}
	for s, n := range seen {
		if !slices.Contains(want, s) {
			t.Errorf("%q: seen %d times, want never", s, n)
		}
	}
}

// letters returns what a file holds, each run of equal letters as one, or
// "none".
func letters(t *testing.T, fsys FS, name string) string {
	b, err := ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	check(t, err)
	var s strings.Builder
	for i, c := range b {
		if i > 0 && b[i-1] == c {
			continue
		}
		if c == 0 {
			c = '0'
		}
		s.WriteByte(c)
	}
	return s.String()
}

func fill(c byte, n int) string { return strings.Repeat(string(rune(c)), n) }

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	m := NewMem()
	check(t, m.MkdirAll("a/b", DirPerm))
	check(t, m.SyncDir("."))
	check(t, m.SyncDir("a"))
	f := create(t, m, "a/b/f")
	write(t, f, 0, fill('x', 100_000))
	check(t, f.Sync())
	check(t, m.SyncDir("a/b"))
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "a/b/f") }), "x")
}

func TestCrashTearsWhatWasNotSynced(t *testing.T) {
	m := NewMem()
	f := create(t, m, "f")
	write(t, f, 0, fill('a', 2*sectorBytes))
	check(t, f.Sync())
	check(t, m.SyncDir("."))
	write(t, f, 0, fill('b', 2*sectorBytes))
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "a", "b", "ab", "ba")
}

// A disk writes at any moment, so what was there between two writes may be
// what stays.
func TestCrashKeepsMomentsBetween(t *testing.T) {
	m := NewMem()
	f := create(t, m, "f")
	write(t, f, 0, fill('a', sectorBytes))
	check(t, f.Sync())
	check(t, m.SyncDir("."))
	write(t, f, 0, fill('b', sectorBytes))
	write(t, f, 0, fill('c', sectorBytes))
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "a", "b", "c")
}

func TestCrashKeepsSizeAndBytesApart(t *testing.T) {
	m := NewMem()
	f := create(t, m, "f")
	write(t, f, 0, fill('a', sectorBytes))
	check(t, f.Sync())
	check(t, m.SyncDir("."))
	write(t, f, sectorBytes, fill('b', sectorBytes))
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }),
		"a",  // neither, or bytes that the size does not reach
		"a0", // the size alone
		"ab",
	)
}

func TestCrashAfterTruncate(t *testing.T) {
	m := NewMem()
	f := create(t, m, "f")
	write(t, f, 0, fill('a', sectorBytes))
	check(t, f.Sync())
	check(t, m.SyncDir("."))
	check(t, f.Truncate(0))
	write(t, f, 0, fill('b', sectorBytes))
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "", "a", "0", "b")

	check(t, f.Truncate(0))
	check(t, f.Sync())
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "")
}

func TestCrashAfterPreallocate(t *testing.T) {
	m := NewMem()
	f := create(t, m, "f")
	check(t, m.SyncDir("."))
	check(t, f.Preallocate(sectorBytes))
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "", "0")
	check(t, f.Sync())
	write(t, f, 0, fill('a', sectorBytes))
	wantOutcomes(t, outcomes(m, func(m *Mem) string { return letters(t, m, "f") }), "0", "a")
}

func TestCrashLosesNamesApart(t *testing.T) {
	m := NewMem()
	put(t, m, "removed", "")
	check(t, m.SyncDir("."))
	for _, name := range []string{"one", "two"} { // their bytes are durable, their names not
		f := create(t, m, name)
		write(t, f, 0, name)
		check(t, f.Sync())
	}
	check(t, m.Remove("removed"))
	look := func(m *Mem) string { return strings.Join(list(t, m, "."), " ") }
	wantOutcomes(t, outcomes(m, look), "", "one", "two", "one two",
		"removed", "one removed", "removed two", "one removed two")
	for seed := range uint64(100) {
		crashed := m.Crash(seeded(seed))
		if slices.Contains(list(t, crashed, "."), "one") {
			wantFile(t, crashed, "one", "one")
		}
	}
	check(t, m.SyncDir("."))
	wantOutcomes(t, outcomes(m, look), "one two")
}

func TestCrashLosesDirectories(t *testing.T) {
	m := NewMem()
	check(t, m.MkdirAll("a", DirPerm))
	put(t, m, "a/f", "")
	look := func(m *Mem) string {
		if slices.Equal(list(t, m, "."), []string{"a/"}) {
			return "a " + strings.Join(list(t, m, "a"), " ")
		}
		return strings.Join(list(t, m, "."), " ")
	}
	wantOutcomes(t, outcomes(m, look), "", "a ", "a f")
	check(t, m.SyncDir("a")) // makes a/f durable in a, but not a
	wantOutcomes(t, outcomes(m, look), "", "a f")
	check(t, m.SyncDir("."))
	wantOutcomes(t, outcomes(m, look), "a f")
}

func TestCrashKeepsRenameWholeOrNotAtAll(t *testing.T) {
	m := NewMem()
	for _, name := range []string{"f", "g"} {
		f := create(t, m, name)
		write(t, f, 0, name)
		check(t, f.Sync())
	}
	check(t, m.SyncDir("."))
	check(t, m.Rename("g", "f"))
	look := func(m *Mem) string { return letters(t, m, "f") + " " + letters(t, m, "g") }
	wantOutcomes(t, outcomes(m, look), "f g", "g none")
	check(t, m.SyncDir("."))
	wantOutcomes(t, outcomes(m, look), "g none")
}

// Between two directories the order of syncing matters.
func TestCrashAfterRenameBetweenDirectories(t *testing.T) {
	for _, first := range []string{"from", "to"} {
		m := NewMem()
		check(t, m.MkdirAll("from", DirPerm))
		check(t, m.MkdirAll("to", DirPerm))
		check(t, m.SyncDir("."))
		put(t, m, "from/f", "")
		check(t, m.SyncDir("from"))
		check(t, m.Rename("from/f", "to/f"))
		check(t, m.SyncDir(first))
		look := func(m *Mem) string { return fmt.Sprint(list(t, m, "from"), list(t, m, "to")) }
		if first == "to" {
			wantOutcomes(t, outcomes(m, look), "[f] [f]", "[] [f]")
		} else {
			wantOutcomes(t, outcomes(m, look), "[] []", "[] [f]")
		}
	}
}

func TestCrashWithoutChanceKeepsOnlyWhatWasSynced(t *testing.T) {
	m := NewMem()
	f := create(t, m, "f")
	write(t, f, 0, "abc")
	check(t, f.Sync())
	wantList(t, m.Crash(nil), ".")
	check(t, m.SyncDir("."))
	write(t, f, 1, "xyz")
	wantFile(t, m.Crash(nil), "f", "abc")
}

func TestCrashIsRepeatable(t *testing.T) {
	run := func() *Mem {
		m := NewMem()
		for i := range 50 {
			f := create(t, m, fmt.Sprint("f", i))
			write(t, f, int64(i), fill('a', 3_000))
			if i%3 == 0 {
				check(t, f.Sync())
			}
		}
		return m.Crash(seeded(7))
	}
	want, got := run(), run()
	wantList(t, got, ".", list(t, want, ".")...)
	for _, name := range list(t, want, ".") {
		b, err := ReadFile(want, name)
		check(t, err)
		wantFile(t, got, name, string(b))
	}
}

// What is left of a crash, and what the process went on doing, share pages
// and must not see each other's changes.
func TestCrashedAndLivingDoNotMix(t *testing.T) {
	for what, clone := range map[string]func(*Mem) *Mem{
		"crash": func(m *Mem) *Mem { return m.Crash(nil) },
		"kill":  (*Mem).KillProcess,
	} {
		m := NewMem()
		f := create(t, m, "f")
		write(t, f, 0, fill('a', 2*pageBytes))
		check(t, f.Sync())
		check(t, m.SyncDir("."))
		if what == "kill" {
			write(t, f, 0, fill('a', 10)) // a page that is not synced
		}
		other := clone(m)
		write(t, f, 0, fill('b', 100))
		g := open(t, other, "f", os.O_RDWR)
		write(t, g, pageBytes, fill('c', 100))
		check(t, other.Remove("f"))
		wantFile(t, m, "f", fill('b', 100)+fill('a', 2*pageBytes-100))
		b := make([]byte, 2*pageBytes)
		_, err := g.ReadAt(b, 0)
		check(t, err)
		if want := fill('a', pageBytes) + fill('c', 100) + fill('a', pageBytes-100); string(b) != want {
			t.Errorf("%s: the living one shows in the other", what)
		}
	}
}

func TestKillKeepsEverythingButDurability(t *testing.T) {
	m := NewMem()
	lock, err := m.Lock("LOCK")
	check(t, err)
	f := create(t, m, "f")
	write(t, f, 0, "abc")
	killed := m.KillProcess()
	wantFile(t, killed, "f", "abc")
	again, err := killed.Lock("LOCK")
	check(t, err)
	wantList(t, killed.Crash(nil), ".")
	wantOutcomes(t, outcomes(killed, func(m *Mem) string { return letters(t, m, "f") }), "none", "", "0", "abc")
	check(t, again.Close())
	check(t, lock.Close())
}

// TestCrashLeavesOnlyWhatWasThere compares crashes of random histories with
// the slowest of models: all states of the file since it was synced.
func TestCrashLeavesOnlyWhatWasThere(t *testing.T) {
	const histories, steps, maxSize = 300, 12, 3 * pageBytes
	for seed := range uint64(histories) {
		rng := seeded(seed)
		m := NewMem()
		f := create(t, m, "f")
		check(t, m.SyncDir("."))
		states := [][]byte{nil}
		for range steps {
			now := slices.Clone(states[len(states)-1])
			switch off := rng.IntN(maxSize); rng.IntN(6) {
			case 0:
				check(t, f.Truncate(int64(off)))
				now = resized(now, off)
			case 1:
				check(t, f.Preallocate(int64(off)))
				now = resized(now, max(off, len(now)))
			case 2:
				check(t, f.Sync())
				states = nil
			case 3:
				m = m.KillProcess()
				f = open(t, m, "f", os.O_RDWR)
			default:
				b := bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, 1+rng.IntN(pageBytes))
				write(t, f, int64(off), string(b))
				now = resized(now, max(off+len(b), len(now)))
				copy(now[off:], b)
			}
			states = append(states, now)
			wantFile(t, m, "f", string(now))
			got, err := ReadFile(m.Crash(rng), "f")
			check(t, err)
			wantOneOf(t, seed, states, got)
		}
	}
}

func resized(b []byte, size int) []byte {
	if size <= len(b) {
		return b[:size]
	}
	return append(b, make([]byte, size-len(b))...)
}

// wantOneOf checks that the size and each sector of got are of some state.
func wantOneOf(t *testing.T, seed uint64, states [][]byte, got []byte) {
	t.Helper()
	if !slices.ContainsFunc(states, func(s []byte) bool { return len(s) == len(got) }) {
		t.Fatalf("seed %d: %d bytes, which the file never had", seed, len(got))
	}
	for at := 0; at < len(got); at += sectorBytes {
		end := min(at+sectorBytes, len(got))
		if !slices.ContainsFunc(states, func(s []byte) bool {
			return bytes.Equal(resized(slices.Clone(s), max(len(s), end))[at:end], got[at:end])
		}) {
			t.Fatalf("seed %d: sector at %d holds what it never held", seed, at)
		}
	}
}

// replaceAt crashes a WriteFileAtomic before each of its operations and after
// it, and returns what the name led to that is neither the old content nor,
// afterwards, the new one.
func replaceAt(t *testing.T, seed uint64, leaveOut OpKind) (wrong string) {
	t.Helper()
	old, new := fill('a', 1_000), fill('b', 2_000)
	m := NewMem()
	check(t, WriteFileAtomic(m, "f", []byte(old)))
	rng := seeded(seed)
	look := func(when string, allowed ...string) {
		b, err := ReadFile(m.Crash(rng), "f")
		if err != nil || !slices.Contains(allowed, string(b)) {
			wrong = fmt.Sprintf("%s: %d bytes, %v", when, len(b), err)
		}
	}
	fsys := Fail(m, func(op Op) error {
		look("before "+op.String(), old, new)
		if op.Kind == leaveOut {
			return ErrSkip
		}
		return nil
	})
	check(t, WriteFileAtomic(fsys, "f", []byte(new)))
	look("afterwards", new)
	return wrong
}

func TestWriteFileAtomicSurvivesEveryCrash(t *testing.T) {
	const none = opKinds
	for seed := range uint64(1_000) {
		if wrong := replaceAt(t, seed, none); wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
	}
}

// A program that leaves out one of the syncs is found out.
func TestCrashCatchesMissingSync(t *testing.T) {
	for _, leftOut := range []OpKind{OpSync, OpSyncDir} {
		caught := 0
		const crashes = 200
		for seed := range uint64(crashes) {
			if replaceAt(t, seed, leftOut) != "" {
				caught++
			}
		}
		if caught < crashes/4 {
			t.Errorf("%s left out: caught in %d of %d crashes, want a quarter", leftOut, caught, crashes)
		}
	}
}

func TestNamesThatNobodySyncsBecomeDurable(t *testing.T) {
	m := NewMem()
	for i := range maxPending + 10 {
		check(t, m.MkdirAll(fmt.Sprint(i), DirPerm))
	}
	if got := len(list(t, m.Crash(nil), ".")); got != 10 {
		t.Errorf("want the 10 oldest, got %d", got)
	}
}

func TestDescribeShowsWhatIsNotDurable(t *testing.T) {
	m := NewMem()
	check(t, m.MkdirAll("d/e", DirPerm))
	for _, name := range []string{"d/gone", "d/kept", "d/replaced"} {
		f := create(t, m, name)
		write(t, f, 0, "abc")
		check(t, f.Sync())
	}
	check(t, m.SyncDir("d"))
	put(t, m, "d/new", fill('a', 600))
	check(t, m.Remove("d/gone"))
	check(t, m.Rename("d/new", "d/replaced"))
	put(t, m, "d/kept", "de")
	const want = `
+ d/
  d/e/
- d/gone
  d/kept 2 bytes (3 durable), 1 sector not synced
~ d/replaced 600 bytes (0 durable), 2 sectors not synced
`
	if got := "\n" + m.Describe(); got != want {
		t.Errorf("want:%sgot:%s", want, got)
	}
	check(t, m.SyncDir("."))
	check(t, m.SyncDir("d"))
	if got := m.Crash(nil).Describe(); got != "  d/\n  d/e/\n  d/kept 3 bytes\n  d/replaced 0 bytes\n" {
		t.Errorf("after a crash:\n%s", got)
	}
}
