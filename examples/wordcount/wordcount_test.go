package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// childVar makes the test binary the program itself, to be killed. It is how many
// bytes the program reads and commits at once: few make it slow.
const childVar = "FRESHET_WORDCOUNT_CHILD"

func TestMain(m *testing.M) {
	if atOnce, err := strconv.Atoi(os.Getenv(childVar)); err == nil {
		readLines.ReadBytes, readLines.CommitBytes = atOnce, int64(atOnce)
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A result is what a run of the program gave.
type result struct {
	code           int
	stdout, stderr string
}

// wordcountOf runs the program in this process.
func wordcountOf(t testing.TB, stdin io.Reader, args ...string) result {
	t.Helper()
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	var stdout bytes.Buffer
	code := run(args, stdin, &stdout, stderr)
	said, err := os.ReadFile(stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	return result{code, stdout.String(), string(said)}
}

func (r result) done(t testing.TB) result {
	t.Helper()
	if r.code != exitDone {
		t.Fatalf("exit %d, want 0\n%s", r.code, r.stderr)
	}
	return r
}

// independentCount counts the plain way, with nothing of this program.
func independentCount(texts ...[]byte) string {
	counts := map[string]int{}
	for _, text := range texts {
		for _, line := range bytes.Split(text, []byte("\n")) {
			for _, word := range bytes.FieldsFunc(line, unicode.IsSpace) {
				counts[strings.ToLower(string(word))]++
			}
		}
	}
	var words []string
	for w := range counts {
		words = append(words, w)
	}
	sort.Slice(words, func(i, j int) bool {
		a, b := words[i], words[j]
		return counts[a] > counts[b] || counts[a] == counts[b] && a < b
	})
	var out strings.Builder
	for _, w := range words {
		fmt.Fprintf(&out, "%s\t%d\n", w, counts[w])
	}
	return out.String()
}

func testSeed(t testing.TB) uint64 {
	s, err := strconv.ParseUint(os.Getenv("FRESHET_SEED"), 10, 64)
	if err != nil {
		s = rand.Uint64()
	}
	t.Logf("FRESHET_SEED=%d", s)
	return s
}

// pieces are what random texts are made of.
var pieces = []string{"the", "The", "THE", "of", "a", "Straße", "STRASSE", "İstanbul", "ἈΡΧΉ", "日本", "é", "e\u0301", "Ⱥ",
	"\xff", "\xc3", "a\xffB", "\x00", "\x1b[2J", "\u2028", "\u00a0", "\u200b", "\ufeff", "\v", "\f", "\u0085", "word"}

// randomText is a half to all of about so many bytes of words, spaces and line
// ends of all kinds.
func randomText(rng *rand.Rand, size int) []byte {
	var b []byte
	for size -= rng.IntN(size/2 + 1); len(b) < size; {
		switch rng.IntN(12) {
		case 0:
			b = append(b, "\n"...)
		case 1:
			b = append(b, "\r\n"...)
		case 2:
			b = append(b, "\t  "[rng.IntN(3):]...)
		case 3:
			b = fmt.Appendf(b, "w%d ", rng.IntN(500))
		default:
			b = append(b, pieces[rng.IntN(len(pieces))]...)
			b = append(b, " "[rng.IntN(2):]...)
		}
	}
	return b
}

// textFiles writes texts to files and returns their paths.
func textFiles(t testing.TB, texts ...[]byte) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, text := range texts {
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("text-%d", i)))
		if err := os.WriteFile(paths[i], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func TestCountsEqualAnIndependentCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 0))
	for _, partitions := range []int{1, 4, 16} {
		for round := range 3 {
			texts := [][]byte{{}, randomText(rng, 300), randomText(rng, 200_000), []byte("no newline at the end"), nil}
			texts[4] = texts[1] // the same text in another file counts again
			args := append([]string{"--format", "tsv", "--partitions", strconv.Itoa(partitions), "--durability", "os"}, textFiles(t, texts...)...)
			got := wordcountOf(t, nil, args...).done(t).stdout
			if want := independentCount(texts...); got != want {
				t.Errorf("%d partitions, round %d: counts differ%s", partitions, round, firstDifference(want, got))
			}
		}
	}
}

func TestStandardInputIsCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 1))
	text := randomText(rng, 50_000)
	got := wordcountOf(t, bytes.NewReader(text), "--format=tsv", "-").done(t).stdout
	if want := independentCount(text); got != want {
		t.Errorf("counts differ%s", firstDifference(want, got))
	}
}

func TestFileGivenTwiceCountsOnce(t *testing.T) {
	text := []byte("a b\na\n")
	path := textFiles(t, text)[0]
	got := wordcountOf(t, nil, path, "--format", "tsv", path).done(t).stdout
	if want := independentCount(text); got != want {
		t.Errorf("counts differ%s", firstDifference(want, got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf(" at line %d: want %q, got %q", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf(": want %d lines, got %d", len(w), len(g))
}
