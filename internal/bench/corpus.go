package bench

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
)

// A corpus is generated text in a file, one line after the other: it is kept
// out of memory, where it would make the garbage collector run less often on
// both sides.
//
// Words follow Zipf's law, as those of a language do; about one in eight is
// capitalized, so that lower-casing has something to do.
type corpus struct {
	path   string
	words  int64
	lines  int64
	result tally
}

const (
	wordsPerLine = 10
	vocabulary   = 200_000
	zipfExponent = 1.07
)

// writeCorpus writes text of about that many words, always the same of a seed.
func writeCorpus(path string, words int64, seed uint64) (c corpus, err error) {
	f, err := os.Create(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	rng := rand.New(rand.NewPCG(seed, 0))
	zipf := rand.NewZipf(rng, zipfExponent, 1, vocabulary-1)
	counts := make([]int64, vocabulary)
	c = corpus{path: path, lines: max((words+wordsPerLine/2)/wordsPerLine, 1)}
	c.words = c.lines * wordsPerLine
	var line []byte
	for range c.lines {
		line = line[:0]
		for range wordsPerLine {
			rank := zipf.Uint64()
			counts[rank]++
			start := len(line)
			line = appendWord(line, rank)
			if rng.Uint32()%8 == 0 {
				line[start] -= 'a' - 'A'
			}
			line = append(line, ' ')
		}
		line[len(line)-1] = '\n'
		if _, err := w.Write(line); err != nil {
			return c, err
		}
	}
	byWord := map[string]int64{}
	for rank, n := range counts {
		if n > 0 {
			byWord[string(appendWord(nil, uint64(rank)))] = n
		}
	}
	c.result = tallyOf(byWord)
	return c, w.Flush()
}

// appendWord appends a word of four to six letters that no other rank has:
// the digits of the rank to the base of a hundred syllables.
func appendWord(dst []byte, rank uint64) []byte {
	const consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiou"
	const syllables = uint64(len(consonants) * len(vowels))
	for n := rank + syllables; n > 0; n /= syllables {
		s := n % syllables
		dst = append(dst, consonants[s/uint64(len(vowels))], vowels[s%uint64(len(vowels))])
	}
	return dst
}

// eachLine calls f for each line; the bytes are good until it returns.
func (c corpus) eachLine(f func(i int64, line []byte) error) (err error) {
	file, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := bufio.NewReaderSize(file, 1<<20)
	for i := int64(0); ; i++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(i, line[:len(line)-1]); err != nil {
			return err
		}
	}
}

// A tally sums up word counts, so that two results can be compared without
// keeping either.
type tally struct {
	Words    int64  `json:"words"`
	Distinct int    `json:"distinct_words"`
	SHA256   string `json:"sha256"` // of "word<TAB>count<LF>" in the order of the words
}

func tallyOf(counts map[string]int64) tally {
	h := sha256.New()
	t := tally{Distinct: len(counts)}
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		t.Words += counts[word]
		fmt.Fprintf(h, "%s\t%d\n", word, counts[word])
	}
	t.SHA256 = hex.EncodeToString(h.Sum(nil))
	return t
}
