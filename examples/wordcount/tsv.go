package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// writeTSV prints a line a word: the word, a tab, its count. Words hold no
// white space, so nothing needs quotes.
func writeTSV(w io.Writer, counts []wordCount) error {
	out := bufio.NewWriter(w)
	var line []byte
	for _, c := range counts {
		line = append(line[:0], c.word...)
		line = append(line, '\t')
		line = strconv.AppendInt(line, c.count, 10)
		line = append(line, '\n')
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("write counts: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write counts: %w", err)
	}
	return nil
}
