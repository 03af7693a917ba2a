package term

import (
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Width returns how many cells s takes on a terminal; colours take none.
func Width(s string) int { return text.StringWidthWithoutEscSequences(s) }

// Left makes s exactly width cells wide, filled at its right, or cut with an
// ellipsis.
func Left(s string, width int) string {
	return text.Pad(cut(s, width), width, ' ')
}

// Right makes s exactly width cells wide, filled at its left, or cut with an
// ellipsis.
func Right(s string, width int) string {
	s = cut(s, width)
	return strings.Repeat(" ", max(width-Width(s), 0)) + s
}

func cut(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return text.Snip(s, width, "…")
}

// Printable replaces everything that could do more than show itself: control and
// format characters and invalid bytes become U+FFFD.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
