package term

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

// The width of some characters, … among them, depends on the user's locale.
func TestMain(m *testing.M) {
	text.OverrideRuneWidthEastAsianWidth(false)
	os.Exit(m.Run())
}

// A screen is as much of a terminal as Live needs: cells, a cursor, wrapping,
// scrolling into a scrollback, and the sequences CursorUp, EraseLine, eraseBelow.
// Colours are dropped; anything else fails the test.
type screen struct {
	t             *testing.T
	columns, rows int
	lines         [][]rune // scrollback, then the screen
	row, column   int      // of the cursor, row in lines
	writes        int
}

func newScreen(t *testing.T, columns, rows int) *screen {
	return &screen{t: t, columns: columns, rows: rows, lines: [][]rune{nil}}
}

func (s *screen) size() (columns, rows int) { return s.columns, s.rows }

func (s *screen) Write(p []byte) (int, error) {
	s.writes++
	rest := string(p)
	for rest != "" {
		if after, ok := strings.CutPrefix(rest, text.EscapeStart); ok {
			rest = s.control(after)
			continue
		}
		for _, r := range rest {
			s.put(r)
			rest = rest[len(string(r)):]
			break
		}
	}
	return len(p), nil
}

func (s *screen) control(sequence string) (rest string) {
	end := strings.IndexFunc(sequence, func(r rune) bool { return r >= 'A' })
	if end < 0 {
		s.t.Fatalf("unfinished control sequence %q", sequence)
	}
	n, letter := 1, sequence[end]
	if sequence[:end] != "" && letter != 'm' {
		if _, err := fmt.Sscanf(sequence[:end], "%d", &n); err != nil {
			s.t.Fatalf("control sequence %q: %v", sequence[:end+1], err)
		}
	}
	switch letter {
	case 'm':
	case 'A':
		s.row = max(s.row-n, len(s.lines)-s.rows, 0)
	case 'K':
		s.eraseLine()
	case 'J':
		s.eraseLine()
		s.lines = s.lines[:s.row+1]
	default:
		s.t.Fatalf("unknown control sequence %q", sequence[:end+1])
	}
	return sequence[end+1:]
}

func (s *screen) eraseLine() {
	s.lines[s.row] = s.lines[s.row][:min(s.column, len(s.lines[s.row]))]
}

func (s *screen) put(r rune) {
	switch {
	case r == '\r':
		s.column = 0
		return
	case r == '\n':
		s.column = 0
		s.down()
		return
	case s.column+text.RuneWidth(r) > s.columns:
		s.t.Errorf("%q reaches the right edge of %d columns", string(s.lines[s.row])+string(r), s.columns)
	}
	line := s.lines[s.row]
	for len(line) < s.column+text.RuneWidth(r) {
		line = append(line, ' ')
	}
	line[s.column] = r
	for i := 1; i < text.RuneWidth(r); i++ {
		line[s.column+i] = -1 // the right half of a wide character
	}
	s.lines[s.row] = line
	s.column += text.RuneWidth(r)
}

func (s *screen) down() {
	s.row++
	if s.row == len(s.lines) {
		s.lines = append(s.lines, nil)
	}
}

// narrow changes the width as most terminals do, by wrapping what does not fit.
func (s *screen) narrow(columns int) {
	var wrapped [][]rune
	for _, line := range s.lines {
		for len(line) > columns {
			wrapped = append(wrapped, append([]rune(nil), line[:columns]...))
			line = line[columns:]
		}
		wrapped = append(wrapped, line)
	}
	s.row += len(wrapped) - len(s.lines)
	s.lines, s.columns = wrapped, columns
}

// String is everything that can be seen or scrolled to, and where the cursor is.
func (s *screen) String() string {
	var all strings.Builder
	for i, line := range s.lines {
		for j, r := range line {
			if i == s.row && j == s.column {
				all.WriteString("|")
			}
			if r >= 0 {
				all.WriteRune(r)
			}
		}
		if i == s.row && s.column >= len(line) {
			all.WriteString("|")
		}
		all.WriteString("\n")
	}
	return all.String()
}
