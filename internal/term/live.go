package term

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// eraseBelow clears from the cursor to the end of the screen.
const eraseBelow = text.EscapeStart + "J"

// A Live is a block of lines at the end of a terminal that each Draw replaces.
//
// Between frames the cursor is below the block, at the start of a line, so
// whatever else is printed follows the last frame; a Draw after that begins a
// block at the wrong place, so others should write only when drawing is over.
//
// One goroutine owns it.
type Live struct {
	w     io.Writer
	size  func() (columns, rows int)
	drawn []int // widths in cells of the lines on the screen
}

// NewLive returns a view at the end of f, whose Detect allows Redraw.
func NewLive(f *os.File) *Live {
	return newLive(f, func() (columns, rows int) { return Size(f) })
}

func newLive(w io.Writer, size func() (columns, rows int)) *Live {
	return &Live{w: w, size: size}
}

// Draw replaces the last frame in one write. A line holds printable text and
// colours; what is too wide or too high for the terminal is cut.
func (l *Live) Draw(frame string) error {
	columns, rows := l.size()
	// The last column stays empty, because terminals differ in whether the
	// cursor wraps behind it. The last row is the cursor's.
	width, height := max(columns-1, 1), max(rows-1, 1)

	var out strings.Builder
	out.WriteByte('\r')                     // over an echoed ^C
	if up := l.rowsDrawn(columns); up > 0 { // the top row stops it
		out.WriteString(text.CursorUp.Sprintn(up))
	}
	l.drawn = l.drawn[:0]
	for line := range strings.Lines(frame) {
		if len(l.drawn) == height {
			break
		}
		line = text.Trim(strings.TrimRight(line, "\r\n"), width)
		l.drawn = append(l.drawn, text.StringWidthWithoutEscSequences(line))
		out.WriteString(line)
		out.WriteString(text.EraseLine.Sprint())
		out.WriteByte('\n')
	}
	out.WriteString(eraseBelow) // what a longer frame left
	if _, err := io.WriteString(l.w, out.String()); err != nil {
		return fmt.Errorf("draw on the terminal: %w", err)
	}
	return nil
}

// rowsDrawn is the height of the last frame on a terminal of so many columns. One
// that has become narrower since has wrapped the lines that no longer fit.
func (l *Live) rowsDrawn(columns int) int {
	rows := 0
	for _, width := range l.drawn {
		rows += max((width+columns-1)/columns, 1)
	}
	return rows
}
