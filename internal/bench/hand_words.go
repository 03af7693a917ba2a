package bench

import (
	"bytes"
	"unicode/utf8"
)

// A wordSplitter does what strings.Fields and strings.ToLower do, with its own
// loop where the text is ASCII.
type wordSplitter struct{ word []byte }

// split calls each for the words of a line, which are good until it returns.
func (s *wordSplitter) split(line []byte, each func(word []byte) error) error {
	for _, c := range line {
		if c >= utf8.RuneSelf {
			return splitUnicode(line, each)
		}
	}
	word := s.word[:0]
	for _, c := range line {
		if c == ' ' || '\t' <= c && c <= '\r' {
			if len(word) > 0 {
				if err := each(word); err != nil {
					return err
				}
				word = word[:0]
			}
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		word = append(word, c)
	}
	s.word = word
	if len(word) > 0 {
		return each(word)
	}
	return nil
}

func splitUnicode(line []byte, each func(word []byte) error) error {
	for _, w := range bytes.Fields(line) {
		if err := each(bytes.ToLower(w)); err != nil {
			return err
		}
	}
	return nil
}
